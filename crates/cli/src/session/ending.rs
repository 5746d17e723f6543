//! What ends a tool from outside: signals and the time of `-W`.

use core::future::pending;
use core::time::Duration;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

/// Why a tool has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Someone wants it.
    Signal,
    /// The time is over.
    Timeout,
}

/// Waits for whatever ends a tool from outside.
pub(crate) struct Ending {
    signals: Option<(Signal, Signal)>,
    deadline: Option<Instant>,
}

impl Ending {
    /// Signals are left as they are: they end the program at once.
    pub(crate) const fn without_signals() -> Self {
        Self { signals: None, deadline: None }
    }

    /// Waits for SIGINT and SIGTERM, which do not end the program by themselves from now on.
    ///
    /// # Errors
    /// The signals cannot be caught.
    pub(crate) fn by_signals() -> io::Result<Self> {
        let signals = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { signals: Some(signals), deadline: None })
    }

    /// Lets the time begin, if there is one.
    pub(crate) fn begin(&mut self, timeout: Option<Duration>) {
        self.deadline = timeout.map(|timeout| Instant::now() + timeout);
    }

    /// Waits. May be dropped while it waits.
    pub(crate) async fn wait(&mut self) -> Reason {
        let deadline = self.deadline;
        let timeout = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => pending().await,
            }
        };
        let signal = async {
            match &mut self.signals {
                Some((interrupt, terminate)) => tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                },
                None => pending().await,
            }
        };
        tokio::select! {
            () = timeout => Reason::Timeout,
            () = signal => Reason::Signal,
        }
    }
}
