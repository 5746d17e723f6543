//! SIGHUP, kept waiting until it is taken.
//!
//! A handler would run at some time after the signal was sent, and a client that comes right behind the signal could be
//! served before. Here the signal is blocked and waits in the kernel, where everybody can see it from the moment it was
//! sent: so whoever looks before serving a client knows of every SIGHUP that came earlier than that client.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::getpid;

/// The SIGHUP of this process.
#[derive(Debug)]
pub struct Hangup(SignalFd);

impl Hangup {
    /// Blocks SIGHUP, for this thread and those that it starts from here on. There must be no others: one of them would end the
    /// process at the first SIGHUP.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(super) fn block() -> io::Result<Self> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGHUP);
        signals.thread_block()?;
        Ok(Self(SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?))
    }

    /// Sends one to this process.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(super) fn send() -> io::Result<()> {
        // To the process: what a thread sends to itself only that thread could take.
        Ok(kill(getpid(), Signal::SIGHUP)?)
    }

    /// Whether one was sent that has not been taken.
    pub(crate) fn is_waiting(&self) -> bool {
        let mut asked = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        poll(&mut asked, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    /// Has an event told when one is sent, before those of what happens afterwards. None may be told of one that has been
    /// taken by then.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(crate) fn watch(&self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.0.as_fd().as_raw_fd()), token, Interest::READABLE)
    }

    /// Takes the one that waits. Several that were sent meanwhile are one.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(super) fn take(&self) -> io::Result<()> {
        self.0.read_signal()?;
        Ok(())
    }
}

impl AsFd for Hangup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
