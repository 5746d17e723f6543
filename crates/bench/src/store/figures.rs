//! Times, and what the system says was written.

use core::time::Duration;
use std::io;
use std::time::Instant;

/// How long each of many things took, and how much they wrote.
pub(super) struct Figures {
    times: Vec<Duration>,
    together: Duration,
    written: u64,
}

impl Figures {
    pub(super) const fn new() -> Self {
        Self { times: Vec::new(), together: Duration::ZERO, written: 0 }
    }

    /// Does a thing so many times.
    pub(super) fn measure(
        &mut self,
        count: usize,
        mut thing: impl FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        let (started, written) = (Instant::now(), written_bytes());
        for _ in 0..count {
            let began = Instant::now();
            thing()?;
            self.add(began.elapsed());
        }
        self.end(started, written);
        Ok(())
    }

    pub(super) fn add(&mut self, time: Duration) {
        self.times.push(time);
    }

    /// Adds what went by since a start.
    pub(super) fn end(&mut self, started: Instant, written: u64) {
        self.together += started.elapsed();
        self.written += written_bytes() - written;
    }

    pub(super) fn print(&mut self, what: &str, messages: usize, bytes: usize) {
        self.times.sort_unstable();
        let at = |percent: usize| {
            let index = (self.times.len() * percent / 100).min(self.times.len().saturating_sub(1));
            self.times.get(index).copied().unwrap_or_default().as_micros()
        };
        println!(
            "{what:42} {:>9.0} messages/s   p50 {:>5} µs   p99 {:>5} µs   written {:.2}",
            messages as f64 / self.together.as_secs_f64(),
            at(50),
            at(99),
            self.written as f64 / bytes as f64
        );
    }
}

/// Bytes that this process caused to be written to a disk; 0 where the system does not tell.
pub(super) fn written_bytes() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let bytes = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}
