//! Where the payload of a message comes from.
//!
//! A file or standard input that becomes one message is read whole; lines are read one at a time.

use core::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::flags::PayloadOption;

/// The longest payload, in bytes: what a packet can hold.
pub const PAYLOAD_BYTES_MAX: usize = 268_435_455;

/// Why there is no payload. The exit status is 1.
#[derive(Debug)]
#[non_exhaustive]
pub enum SourceError {
    /// A file cannot be read.
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is longer than a payload can be.
    FileTooLong {
        /// The file.
        path: PathBuf,
    },
    /// Standard input cannot be read.
    StandardInput(io::Error),
    /// Standard input is longer than a payload can be.
    StandardInputTooLong,
    /// Standard input is empty.
    StandardInputEmpty,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => {
                let (path, reason) = (path.display(), reason(error));
                write!(
                    f,
                    "Error: Unable to read file \"{path}\": {reason}.\nError loading input file \"{path}\"."
                )
            }
            Self::FileTooLong { path } => write!(
                f,
                "Error: File must be less than {PAYLOAD_BYTES_MAX} bytes.\n\nError loading input file \"{}\".",
                path.display()
            ),
            Self::StandardInput(error) => {
                write!(f, "Error: {}.\nError loading input from stdin.", reason(error))
            }
            Self::StandardInputTooLong => write!(
                f,
                "Error: Message length must be less than {PAYLOAD_BYTES_MAX} bytes.\n\nError loading input from stdin."
            ),
            Self::StandardInputEmpty => {
                f.write_str("Error: Zero length input.\nError loading input from stdin.")
            }
        }
    }
}

impl core::error::Error for SourceError {}

/// The system's words for an error, without the number that Rust adds.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// The messages of one run.
pub enum Payloads<R> {
    /// One payload, to be sent as often as `--repeat` says.
    One(Vec<u8>),
    /// A payload for each line of this input: see [`LineCutter`].
    Lines(R),
}

/// Reads what the options name. `input` is standard input, and is left alone unless they ask for it.
///
/// # Errors
/// Every variant of [`SourceError`].
pub fn load<R: Read>(option: &PayloadOption, mut input: R) -> Result<Payloads<R>, SourceError> {
    match option {
        PayloadOption::Text(text) => Ok(Payloads::One(text.clone())),
        PayloadOption::Null => Ok(Payloads::One(Vec::new())),
        PayloadOption::File(path) => read_file(path).map(Payloads::One),
        PayloadOption::StandardInput => {
            let payload = read_to_end(&mut input).map_err(SourceError::StandardInput)?;
            match payload {
                None => Err(SourceError::StandardInputTooLong),
                Some(payload) if payload.is_empty() => Err(SourceError::StandardInputEmpty),
                Some(payload) => Ok(Payloads::One(payload)),
            }
        }
        PayloadOption::Lines => Ok(Payloads::Lines(input)),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, SourceError> {
    let payload = File::open(path)
        .and_then(|mut file| read_to_end(&mut file))
        .map_err(|error| SourceError::File { path: path.to_owned(), error })?;
    payload.ok_or_else(|| SourceError::FileTooLong { path: path.to_owned() })
}

/// Everything, or `None` if it is more than a payload holds.
fn read_to_end(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut payload = Vec::new();
    input.take(PAYLOAD_BYTES_MAX as u64 + 1).read_to_end(&mut payload)?;
    Ok((payload.len() <= PAYLOAD_BYTES_MAX).then_some(payload))
}

/// Cuts what was read into lines, without their newlines. The last one need not have any.
///
/// Holds what was pushed last and the beginning of a line before it, so that whoever takes all lines before pushing more
/// holds one line and one piece of input at most.
#[derive(Debug, Default)]
pub struct LineCutter {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to here there is no newline behind `start`.
    searched: usize,
    has_ended: bool,
}

/// A line is longer than a payload can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTooLong;

impl fmt::Display for LineTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error: Message length must be less than {PAYLOAD_BYTES_MAX} bytes.")
    }
}

impl core::error::Error for LineTooLong {}

impl LineCutter {
    /// Takes the next piece of the input.
    ///
    /// # Errors
    /// [`LineTooLong`] if a line has grown beyond [`PAYLOAD_BYTES_MAX`]; there is nothing to do but to end.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), LineTooLong> {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
        let is_too_long = self.bytes.get(..=PAYLOAD_BYTES_MAX).is_some_and(|line| !line.contains(&b'\n'));
        if is_too_long { Err(LineTooLong) } else { Ok(()) }
    }

    /// Says that there is no more input.
    pub fn end(&mut self) {
        self.has_ended = true;
    }

    /// The next line, if there is a whole one.
    pub fn next_line(&mut self) -> Option<&[u8]> {
        let rest = self.bytes.get(self.searched..)?;
        let (start, end) = match rest.iter().position(|byte| *byte == b'\n') {
            Some(distance) => {
                let end = self.searched + distance;
                let start = core::mem::replace(&mut self.start, end + 1);
                (start, end)
            }
            None if self.has_ended && self.start < self.bytes.len() => {
                (core::mem::replace(&mut self.start, self.bytes.len()), self.bytes.len())
            }
            None => {
                self.searched = self.bytes.len();
                return None;
            }
        };
        self.searched = self.start;
        self.bytes.get(start..end)
    }

    /// Whether there is no more input.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether the input has ended and all lines were taken.
    pub fn is_exhausted(&self) -> bool {
        self.has_ended && self.start == self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(option: &PayloadOption, input: &[u8]) -> Result<Vec<u8>, String> {
        match load(option, input) {
            Ok(Payloads::One(payload)) => Ok(payload),
            Ok(Payloads::Lines(_)) => Err("lines".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn sources_of_one_message() {
        assert_eq!(one(&PayloadOption::Text(b"a\n".to_vec()), b"x").unwrap(), b"a\n");
        assert_eq!(one(&PayloadOption::Null, b"x").unwrap(), b"");
        assert_eq!(one(&PayloadOption::StandardInput, b"x\ny\0\n").unwrap(), b"x\ny\0\n");
        assert_eq!(
            one(&PayloadOption::StandardInput, b"").unwrap_err(),
            "Error: Zero length input.\nError loading input from stdin."
        );
        assert_eq!(
            one(&PayloadOption::File("missing".into()), b"").unwrap_err(),
            "Error: Unable to read file \"missing\": No such file or directory.\nError loading input file \"missing\"."
        );
    }

    #[test]
    fn lines_come_one_by_one_and_the_last_needs_no_newline() {
        for (input, expected) in [
            (&b"message1\nmessage2"[..], vec!["message1", "message2"]),
            (b"a\n\nb\r\n", vec!["a", "", "b\r"]),
            (b"", vec![]),
            (b"\n", vec![""]),
        ] {
            for piece in 1..=input.len().max(1) {
                let mut cutter = LineCutter::default();
                let mut lines = Vec::new();
                let mut take = |cutter: &mut LineCutter| {
                    while let Some(line) = cutter.next_line() {
                        lines.push(String::from_utf8(line.to_vec()).unwrap());
                    }
                };
                for bytes in input.chunks(piece) {
                    cutter.push(bytes).unwrap();
                    take(&mut cutter);
                    assert!(!cutter.is_exhausted());
                }
                cutter.end();
                take(&mut cutter);
                assert!(cutter.is_exhausted());
                assert_eq!(lines, expected, "in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_line_beyond_a_payload_is_an_error() {
        let mut cutter = LineCutter::default();
        let piece = vec![b'x'; PAYLOAD_BYTES_MAX];
        assert_eq!(cutter.push(&piece), Ok(()));
        assert_eq!(cutter.next_line(), None);
        assert_eq!(cutter.push(b"x"), Err(LineTooLong));
    }
}
