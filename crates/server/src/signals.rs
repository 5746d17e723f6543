//! Signals of the operating system. Only the program uses this; a broker in a test knows nothing of signals.

use std::io;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::broker::Stopper;

/// The signals of this process, from when they were caught.
#[derive(Debug)]
pub struct Caught {
    signals: Signals,
}

impl Caught {
    /// Catches SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2, so that they no longer end the program by themselves.
    ///
    /// # Errors
    /// The operating system refuses the handlers.
    pub fn catch() -> io::Result<Self> {
        Ok(Self { signals: Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2])? })
    }

    /// Shuts a broker down at the first SIGTERM or SIGINT, one that came already included, after calling `stopping`, and
    /// calls `reload` at each SIGHUP. Returns at once.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub fn obey(
        mut self,
        stopper: Stopper,
        mut reload: impl FnMut() + Send + 'static,
        mut stopping: impl FnMut() + Send + 'static,
    ) -> io::Result<()> {
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in &mut self.signals {
                match signal {
                    SIGHUP => reload(),
                    SIGUSR1 => {
                        tracing::info!("SIGUSR1: everything is saved at once, so there is nothing to do");
                    }
                    SIGUSR2 => {
                        tracing::info!("SIGUSR2: there is no report on subscriptions");
                    }
                    _ => {
                        let name = if signal == SIGINT { "SIGINT" } else { "SIGTERM" };
                        tracing::info!(signal = name, "shutting down");
                        stopping();
                        stopper.stop();
                    }
                }
            }
        })?;
        Ok(())
    }
}
