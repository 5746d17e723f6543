//! A running program whose lines are waited for.

use core::time::Duration;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::DEADLINE;
use crate::lines::{Lines, NoLine};

/// A program that a test has started. It is killed when the value is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    lines: Lines,
}

impl Process {
    /// Starts the program. Its standard output is read, its errors go to those of the test.
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let lines = Lines::of(child.stdout.take().expect("standard output is a pipe"));
        Self { name, child, lines }
    }

    /// Waits for the next line.
    ///
    /// # Panics
    /// When none comes before the deadline.
    pub fn line(&mut self) -> String {
        match self.lines.next() {
            Ok(line) => line,
            Err(reason) => self.fail("another line", &reason),
        }
    }

    /// Waits for a line for which `wanted` holds and passes over the others.
    ///
    /// # Panics
    /// When none comes before the deadline.
    pub fn find(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        match self.lines.find(wanted) {
            Ok(line) => line,
            Err(reason) => self.fail("a certain line", &reason),
        }
    }

    /// The lines that have come and were not asked for, without waiting.
    pub fn lines_so_far(&mut self) -> Vec<String> {
        self.lines.so_far()
    }

    /// Writes a line to the program's standard input.
    ///
    /// # Panics
    /// When the program does not take it.
    pub fn write_line(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("standard input is a pipe");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("the program reads its input");
    }

    /// Ends the program's standard input.
    pub fn close_input(&mut self) {
        self.child.stdin = None;
    }

    /// Waits until the program has ended well and returns the lines that were not asked for.
    ///
    /// # Panics
    /// When the program fails or does not end before the deadline.
    pub fn finish(mut self) -> Vec<String> {
        self.close_input();
        let mut rest = Vec::new();
        loop {
            match self.lines.next() {
                Ok(line) => rest.push(line),
                Err(NoLine::End) => break,
                Err(reason @ NoLine::Late) => self.fail("its end", &reason),
            }
        }
        let deadline = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the program is our child") {
                break status;
            }
            assert!(Instant::now() < deadline, "{} does not end", self.name);
            thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "{} failed with {status}; it printed {:#?}", self.name, self.lines.all());
        rest
    }

    /// Ends the program at once, as a crash does (SIGKILL on Unix).
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // Both fail only for a program that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn fail(&mut self, wanted: &str, reason: &NoLine) -> ! {
        panic!("{}: waited for {wanted}: {reason:?}; it printed {:#?}", self.name, self.lines.all())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
