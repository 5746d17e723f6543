//! Asking for a password.

use std::io::{self, BufRead, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

/// Where passwords are read.
pub trait Secrets {
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
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let stdin = io::stdin();
        let _silence = if isatty(&stdin) { Some(Silence::begin()?) } else { None };
        PipedSecrets(stdin.lock()).line()
    }
}

/// A terminal that does not echo, until it is dropped.
struct Silence {
    before: Termios,
}

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Why there is no password.
#[derive(Debug)]
pub(crate) enum PasswordError {
    /// The first line is empty.
    Empty,
    /// The second line differs.
    Mismatch,
    /// A line could not be read or a prompt not written.
    Io(io::Error),
}

impl From<io::Error> for PasswordError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Asks for a password, and for the same one again.
pub(crate) fn twice(secrets: &mut dyn Secrets, out: &mut dyn Write) -> Result<Vec<u8>, PasswordError> {
    let first = ask("Password: ", secrets, out)?;
    if first.is_empty() {
        return Err(PasswordError::Empty);
    }
    let second = ask("Reenter password: ", secrets, out)?;
    if first == second { Ok(first) } else { Err(PasswordError::Mismatch) }
}

fn ask(prompt: &str, secrets: &mut dyn Secrets, out: &mut dyn Write) -> io::Result<Vec<u8>> {
    out.write_all(prompt.as_bytes())?;
    out.flush()?;
    let line = secrets.line()?;
    out.write_all(b"\n")?;
    Ok(line)
}
