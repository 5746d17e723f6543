//! What programs say about themselves: `--help`, manual pages and completions, all from one description.

use core::fmt::Write as _;

mod complete;
mod man;

pub use complete::{Command, Shell, Suite, completions};
pub use man::{Page, manual_page};

/// Where the text of a flag begins, in columns.
const INDENT: usize = 8;
/// The longest line, in characters.
const WIDTH: usize = 90;

/// A program, or a command of one.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// What it is called by, such as `mosquitto_pub` or `martlet pub`.
    pub name: String,
    /// What it is for, in one sentence that follows the name.
    pub purpose: String,
    /// Each way to call it, without its name.
    pub synopsis: Vec<String>,
    /// Its flags.
    pub entries: Vec<Entry>,
    /// What a shell can offer where no flag stands.
    pub operand: Operand,
    /// More to say, each with a heading.
    pub sections: Vec<(&'static str, String)>,
}

/// A flag.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its names, dashes included.
    pub names: Vec<String>,
    /// What follows it: a name for it, and what a shell can offer.
    pub value: Option<(String, Hint)>,
    /// What it does, in sentences.
    pub help: String,
}

/// What a shell can offer for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Nothing.
    Any,
    /// Names of files.
    File,
    /// Names of directories.
    Directory,
    /// These words.
    Words(&'static [&'static str]),
}

/// What a shell can offer where no flag stands.
#[derive(Clone, Debug, Default)]
pub enum Operand {
    /// Nothing.
    #[default]
    Nothing,
    /// Names of files.
    File,
    /// Names of directories.
    Directory,
    /// Words, and behind each of them further words.
    Words(Vec<(&'static str, Vec<&'static str>)>),
    /// One of these words, and then names of files and directories.
    WordThenFiles(Vec<&'static str>),
}

impl Program {
    /// The text that `--help` prints.
    pub fn help(&self) -> String {
        let mut text = format!("{} {}.\n\n", self.name, self.purpose);
        let mut start = "Usage:";
        for synopsis in &self.synopsis {
            let _ = writeln!(text, "{start} {} {synopsis}", self.name);
            start = "      ";
        }
        text.push('\n');
        for entry in &self.entries {
            let _ = writeln!(text, "{}", heading(entry));
            for line in wrap(&entry.help, WIDTH - INDENT) {
                let _ = writeln!(text, "{:INDENT$}{line}", "");
            }
        }
        for (_, section) in &self.sections {
            text.push('\n');
            for line in wrap(section, WIDTH) {
                let _ = writeln!(text, "{line}");
            }
        }
        text
    }
}

/// The names of a flag and what follows it.
fn heading(entry: &Entry) -> String {
    let value = entry.value.as_ref().map_or(String::new(), |(name, _)| format!(" {name}"));
    format!("  {}{value}", entry.names.join(", "))
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let full = lines.last().is_some_and(|line| line.chars().count() + word.chars().count() + 1 > width);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
