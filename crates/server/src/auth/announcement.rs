//! That other rules are about to come, so that whatever clients send from then on can wait for them.

use core::sync::atomic::{AtomicBool, Ordering};
use std::io;
use std::sync::Arc;

use mio::{Registry, Token};

use crate::signals::Hangup;

/// Whether other rules are about to come: somebody has said so, or a SIGHUP waits on which they will be read.
#[derive(Debug, Default)]
pub(crate) struct Announcement {
    is_made: AtomicBool,
    hangup: Option<Arc<Hangup>>,
}

impl Announcement {
    pub(crate) fn new(hangup: Option<Arc<Hangup>>) -> Self {
        Self { is_made: AtomicBool::new(false), hangup }
    }

    /// Says that rules are about to come.
    pub(crate) fn make(&self) {
        self.is_made.store(true, Ordering::Release);
    }

    /// They are there, or do not come after all.
    pub(crate) fn withdraw(&self) {
        self.is_made.store(false, Ordering::Release);
    }

    /// Whether somebody has said so. Costs next to nothing.
    pub(crate) fn is_made(&self) -> bool {
        self.is_made.load(Ordering::Acquire)
    }

    /// Whether somebody has said so, or will as soon as the signal is taken. Asks the operating system.
    pub(crate) fn is_made_or_due(&self) -> bool {
        // In this order: it is made before the signal is taken.
        self.hangup.as_ref().is_some_and(|hangup| hangup.is_waiting()) || self.is_made()
    }

    /// Has an event told when a signal comes, before those of what clients do afterwards.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(crate) fn watch(&self, registry: &Registry, token: Token) -> io::Result<()> {
        self.hangup.as_ref().map_or(Ok(()), |hangup| hangup.watch(registry, token))
    }
}
