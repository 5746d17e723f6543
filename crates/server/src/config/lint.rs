//! Explains a configuration: what listens where, who may come in, what is unsafe, what has no effect, what changes when it
//! is read again.
//!
//! What it says has to be true: a finding that is none teaches people not to read them.

mod bridges;
mod content;
mod explain;
mod files;
mod lines;
mod listeners;
mod machine;
mod reach;
mod rule;

use core::fmt;
use std::collections::BTreeSet;

use super::note::Note;
use super::option::Reload;
use super::plan::{Plan, PlanError};
use super::problem::{ConfigError, Place};
use super::{Configuration, Dialect};

pub(super) use files::path_of;
pub use machine::{Disk, FileFacts, Files};
pub use rule::Rule;

/// What there is to say of a configuration.
#[derive(Debug)]
pub struct Report {
    /// What the broker does with it, in lines.
    pub explanation: Vec<String>,
    /// What should be otherwise, in the order of the lines.
    pub findings: Vec<Finding>,
    /// What keeps the broker from starting.
    pub errors: Vec<ConfigError>,
    /// The options in it that take effect when it is read again.
    pub live: Vec<&'static str>,
    /// The options in it that take effect when the broker is started again.
    pub restart: Vec<&'static str>,
}

impl Report {
    /// Whether the broker does not start with it.
    pub fn is_fatal(&self) -> bool {
        !self.errors.is_empty() || self.findings.iter().any(|finding| finding.rule.is_fatal())
    }
}

/// Something that should be otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub rule: Rule,
    /// The line.
    pub at: Option<Place>,
    /// What it is, in a sentence.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = &self.at {
            write!(f, "{at}: ")?;
        }
        write!(f, "{} [{}]", self.text, self.rule.id())
    }
}

/// Looks at a configuration that could be read.
pub fn lint(configuration: &Configuration, notes: &[Note], dialect: Dialect, files: &dyn Files) -> Report {
    let subject = Subject { configuration, dialect, files };
    let mut findings = lines::findings(&subject, notes);
    findings.extend(listeners::findings(&subject));
    findings.extend(bridges::findings(&subject));
    findings.extend(files::findings(&subject));
    // Those of the configuration itself come first.
    let files: BTreeSet<&str> = configuration.given.iter().map(|given| &*given.at.file).collect();
    findings.sort_by_key(|it| (it.at.as_ref().is_some_and(|at| !files.contains(&*at.file)), it.at.clone()));
    let file = configuration.given.first().map(|given| given.at.file.to_string());
    let plan = Plan { dialect, file, ..Plan::default() };
    let errors = match plan.options(configuration) {
        Err(PlanError::Config(errors)) => errors,
        // What else can be wrong is found above.
        Err(_) | Ok(_) => Vec::new(),
    };
    let used = |reload: Reload| {
        let mut names: Vec<&'static str> = configuration
            .given
            .iter()
            .filter(|given| configuration.reload(given) == reload)
            .map(|given| given.option.name)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    Report {
        explanation: explain::explain(&subject),
        findings,
        errors,
        live: used(Reload::Live),
        restart: used(Reload::Restart),
    }
}

/// What is looked at.
struct Subject<'a> {
    configuration: &'a Configuration,
    dialect: Dialect,
    files: &'a dyn Files,
}

impl Subject<'_> {
    /// The last line with an option in a section, or anywhere.
    fn line(&self, option: &str, section: Option<super::Section>) -> Option<Place> {
        let is_it = |given: &&super::Given| {
            given.option.name == option && section.is_none_or(|section| given.section == section)
        };
        self.configuration.given.iter().rev().find(is_it).map(|given| given.at.clone())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.explanation {
            writeln!(f, "{line}")?;
        }
        if !self.findings.is_empty() {
            writeln!(f, "\nWhat should be otherwise")?;
            for finding in &self.findings {
                writeln!(f, "  {finding}")?;
            }
        }
        if !self.errors.is_empty() {
            writeln!(f, "\nThe broker does not start with it")?;
            for error in &self.errors {
                writeln!(f, "  {error}")?;
            }
        }
        writeln!(f, "\nWhen it is changed")?;
        if !self.live.is_empty() {
            writeln!(f, "  takes effect on SIGHUP: {}", self.live.join(", "))?;
        }
        if !self.restart.is_empty() {
            writeln!(f, "  takes effect after a restart: {}", self.restart.join(", "))?;
        }
        if self.live.is_empty() && self.restart.is_empty() {
            writeln!(f, "  there is nothing in it")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
