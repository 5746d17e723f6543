//! Where the payload of a message comes from.
//!
//! A file or standard input that becomes one message is read whole; lines are read one at a time.

use core::fmt;
use std::fs::File;
use std::io::{self, BufRead, Read};
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
    /// A payload for each line.
    Lines(Lines<R>),
}

/// Reads what the options name. `input` is standard input, and is left alone unless they ask for it.
///
/// # Errors
/// Every variant of [`SourceError`].
pub fn load<R: BufRead>(option: &PayloadOption, mut input: R) -> Result<Payloads<R>, SourceError> {
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
        PayloadOption::Lines => Ok(Payloads::Lines(Lines { input })),
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

/// The lines of an input without their newlines. The last one need not have any.
///
/// Holds one line at a time; a line beyond [`PAYLOAD_BYTES_MAX`] is an error.
pub struct Lines<R> {
    input: R,
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        let bound = PAYLOAD_BYTES_MAX as u64 + 2;
        match self.input.by_ref().take(bound).read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return Some(Err(error)),
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        if line.len() > PAYLOAD_BYTES_MAX {
            return Some(Err(io::Error::from(io::ErrorKind::InvalidData)));
        }
        Some(Ok(line))
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
        ] {
            let Ok(Payloads::Lines(lines)) = load(&PayloadOption::Lines, input) else { panic!("lines") };
            let lines: Vec<_> = lines.map(|line| String::from_utf8(line.unwrap()).unwrap()).collect();
            assert_eq!(lines, expected);
        }
    }
}
