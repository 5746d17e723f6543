//! Signals of the operating system. Only the program uses this; a broker in a test knows nothing of signals.

mod hangup;

use core::ffi::c_int;
use core::time::Duration;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;

use nix::errno::Errno;
use nix::libc::SIGRTMIN;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

pub use self::hangup::Hangup;
use crate::broker::Stopper;
use crate::logging::OWN;

/// How long nothing is tried after the operating system has refused.
const PAUSE: Duration = Duration::from_secs(1);

/// Has the configuration read again, as whoever sends SIGHUP to this process.
///
/// # Errors
/// The operating system refuses.
pub fn ask_for_reload() -> io::Result<()> {
    Hangup::send()
}

/// The signals of this process, from when they were caught.
#[derive(Debug)]
pub struct Caught {
    hangup: Arc<Hangup>,
    others: SignalDelivery<UnixStream, SignalOnly>,
}

/// What the signals ask for. Each is called on the thread of the signals, one after the other.
pub trait Orders: Send {
    /// SIGHUP waits, and will be taken behind this: whatever clients send from here on is to wait for [`Orders::reload`].
    fn expect_reload(&mut self);

    /// SIGHUP was taken: the configuration is to be read again.
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
    /// Catches SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 and SIGRTMIN, so that they no longer end the program by themselves. To
    /// be called before the first thread is started.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn catch() -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        let signals = [SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGRTMIN()];
        let others = SignalDelivery::with_pipe(read, write, SignalOnly, signals)?;
        Ok(Self { hangup: Arc::new(Hangup::block()?), others })
    }

    /// The SIGHUP of this process, for a broker that has to know of it at once.
    pub fn hangup(&self) -> Arc<Hangup> {
        Arc::clone(&self.hangup)
    }

    /// Shuts a broker down at the first SIGTERM or SIGINT, one that came already included, and does what the others ask
    /// for. Returns at once.
    ///
    /// # Errors
    /// The operating system refuses a thread.
    pub fn obey(mut self, stopper: Stopper, mut orders: impl Orders + 'static) -> io::Result<()> {
        thread::Builder::new().name("signals".into()).spawn(move || {
            while let Err(error) = self.take_orders(&stopper, &mut orders) {
                tracing::error!(%error, "cannot wait for signals; trying again");
                thread::sleep(PAUSE);
            }
        })?;
        Ok(())
    }

    /// Does what signals ask for, for ever.
    fn take_orders(&mut self, stopper: &Stopper, orders: &mut impl Orders) -> io::Result<()> {
        loop {
            self.wait()?;
            if self.hangup.is_waiting() {
                orders.expect_reload();
                self.hangup.take()?;
                orders.reload();
            }
            for signal in self.others.pending() {
                obey(signal, stopper, orders);
            }
        }
    }

    /// Waits for the next signal.
    fn wait(&self) -> io::Result<()> {
        let mut asked = [self.hangup.as_fd(), self.others.get_read().as_fd()]
            .map(|source| PollFd::new(source, PollFlags::POLLIN));
        match poll(&mut asked, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn obey(signal: c_int, stopper: &Stopper, orders: &mut impl Orders) {
    match signal {
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
