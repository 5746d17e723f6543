//! Asking for a password.

use core::fmt;
use std::io::{self, BufRead, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

use crate::payload::reason;

/// Where passwords are read.
pub trait Secrets {
    /// Hides what is typed until the answer is dropped.
    ///
    /// # Errors
    /// What asking the terminal met.
    fn hide(&mut self) -> io::Result<Hidden> {
        Ok(Hidden { before: None })
    }

    /// A line without its newline; empty at the end of the input.
    ///
    /// # Errors
    /// What reading it met.
    fn line(&mut self) -> io::Result<Vec<u8>>;
}

/// Passwords from a reader that shows nothing, such as a pipe.
pub struct PipedSecrets<R>(pub R);

/// Passwords from standard input. If it is a terminal, what is typed does not appear.
pub struct TerminalSecrets;

impl<R: BufRead> Secrets for PipedSecrets<R> {
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line)?;
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        Ok(line)
    }
}

impl Secrets for TerminalSecrets {
    fn hide(&mut self) -> io::Result<Hidden> {
        if !isatty(io::stdin()) {
            return Ok(Hidden { before: None });
        }
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &silent)?;
        Ok(Hidden { before: Some(before) })
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        PipedSecrets(io::stdin().lock()).line()
    }
}

/// While it lives the terminal, if there is one, does not show what is typed.
#[must_use = "dropped, it shows again what is typed"]
pub struct Hidden {
    before: Option<Termios>,
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // There is nobody to tell that it failed.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// Why there is no password.
#[derive(Debug)]
#[non_exhaustive]
pub enum PasswordError {
    /// The first line is empty.
    Empty,
    /// The second line differs.
    Mismatch,
    /// A line could not be read or a prompt not written.
    Io(io::Error),
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty password"),
            Self::Mismatch => f.write_str("Passwords do not match"),
            Self::Io(error) => f.write_str(&reason(error)),
        }
    }
}

impl core::error::Error for PasswordError {}

impl From<io::Error> for PasswordError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Asks for a password, and for the same one again. The prompts are for the one and for the other.
///
/// # Errors
/// Every variant of [`PasswordError`].
pub fn new_password(
    prompts: [&str; 2],
    secrets: &mut dyn Secrets,
    out: &mut dyn Write,
) -> Result<Vec<u8>, PasswordError> {
    let first = ask(prompts[0], secrets, out)?;
    if first.is_empty() {
        return Err(PasswordError::Empty);
    }
    let second = ask(prompts[1], secrets, out)?;
    if first == second { Ok(first) } else { Err(PasswordError::Mismatch) }
}

/// Asks for a secret once.
///
/// # Errors
/// What reading it or writing the prompt met.
pub fn ask(prompt: &str, secrets: &mut dyn Secrets, out: &mut dyn Write) -> io::Result<Vec<u8>> {
    // Before the prompt, which may be answered at once.
    let _hidden = secrets.hide()?;
    out.write_all(prompt.as_bytes())?;
    out.flush()?;
    let line = secrets.line()?;
    out.write_all(b"\n")?;
    Ok(line)
}
