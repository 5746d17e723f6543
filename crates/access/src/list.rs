//! Access control lists: who may read and write which topics.
//!
//! * Lines `topic` above the first `user` are for clients without a user name; those below a `user` are for that user.
//! * Lines `pattern` are for all, wherever they stand. `%c` and `%u` in them, as whole levels, are the client's names.
//! * Of the lines `topic` those with `deny` count first, then those that grant something; only if none speaks of the
//!   topic, the lines `pattern` do in the same order. What no line grants is not allowed.

use std::collections::HashMap;

use martlet_wire::TopicFilter;

use crate::error::{FileError, Problem};
use crate::rules::Rules;

/// How many levels a Topic Filter of a line may have.
const LEVELS_MAX: usize = 201;

/// Whom a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who<'a> {
    /// The Client Identifier.
    pub client_identifier: &'a str,
    /// The user name; `None` for an anonymous client.
    pub user_name: Option<&'a str>,
}

/// What someone wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To get messages that are published to a topic.
    Read,
    /// To publish to a topic.
    Write,
}

/// The answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// Whether it is allowed.
    pub is_allowed: bool,
    /// The line that decides, counted from 1. `None` if no line speaks of it, or none that counts.
    pub line: Option<u32>,
}

/// What a line says of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    Read,
    Write,
    ReadWrite,
    Deny,
}

/// An access control list.
#[derive(Clone, Debug)]
pub struct AccessList {
    anonymous: Rules,
    users: HashMap<Box<str>, Rules>,
    patterns: Rules,
    plain_patterns: Vec<(u32, String)>,
    user_lines: Vec<(u32, Box<str>)>,
}

impl AccessList {
    /// Reads a file. Lines that are empty or begin with `#` say nothing.
    ///
    /// # Errors
    /// The first line that cannot be understood.
    pub fn parse(content: &[u8]) -> Result<Self, FileError> {
        let (list, errors) = Self::parse_all(content);
        errors.into_iter().next().map_or(Ok(list), Err)
    }

    /// Reads a file as far as it can be understood, and tells all lines that cannot.
    pub fn parse_all(content: &[u8]) -> (Self, Vec<FileError>) {
        let mut list = Self {
            anonymous: Rules::new(false),
            users: HashMap::new(),
            patterns: Rules::new(true),
            plain_patterns: Vec::new(),
            user_lines: Vec::new(),
        };
        let mut errors = Vec::new();
        let mut user: Option<Box<str>> = None;
        for (number, line) in (1..).zip(content.split(|byte| *byte == b'\n')) {
            if let Err(problem) = list.take(number, line, &mut user) {
                errors.push(FileError { line: number, problem });
            }
        }
        (list, errors)
    }

    /// Takes a line. `user` is who the lines `topic` are for.
    fn take(&mut self, number: u32, line: &[u8], user: &mut Option<Box<str>>) -> Result<(), Problem> {
        let line = str::from_utf8(line.trim_ascii_end()).map_err(|_| Problem::NoText)?;
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let line = line.trim_start_matches(' ');
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim_ascii();
        match word {
            "user" if rest.is_empty() => return Err(Problem::NoUser),
            "user" => {
                self.users.entry(rest.into()).or_insert_with(|| Rules::new(false));
                self.user_lines.push((number, rest.into()));
                *user = Some(rest.into());
            }
            "topic" | "pattern" => {
                let (grant, filter) = rule(rest)?;
                self.rules(word, user.as_deref()).add(filter, grant, number);
                if word == "pattern" && !filter.contains("%c") && !filter.contains("%u") {
                    self.plain_patterns.push((number, filter.into()));
                }
            }
            _ => return Err(Problem::UnknownWord(word.into())),
        }
        Ok(())
    }

    fn rules(&mut self, word: &str, user: Option<&str>) -> &mut Rules {
        match user.filter(|_| word == "topic") {
            Some(user) => self.users.entry(user.into()).or_insert_with(|| Rules::new(false)),
            None if word == "topic" => &mut self.anonymous,
            None => &mut self.patterns,
        }
    }

    /// The patterns in which no name of the client stands, with their lines: mostly a mistake.
    pub fn plain_patterns(&self) -> &[(u32, String)] {
        &self.plain_patterns
    }

    /// The users that it names, each with its line, in the order of the file.
    pub fn users(&self) -> impl Iterator<Item = (u32, &str)> {
        self.user_lines.iter().map(|(line, user)| (*line, &**user))
    }

    /// Whether it is allowed.
    pub fn allows(&self, who: Who<'_>, action: Action, topic: &str) -> bool {
        self.ruling(who, action, topic).is_allowed
    }

    /// Whether it is allowed, and by which line.
    pub fn ruling(&self, who: Who<'_>, action: Action, topic: &str) -> Ruling {
        let own = match who.user_name {
            Some(name) => self.users.get(name),
            None => Some(&self.anonymous),
        };
        // Whoever could choose a wildcard for a name would be given more than its own.
        let is_harmless = |name: &str| !name.contains(['+', '#']);
        let has_patterns = is_harmless(who.client_identifier) && who.user_name.is_none_or(is_harmless);
        for rules in own.into_iter().chain(has_patterns.then_some(&self.patterns)) {
            let lines = rules.find(who, topic);
            let granted = match action {
                Action::Read => lines.read,
                Action::Write => lines.write,
            };
            if let Some(line) = lines.deny.or(granted) {
                return Ruling { is_allowed: lines.deny.is_none(), line: Some(line) };
            }
        }
        Ruling { is_allowed: false, line: None }
    }
}

/// What follows `topic` or `pattern`: a kind of access, unless it is both, and a Topic Filter, which may hold blanks only if the
/// access is named.
fn rule(text: &str) -> Result<(Grant, &str), Problem> {
    if text.is_empty() {
        return Err(Problem::NoTopic);
    }
    let (grant, filter) = match text.split_once(' ') {
        None => (Grant::ReadWrite, text),
        Some((access, filter)) => {
            let grant = match access {
                "read" => Grant::Read,
                "write" => Grant::Write,
                "readwrite" => Grant::ReadWrite,
                "deny" => Grant::Deny,
                _ => return Err(Problem::UnknownAccess(access.into())),
            };
            (grant, filter.trim_ascii_start())
        }
    };
    if TopicFilter::parse(filter).is_err() || filter.split('/').count() > LEVELS_MAX {
        return Err(Problem::NotAFilter(filter.into()));
    }
    Ok((grant, filter))
}
