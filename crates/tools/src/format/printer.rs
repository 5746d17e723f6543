//! Messages one after the other, as the output options want them.

use std::collections::HashMap;

use super::{Message, Warning};
use crate::flags::Output;

/// The first line of the terminal that `-w` gives to a topic; above it stands the broker's name.
const FIRST_LINE: usize = 2;

/// Turns messages into output. Keeps one number for each topic if `-w` is on, and nothing otherwise.
#[derive(Debug)]
pub struct Printer {
    output: Output,
    lines: HashMap<String, usize>,
}

impl Printer {
    /// A printer for these options.
    pub fn new(output: Output) -> Self {
        Self { output, lines: HashMap::new() }
    }

    /// What is printed before everything else: with `-w` a cleared screen and the broker's name.
    pub fn heading(&self, host: &str) -> Vec<u8> {
        if self.output.watch { format!("\x1b[2J\x1b[1;1HBroker: {host}\n").into_bytes() } else { Vec::new() }
    }

    /// Appends a message. Whether it should be printed at all is for the caller to say.
    pub fn print(&mut self, message: &Message<'_>, out: &mut Vec<u8>) -> Vec<Warning> {
        if self.output.watch {
            let line = self.line(message.topic);
            out.extend_from_slice(format!("\x1b[{line};1H").as_bytes());
        }
        let warnings = self.print_plain(message, out);
        if self.output.watch {
            out.extend_from_slice(format!("\x1b[{};1H\n", FIRST_LINE + self.lines.len() - 1).as_bytes());
        }
        warnings
    }

    /// Without a format an empty payload prints nothing, or `(null)` after its topic.
    fn print_plain(&self, message: &Message<'_>, out: &mut Vec<u8>) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let empty = message.payload.is_empty();
        if let Some(format) = &self.output.format {
            warnings = format.write(message, self.output.pretty, out);
        } else if empty && (self.output.no_newline || !self.output.verbose) {
            return warnings;
        } else {
            if self.output.verbose {
                out.extend_from_slice(message.topic.as_bytes());
                out.push(b' ');
            }
            out.extend_from_slice(if empty { b"(null)" } else { message.payload });
        }
        if !self.output.no_newline {
            out.push(b'\n');
        }
        warnings
    }

    fn line(&mut self, topic: &str) -> usize {
        if let Some(line) = self.lines.get(topic) {
            return *line;
        }
        let line = FIRST_LINE + self.lines.len();
        self.lines.insert(topic.to_owned(), line);
        line
    }
}
