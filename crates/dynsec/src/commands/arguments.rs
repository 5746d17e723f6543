//! The members of a command.

use martlet_json::Json;

use super::refusal::{Noun, Refusal};
use crate::describe::member;
use crate::limits::{PASSWORD_BYTES_MAX, TEXT_BYTES_MAX};
use crate::names;

/// A command.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a>(&'a Json);

impl<'a> Arguments<'a> {
    pub(super) const fn new(command: &'a Json) -> Self {
        Self(command)
    }

    /// The value of a member.
    pub(super) fn value(self, name: &str) -> Option<&'a Json> {
        member(self.0, name)
    }

    /// The entries of a list; nothing if it is none.
    pub(super) fn list(self, name: &str) -> Option<&'a [Json]> {
        match self.value(name) {
            Some(Json::Array(entries)) => Some(entries),
            _ => None,
        }
    }

    /// The name of a client, a group or a role.
    pub(super) fn name(self, noun: Noun) -> Result<&'a str, Refusal> {
        let Some(Json::Text(bytes)) = self.value(noun.member()) else { return Err(Refusal::NoName(noun)) };
        names::name(bytes).ok_or(Refusal::InvalidName(noun))
    }

    /// The name of one that is to be removed: also of one that only a file could give such a name.
    pub(super) fn old_name(self, noun: Noun) -> Result<&'a str, Refusal> {
        let Some(Json::Text(bytes)) = self.value(noun.member()) else { return Err(Refusal::NoName(noun)) };
        core::str::from_utf8(bytes).map_err(|_| Refusal::NotFound(noun))
    }

    /// The name of one that is to be made.
    pub(super) fn new_name(self, noun: Noun) -> Result<&'a str, Refusal> {
        match self.name(noun)? {
            "" => Err(Refusal::EmptyName(noun)),
            name => Ok(name),
        }
    }

    /// A text, or the refusal if there is something else.
    pub(super) fn text(self, name: &str, refusal: Refusal) -> Result<Option<&'a [u8]>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Json::Text(bytes)) => Ok(Some(bytes)),
            Some(_) => Err(refusal),
        }
    }

    /// A text; anything else counts as nothing.
    pub(super) fn lenient_text(self, name: &str) -> Option<&'a [u8]> {
        self.text(name, Refusal::Internal).ok().flatten()
    }

    /// What a new client, group or role is called and what it is.
    pub(super) fn descriptions(self) -> Result<Descriptions, Refusal> {
        let name = self.text("textname", Refusal::TextName)?;
        let description = self.text("textdescription", Refusal::TextDescription)?;
        Descriptions::new(name, description)
    }

    /// What a known client, group or role is called from now on and what it is.
    pub(super) fn new_descriptions(self) -> Result<Descriptions, Refusal> {
        Descriptions::new(self.lenient_text("textname"), self.lenient_text("textdescription"))
    }

    /// A password that may be left out. An empty one is none.
    pub(super) fn password(self) -> Result<Option<&'a [u8]>, Refusal> {
        let password = self.text("password", Refusal::NoPassword)?;
        if password.is_some_and(|password| password.len() > PASSWORD_BYTES_MAX) {
            return Err(Refusal::NoPassword);
        }
        Ok(password.filter(|password| !password.is_empty()))
    }

    /// A truth value; anything else counts as nothing.
    pub(super) fn bool(self, name: &str) -> Option<bool> {
        match self.value(name) {
            Some(Json::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// A number without its fraction; anything else counts as nothing.
    pub(super) fn integer(self, name: &str) -> Option<i32> {
        match self.value(name) {
            #[expect(clippy::cast_possible_truncation, reason = "the nearest will do")]
            Some(Json::Number(number)) => Some(*number as i32),
            _ => None,
        }
    }

    /// Whether the member is there, whatever it is.
    pub(super) fn has(self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The command itself.
    pub(super) const fn json(self) -> &'a Json {
        self.0
    }
}

/// What something is called and what it is, as far as it was said.
pub(super) struct Descriptions {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
}

impl Descriptions {
    fn new(name: Option<&[u8]>, description: Option<&[u8]>) -> Result<Self, Refusal> {
        let is_too_long = |text: Option<&[u8]>| text.is_some_and(|text| text.len() > TEXT_BYTES_MAX);
        if is_too_long(name) || is_too_long(description) {
            return Err(Refusal::TextTooLong);
        }
        let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        Ok(Self { name: text(name), description: text(description) })
    }

    /// Replaces what was said.
    pub(super) fn replace(self, name: &mut Option<String>, description: &mut Option<String>) {
        if self.name.is_some() {
            *name = self.name;
        }
        if self.description.is_some() {
            *description = self.description;
        }
    }
}
