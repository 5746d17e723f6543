//! The value of an option: what stands behind its name.

use super::note::NoteKind;
use super::number::{NumberError, integer};
use super::option::{Beyond, ConfigOption, Range};
use super::problem::Problem;

/// How long a text may be, in bytes.
const TEXT_BYTES_MAX: usize = 65_535;

/// The value of an option, read from left to right.
pub(super) struct Value<'a> {
    /// The option, as the line has it.
    pub(super) option: &'a str,
    pub(super) row: &'static ConfigOption,
    /// What has not been read yet.
    rest: &'a str,
    /// Whether parts come from elsewhere and should not be shown.
    is_foreign: bool,
    notes: &'a mut Vec<NoteKind>,
}

/// Characters between words.
const BLANKS: [char; 2] = [' ', '\t'];

/// The first word of a text, and what stands behind it.
pub(super) fn split_word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(BLANKS);
    if text.is_empty() {
        return None;
    }
    let end = text.find(BLANKS).unwrap_or(text.len());
    Some((&text[..end], &text[end..]))
}

impl<'a> Value<'a> {
    pub(super) const fn new(
        option: &'a str,
        row: &'static ConfigOption,
        text: &'a str,
        is_foreign: bool,
        notes: &'a mut Vec<NoteKind>,
    ) -> Self {
        Self { option, row, rest: text, is_foreign, notes }
    }

    /// What Mosquitto's messages call the value.
    pub(super) fn called(&self) -> String {
        self.row.called.unwrap_or(self.option).into()
    }

    /// The next word, if there is one.
    pub(super) fn next_word(&mut self) -> Option<&'a str> {
        let (word, rest) = split_word(self.rest)?;
        self.rest = rest;
        Some(word)
    }

    /// The next word, if there is one before a comment.
    pub(super) fn next_word_before_comment(&mut self) -> Option<&'a str> {
        let word = self.next_word()?;
        if word.starts_with('#') {
            self.rest = "";
            return None;
        }
        Some(word)
    }

    /// Whether there is another word before a comment.
    pub(super) fn has_more(&self) -> bool {
        split_word(self.rest).is_some_and(|(word, _)| !word.starts_with('#'))
    }

    /// The next word.
    pub(super) fn word(&mut self) -> Result<&'a str, Problem> {
        let word = self.next_word();
        word.ok_or_else(|| self.empty())
    }

    /// What is left, as it stands there; it may be empty.
    pub(super) fn remainder(&mut self) -> &'a str {
        core::mem::take(&mut self.rest)
    }

    /// Makes this what is left.
    pub(super) const fn go_on_at(&mut self, rest: &'a str) {
        self.rest = rest;
    }

    /// All that is left as one text, without the blanks around it.
    pub(super) fn text(&mut self) -> Result<String, Problem> {
        let text = self.remainder().trim_matches(|c: char| c.is_ascii_whitespace());
        if text.is_empty() {
            return Err(self.empty());
        }
        if text.len() > TEXT_BYTES_MAX || !text.chars().all(is_text) {
            return Err(Problem::Text);
        }
        Ok(text.into())
    }

    /// The next word as `true` or `false`.
    pub(super) fn flag(&mut self) -> Result<bool, Problem> {
        match self.word()? {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            other => Err(self.refusal(other)),
        }
    }

    /// The next word as a number.
    pub(super) fn integer(&mut self) -> Result<i64, Problem> {
        self.integer_called(&self.called())
    }

    /// The next word as a number that Mosquitto's messages call so.
    pub(super) fn integer_called(&mut self, called: &str) -> Result<i64, Problem> {
        let Some(word) = self.next_word() else {
            let takes = self.row.takes();
            return Err(Problem::Empty { option: self.option.into(), called: called.into(), takes });
        };
        integer(word).map_err(|error| {
            let theirs = match error {
                NumberError::NotANumber => format!("Error: '{called}' value not a number."),
                NumberError::TooLarge => format!("Error: '{called}' value out of range."),
            };
            self.refused(word, theirs)
        })
    }

    /// The next word as a number in a range.
    pub(super) fn number(&mut self, range: &Range) -> Result<i64, Problem> {
        let number = self.integer()?;
        let (beyond, nearest) = if number < range.least {
            (range.below, range.least)
        } else if number > range.most {
            (range.above, range.most)
        } else {
            return Ok(number);
        };
        match beyond {
            Beyond::Clamp => {}
            Beyond::ClampSaying(theirs) => {
                self.say(NoteKind::Nearest { option: self.option.into(), taken: nearest, theirs });
            }
            Beyond::Refuse(theirs) => {
                let text = number.to_string();
                let theirs = if i32::try_from(number).is_err() {
                    format!("Error: '{}' value out of range.", self.called())
                } else if theirs.is_empty() {
                    format!("Error: Invalid '{}' value ({text}).", self.called())
                } else {
                    theirs.replace("{}", &text)
                };
                return Err(self.refused(&text, theirs));
            }
        }
        Ok(nearest)
    }

    /// Notes what is left behind the value, unless it is a comment.
    pub(super) fn finish(&mut self) {
        if self.has_more() {
            self.say(NoteKind::Rest { option: self.option.into() });
        }
    }

    /// Notes something.
    pub(super) fn say(&mut self, note: NoteKind) {
        self.notes.push(note);
    }

    /// There is no value.
    pub(super) fn empty(&self) -> Problem {
        Problem::Empty { option: self.option.into(), called: self.called(), takes: self.row.takes() }
    }

    /// The value is not what the option takes.
    pub(super) fn refusal(&self, value: &str) -> Problem {
        self.refused(value, format!("Error: Invalid '{}' value ({value}).", self.called()))
    }

    /// The value is not what the option takes, which Mosquitto says so.
    pub(super) fn refused(&self, value: &str, theirs: impl Into<String>) -> Problem {
        let is_hidden = self.is_foreign || self.row.is_secret;
        let (value, theirs) = if is_hidden {
            ("...".into(), format!("Error: Invalid '{}' value.", self.called()))
        } else {
            (value.into(), theirs.into())
        };
        Problem::Value { option: self.option.into(), value, takes: self.row.takes(), theirs }
    }
}

/// Whether a text may hold a character: no control characters, and none that Unicode has set aside.
fn is_text(character: char) -> bool {
    let code = u32::from(character);
    !character.is_control() && !(0xFDD0..=0xFDEF).contains(&code) && code & 0xFFFE != 0xFFFE
}
