//! Signals of the operating system. Only the program uses this; a broker in a test knows nothing of signals.

use core::sync::atomic::AtomicBool;
use std::io;
use std::sync::Arc;
use std::thread;

use nix::libc::SIGRTMIN;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::broker::Stopper;
use crate::logging::OWN;

/// Has the configuration read again, as whoever sends SIGHUP to this process.
///
/// # Errors
/// The operating system refuses.
pub fn ask_for_reload() -> io::Result<()> {
    signal_hook::low_level::raise(SIGHUP)
}

/// The signals of this process, from when they were caught.
#[derive(Debug)]
pub struct Caught {
    signals: Signals,
}

/// What the signals ask for. Each is called on the thread of the signals, one after the other.
pub trait Orders: Send {
    /// SIGHUP: the configuration is to be read again.
    fn reload(&mut self);

    /// SIGTERM or SIGINT came: the broker is told to stop behind this.
    fn stopping(&mut self);

    /// SIGRTMIN: the log file is to be opened anew.
    fn rotate_log(&mut self);

    /// SIGUSR1: what has to survive is to be saved.
    fn save(&mut self);

    /// SIGUSR2: the subscriptions are to be printed.
    fn print_subscriptions(&mut self);
}

impl Caught {
    /// Catches SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 and SIGRTMIN, so that they no longer end the program by themselves.
    ///
    /// # Errors
    /// The operating system refuses the handlers.
    pub fn catch() -> io::Result<Self> {
        Ok(Self { signals: Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGRTMIN()])? })
    }

    /// Sets a flag at each SIGHUP, before anything else is done about it.
    ///
    /// # Errors
    /// The operating system refuses the handler.
    pub fn announce(&self, flag: Arc<AtomicBool>) -> io::Result<()> {
        signal_hook::flag::register(SIGHUP, flag).map(|_| ())
    }

    /// Shuts a broker down at the first SIGTERM or SIGINT, one that came already included, and does what the others ask
    /// for. Returns at once.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub fn obey(mut self, stopper: Stopper, mut orders: impl Orders + 'static) -> io::Result<()> {
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in &mut self.signals {
                match signal {
                    SIGHUP => orders.reload(),
                    SIGUSR1 => orders.save(),
                    SIGUSR2 => orders.print_subscriptions(),
                    SIGINT | SIGTERM => {
                        let name = if signal == SIGINT { "SIGINT" } else { "SIGTERM" };
                        tracing::info!(target: OWN, signal = name, "shutting down");
                        orders.stopping();
                        stopper.stop();
                    }
                    _ => orders.rotate_log(),
                }
            }
        })?;
        Ok(())
    }
}
