//! A tool that runs as a program.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use crate::broker::{Broker, DEADLINE};

/// What is left of a tool that has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The exit status; none if a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn is(&self, status: i32, stdout: &str, stderr: &str) {
        let (stdout, stderr) = (stdout.to_owned(), stderr.to_owned());
        assert_eq!(*self, Self { status: Some(status), stdout, stderr });
    }
}

/// A tool that runs; it is killed if the test fails.
pub(crate) struct Tool {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
}

impl Tool {
    /// Starts `martlet` with these arguments, and without any options file.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_martlet"));
        command.env("XDG_CONFIG_HOME", "/nonexistent").args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().map(BufReader::new);
        Self { stdin: child.stdin.take(), stdout, child }
    }

    /// Starts a tool that is to talk to this broker. The arguments stand in one text, separated by spaces.
    pub(crate) fn of(broker: &Broker, tool: &str, arguments: &str) -> Self {
        let port = broker.port();
        let arguments = arguments.split(' ').filter(|argument| !argument.is_empty());
        Self::start(&[tool, "-h", "127.0.0.1", "-p", &port].into_iter().chain(arguments).collect::<Vec<_>>())
    }

    /// Writes to standard input.
    pub(crate) fn write(&mut self, text: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text).and_then(|()| stdin.flush()).unwrap();
    }

    /// Ends standard input.
    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Takes standard input away, to write to it elsewhere.
    pub(crate) fn take_input(&mut self) -> ChildStdin {
        self.stdin.take().unwrap()
    }

    /// Waits for the next line of standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        line
    }

    /// Closes standard output, as a reader does that has seen enough.
    pub(crate) fn close_output(&mut self) {
        self.stdout = None;
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        self.end_input();
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < DEADLINE, "it does not end");
            std::thread::yield_now();
        };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        if let Some(mut rest) = self.stdout.take() {
            rest.read_to_end(&mut stdout).unwrap();
        }
        self.child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ended { status: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
