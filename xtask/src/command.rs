//! Programs that the commands start.

use std::env;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// A command in a folder, with nothing to read.
pub(crate) fn new(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    // Cargo describes this package to this program. A Cargo that we start would take it for a change of everything that looks
    // at these variables, and build it anew each time that it is called in the other way.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command and lets it print as it likes.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let shown = shown(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` failed ({status})")),
        Err(error) => Err(format!("cannot run `{shown}`: {error}")),
    }
}

/// Runs a command and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let shown = shown(command);
    let output = command.output().map_err(|error| format!("cannot run `{shown}`: {error}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{shown}` failed ({}): {}", output.status, errors.trim()));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{shown}` printed no UTF-8"))
}

/// Runs a command, lets it print as it likes and returns the lines for which `wanted` holds, without colours.
pub(crate) fn run_and_keep(command: &mut Command, wanted: fn(&str) -> bool) -> Result<Vec<String>, String> {
    if io::stderr().is_terminal() {
        // The programs see a pipe and would print without colours.
        command.env("CARGO_TERM_COLOR", "always");
    }
    let shown = shown(command);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| format!("cannot run `{shown}`: {error}"))?;
    let output = child.stdout.take().expect("standard output is a pipe");
    let errors = child.stderr.take().expect("standard error is a pipe");
    let from_output = thread::spawn(move || pass_on(output, io::stdout(), wanted));
    let mut kept = pass_on(errors, io::stderr(), wanted);
    kept.extend(from_output.join().expect("reading lines does not panic"));
    let status = child.wait().map_err(|error| format!("cannot wait for `{shown}`: {error}"))?;
    if status.success() { Ok(kept) } else { Err(format!("`{shown}` failed ({status})")) }
}

fn pass_on(from: impl Read, mut to: impl Write, wanted: fn(&str) -> bool) -> Vec<String> {
    let mut kept = Vec::new();
    let mut lines = BufReader::new(from).split(b'\n');
    while let Some(Ok(mut line)) = lines.next() {
        let text = without_colours(&String::from_utf8_lossy(&line));
        if wanted(&text) {
            kept.push(text);
        }
        line.push(b'\n');
        // When nobody reads what is printed, the command has to go on all the same.
        let _ = to.write_all(&line);
    }
    kept
}

/// The text without the escape sequences that set colours.
fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    text
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_removed() {
        assert_eq!(
            without_colours("\u{1b}[32;1mSummary\u{1b}[0m [ 1s] \u{1b}[1m9\u{1b}[0m tests"),
            "Summary [ 1s] 9 tests"
        );
        assert_eq!(without_colours("plain"), "plain");
    }

    #[test]
    fn a_failing_command_names_itself() {
        let mut command = new("git", Path::new("."));
        let message =
            run(command.arg("no-such-command").stderr(Stdio::null())).expect_err("git knows no such command");
        assert!(message.starts_with("`git no-such-command` failed"), "{message}");
    }

    #[test]
    fn wanted_lines_are_kept() {
        let mut command = new("git", Path::new("."));
        let kept = run_and_keep(command.arg("--version"), |line| line.starts_with("git version"));
        assert_eq!(kept.expect("git tells its version").len(), 1);
    }
}
