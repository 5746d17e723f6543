//! Signals of the operating system. Only the program uses this; a broker in a test knows nothing of signals.

use std::io;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::broker::Stopper;

/// The signals that end the program, caught from the moment that this is made.
#[derive(Debug)]
pub struct Ending {
    signals: Signals,
}

impl Ending {
    /// Catches SIGTERM and SIGINT, so that they no longer end the program by themselves.
    ///
    /// # Errors
    /// The operating system refuses the handlers.
    pub fn catch() -> io::Result<Self> {
        Ok(Self { signals: Signals::new([SIGTERM, SIGINT])? })
    }

    /// Shuts a broker down at the first signal, one that came already included. Returns at once.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub fn stops(mut self, stopper: Stopper) -> io::Result<()> {
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in &mut self.signals {
                let name = if signal == SIGINT { "SIGINT" } else { "SIGTERM" };
                tracing::info!(signal = name, "shutting down");
                stopper.stop();
            }
        })?;
        Ok(())
    }
}
