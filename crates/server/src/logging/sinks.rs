//! Where the lines of the log go to.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;

use super::LogPlan;
use super::syslog::Syslog;
use crate::config::LogType;

/// Who may read a log file: it tells who is there, and what they do.
const FILE_MODE: u32 = 0o600;

/// All places that the log goes to.
#[derive(Debug)]
pub(super) struct Sinks {
    stdout: bool,
    stderr: bool,
    file: Option<File>,
    syslog: Option<Syslog>,
}

impl Sinks {
    /// Opens all places.
    pub(super) fn open(plan: &LogPlan) -> io::Result<Self> {
        let places = &plan.destinations;
        let file = match &places.file {
            Some(path) => {
                let opened = OpenOptions::new().create(true).append(true).mode(FILE_MODE).open(path);
                Some(opened.map_err(|cause| {
                    let text = format!("Unable to open log file {} for writing: {cause}", path.display());
                    io::Error::new(cause.kind(), text)
                })?)
            }
            None => None,
        };
        let syslog = if places.syslog { Some(Syslog::open(plan.program, plan.facility)?) } else { None };
        Ok(Self { stdout: places.stdout, stderr: places.stderr, file, syslog })
    }

    /// Whether a person reads the lines at once, and only a person.
    pub(super) fn wants_colours(&self) -> bool {
        self.stderr
            && !self.stdout
            && self.file.is_none()
            && self.syslog.is_none()
            && io::stderr().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    }

    /// Writes a line, which has no end yet. A place that does not take it goes without: who reads it may have gone, or the
    /// disk may be full, which is no reason to end.
    pub(super) fn write(&mut self, line: &mut String, kind: LogType) {
        if let Some(syslog) = &mut self.syslog {
            syslog.write(line, kind);
        }
        line.push('\n');
        let line = line.as_bytes();
        if self.stdout {
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(line).and_then(|()| stdout.flush());
        }
        if self.stderr {
            let _ = io::stderr().lock().write_all(line);
        }
        if let Some(file) = &mut self.file {
            let _ = file.write_all(line);
        }
    }
}
