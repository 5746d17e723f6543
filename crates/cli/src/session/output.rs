//! Standard output and standard error of a tool.

use std::io::{self, Write};

use martlet_tools::flags::{self, MessageError, Tool};

use super::EXIT_ARGUMENTS;
use crate::commands::called_as;
use crate::say;

/// Standard output, written when there is nothing else to do at the moment: see [`Output::flush`].
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: Vec<u8>,
    is_broken: bool,
}

impl Output {
    /// What is to be written next; to be appended to.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, line: &str) {
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(b'\n');
    }

    /// Writes what was added, and waits until it is taken.
    ///
    /// This happens each time before a tool waits for the network. So messages are seen as soon as they came, and many that
    /// came together are written together.
    pub(crate) fn flush(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let mut stdout = io::stdout().lock();
        if stdout.write_all(&self.bytes).and_then(|()| stdout.flush()).is_err() {
            self.is_broken = true;
        }
        self.bytes.clear();
    }

    /// Whether nobody takes what is written any more.
    pub(crate) const fn is_broken(&self) -> bool {
        self.is_broken
    }
}

/// Standard error, unless `--quiet` was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errors {
    pub(crate) is_quiet: bool,
}

impl Errors {
    /// Says why there is nothing to publish, and answers the exit status.
    pub(crate) fn say_incomplete(self, tool: Tool, error: &MessageError) -> u8 {
        match error {
            // A mistake in the arguments is told in any case.
            MessageError::Incomplete(error) => {
                say(io::stderr(), flags::complaint_as(&called_as(tool), error));
            }
            other => self.say(&format!("{other}\n")),
        }
        EXIT_ARGUMENTS
    }

    /// Writes a text that ends in a newline.
    pub(crate) fn say(self, text: &str) {
        if !self.is_quiet {
            say(io::stderr(), text);
        }
    }
}
