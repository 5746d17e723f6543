//! From lines to settings.

use std::sync::Arc;

use super::environment::{Lookup, expand};
use super::note::{Note, NoteKind};
use super::option::{Again, ConfigOption, Field, Needs, Scope, Status};
use super::problem::{Above, Place, Problem};
use super::settings::{ListenerSettings, Origin, Security, Settings};
use super::table;
use super::value::{Value, split_word};

/// What one line sets.
#[derive(Clone, Debug)]
pub struct Given {
    /// The option.
    pub option: &'static ConfigOption,
    /// Its name, as the line has it.
    pub name: String,
    /// Its value, as the line has it. It may be a secret: see [`Given::shown`].
    pub(super) value: String,
    /// What it concerns.
    pub section: Section,
    /// The line.
    pub at: Place,
    /// It says what is so without the line, too.
    pub is_default: bool,
}

impl Given {
    /// The line, without what is secret.
    pub fn shown(&self) -> String {
        if self.option.is_secret {
            format!("{} ...", self.name)
        } else {
            format!("{} {}", self.name, self.value).trim_end().into()
        }
    }
}

/// What a line concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The whole broker.
    General,
    /// A listener: its place in [`Settings::listeners`].
    Listener(usize),
    /// A bridge: its place in [`Settings::bridges`].
    Bridge(usize),
    /// A plugin: its place in [`Settings::plugins`].
    Plugin(usize),
}

/// What all lines so far say.
pub(super) struct Reader<'a> {
    pub(super) settings: Settings,
    pub(super) given: Vec<Given>,
    pub(super) notes: &'a mut Vec<Note>,
    /// Where each listener and each bridge begins.
    pub(super) listener_places: Vec<Place>,
    pub(super) bridge_places: Vec<Place>,
    /// Whether an option depended on `per_listener_settings` already.
    pub(super) has_security: bool,
    /// `port` was read.
    pub(super) has_port: bool,
    /// How variables of the environment are found, if they are to be.
    pub(super) lookup: Option<Lookup<'a>>,
}

/// What the next lines of a file concern. Each file begins anew.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Current {
    pub(super) listener: Option<usize>,
    pub(super) bridge: Option<usize>,
    pub(super) plugin: Option<usize>,
}

/// A line, taken apart.
pub(super) struct Line<'a> {
    pub(super) place: Place,
    pub(super) name: &'a str,
    pub(super) row: &'static ConfigOption,
    /// The value as it stands there, without the blanks around it.
    written: &'a str,
    text: &'a str,
    is_foreign: bool,
}

impl Line<'_> {
    pub(super) const fn value<'b>(&'b self, notes: &'b mut Vec<NoteKind>) -> Value<'b> {
        Value::new(self.name, self.row, self.text, self.is_foreign, notes)
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(notes: &'a mut Vec<Note>, lookup: Option<Lookup<'a>>) -> Self {
        Self {
            settings: Settings::default(),
            given: Vec::new(),
            notes,
            listener_places: Vec::new(),
            bridge_places: Vec::new(),
            has_security: false,
            has_port: false,
            lookup,
        }
    }

    /// Takes one line. `Some` is the folder of an `include_dir`, which is the caller's business.
    pub(super) fn line(
        &mut self,
        place: &Place,
        bytes: &[u8],
        current: &mut Current,
    ) -> Result<Option<String>, Problem> {
        if bytes.first() == Some(&b'#') {
            return Ok(None);
        }
        let line = str::from_utf8(bytes).map_err(|_| Problem::Text)?.trim_end_matches(['\r', '\n']);
        let Some((name, text)) = split_word(line) else { return Ok(None) };
        if name.starts_with('#') {
            return Ok(None);
        }
        let Some(row) = table::find(name) else { return Err(Problem::Unknown { name: name.into() }) };
        let expanded = match self.lookup {
            Some(lookup) => expand(text, lookup)?,
            None => None,
        };
        let line = Line {
            place: place.clone(),
            name,
            row,
            written: text.trim(),
            is_foreign: expanded.is_some(),
            text: expanded.as_deref().unwrap_or(text),
        };
        let mut notes = Vec::new();
        let taken = self.take(&line, current, &mut notes);
        let at = |kind| Note { at: place.clone(), kind };
        self.notes.extend(notes.into_iter().map(at));
        taken
    }

    /// Takes a line whose option is known.
    fn take(
        &mut self,
        line: &Line<'_>,
        current: &mut Current,
        notes: &mut Vec<NoteKind>,
    ) -> Result<Option<String>, Problem> {
        note_deprecation(line, notes);
        let mut folder = None;
        let (section, is_default) = match &line.row.scope {
            Scope::General(field) => {
                (Section::General, assign(&mut self.settings.general, field, line, notes)?)
            }
            Scope::Engine(field) => {
                (Section::General, assign(&mut self.settings.engine, field, line, notes)?)
            }
            Scope::Keeping(field) => {
                (Section::General, assign(&mut self.settings.keeping, field, line, notes)?)
            }
            Scope::Logging(field) => {
                (Section::General, assign(&mut self.settings.logging, field, line, notes)?)
            }
            Scope::Process(field) => {
                (Section::General, assign(&mut self.settings.process, field, line, notes)?)
            }
            Scope::Security(field) => self.take_security(field, line, current, notes)?,
            Scope::Listener(field, needs) => {
                let number = self.listener_for(*needs, line, current, notes)?;
                let Some(listener) = self.settings.listeners.get_mut(number) else {
                    return Err(misplaced(line, Above::Listener));
                };
                (Section::Listener(number), assign(listener, field, line, notes)?)
            }
            Scope::Bridge(field) => {
                let place =
                    current.bridge.and_then(|number| Some((number, self.settings.bridges.get_mut(number)?)));
                let (number, bridge) = place.ok_or_else(|| misplaced(line, Above::Bridge))?;
                (Section::Bridge(number), assign(bridge, field, line, notes)?)
            }
            Scope::Plugin(field) => {
                let place =
                    current.plugin.and_then(|number| Some((number, self.settings.plugins.get_mut(number)?)));
                let (number, plugin) = place.ok_or_else(|| misplaced(line, Above::AuthPlugin))?;
                (Section::Plugin(number), assign(plugin, field, line, notes)?)
            }
            Scope::Structure(structure) => {
                let taken = self.take_structure(*structure, line, current, notes)?;
                folder = taken.folder;
                (taken.section, taken.is_default)
            }
        };
        if let Status::NoEffect(reason) = line.row.status
            && !is_default
        {
            notes.push(NoteKind::NoEffect { option: line.name.into(), reason });
        }
        self.given.push(Given {
            option: line.row,
            name: line.name.into(),
            value: line.written.into(),
            section,
            at: line.place.clone(),
            is_default,
        });
        Ok(folder)
    }

    /// Takes an option that concerns all listeners, or with `per_listener_settings` one.
    fn take_security(
        &mut self,
        field: &Field<Security>,
        line: &Line<'_>,
        current: &mut Current,
        notes: &mut Vec<NoteKind>,
    ) -> Result<(Section, bool), Problem> {
        self.has_security = true;
        if !self.settings.general.per_listener_settings {
            return Ok((Section::General, assign(&mut self.settings.security, field, line, notes)?));
        }
        if line.name == "allow_anonymous" {
            notes.push(NoteKind::ListenerAllowAnonymous);
        }
        let number = current.listener.ok_or_else(|| misplaced(line, Above::Listener))?;
        let Some(listener) = self.settings.listeners.get_mut(number) else {
            return Err(misplaced(line, Above::Listener));
        };
        Ok((Section::Listener(number), assign(&mut listener.security, field, line, notes)?))
    }

    /// The listener that an option concerns.
    pub(super) fn listener_for(
        &mut self,
        needs: Needs,
        line: &Line<'_>,
        current: &mut Current,
        notes: &mut Vec<NoteKind>,
    ) -> Result<usize, Problem> {
        let is_own = |number: &usize| {
            self.settings.listeners.get(*number).is_some_and(|it| it.origin == Origin::Listener)
        };
        match (needs, current.listener) {
            (Needs::OwnListener, Some(number)) if is_own(&number) => Ok(number),
            (Needs::Listener | Needs::Nothing, Some(number)) => Ok(number),
            (Needs::Nothing, None) => Ok(self.default_listener(line, current, notes)),
            _ => Err(misplaced(line, Above::Listener)),
        }
    }

    /// The default listener, which is made if it is not there.
    pub(super) fn default_listener(
        &mut self,
        line: &Line<'_>,
        current: &mut Current,
        notes: &mut Vec<NoteKind>,
    ) -> usize {
        let there = self.settings.listeners.iter().position(|listener| listener.origin != Origin::Listener);
        let number = there.unwrap_or_else(|| {
            notes.push(NoteKind::DefaultListener { option: line.name.into() });
            self.add_listener(ListenerSettings::default(), line)
        });
        current.listener = Some(number);
        number
    }

    /// Adds a listener that begins with a line.
    pub(super) fn add_listener(&mut self, listener: ListenerSettings, line: &Line<'_>) -> usize {
        self.settings.listeners.push(listener);
        self.listener_places.push(line.place.clone());
        self.settings.listeners.len() - 1
    }
}

/// Notes that an option is on its way out.
fn note_deprecation(line: &Line<'_>, notes: &mut Vec<NoteKind>) {
    let option = || line.name.into();
    if let Some(advice) = line.row.deprecation {
        notes.push(NoteKind::Deprecated { option: option(), advice });
    }
    if line.name == "message_size_limit" {
        notes.push(NoteKind::PacketSize);
    }
}

/// What has to stand above a line is missing.
pub(super) fn misplaced(line: &Line<'_>, needs: Above) -> Problem {
    Problem::Misplaced { option: line.name.into(), needs }
}

/// Gives a value to a field, and tells whether it is the one that the field has by default.
fn assign<T: Default + PartialEq>(
    target: &mut T,
    field: &Field<T>,
    line: &Line<'_>,
    notes: &mut Vec<NoteKind>,
) -> Result<bool, Problem> {
    let mut unheard = Vec::new();
    let mut probe = T::default();
    let is_default = set(&mut probe, field, &mut line.value(&mut unheard)).is_ok() && probe == T::default();
    set(target, field, &mut line.value(notes))?;
    Ok(is_default)
}

fn set<T>(target: &mut T, field: &Field<T>, value: &mut Value<'_>) -> Result<(), Problem> {
    let duplicate =
        |value: &Value<'_>| Problem::Duplicate { option: value.option.into(), called: value.called() };
    match field {
        Field::Flag(place) => *place(target) = value.flag()?,
        Field::OptionalFlag(place) => *place(target) = Some(value.flag()?),
        Field::Number(range, set) => set(target, value.number(range)?),
        Field::Choice(words) => {
            let word = value.word()?;
            let chosen = words.iter().find(|(name, _)| *name == word);
            let (_, set) = chosen.ok_or_else(|| value.refusal(word))?;
            set(target);
        }
        Field::Text(again, place) => {
            let text = value.text()?;
            if place(target).replace(text).is_some() && *again == Again::IsAnError {
                return Err(duplicate(value));
            }
        }
        Field::Path(again, place) => {
            let path = value.text()?.into();
            if place(target).replace(path).is_some() && *again == Again::IsAnError {
                return Err(duplicate(value));
            }
        }
        Field::Secret(place) => {
            let secret = value.text()?.into();
            if place(target).replace(secret).is_some() {
                return Err(duplicate(value));
            }
        }
        Field::Texts(place) => {
            let text = value.text()?;
            place(target).push(text);
        }
        Field::Special(_, read) => return read(target, value),
    }
    value.finish();
    Ok(())
}

/// A file, for its places.
pub(super) fn place(file: &Arc<str>, line: usize) -> Place {
    Place { file: Arc::clone(file), line }
}
