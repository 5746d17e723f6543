//! What waits for the thread of a log.

use core::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::SubmitError;

/// Bytes of a buffer that are kept from one commit to the next.
const BUFFER_KEPT_BYTES: usize = 1 << 20;

/// Batches that are committed together: their entries, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    /// Where each entry ends.
    ends: Vec<usize>,
    /// The first and the last batch.
    pub(super) batches: Option<(u64, u64)>,
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &[u8]> {
        let starts = core::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    /// Bytes that it holds.
    fn weight(&self) -> usize {
        self.bytes.len() + size_of_val(&self.ends[..])
    }

    fn clear(&mut self) {
        if self.bytes.len() < self.bytes.capacity() / 4 {
            self.bytes.shrink_to(BUFFER_KEPT_BYTES);
            self.ends.shrink_to(BUFFER_KEPT_BYTES / 64);
        }
        self.bytes.clear();
        self.ends.clear();
        self.batches = None;
    }
}

/// What the thread is to do next.
pub(super) enum Order {
    Commit,
    Trim(u64),
    Stop,
}

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct State {
    pending: Pending,
    trim: Option<u64>,
    is_stopped: bool,
    /// The thread sleeps, and has to be woken.
    is_idle: bool,
}

impl Queue {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), bytes_max }
    }

    pub(super) fn submit<'a>(
        &self,
        batch: u64,
        entries: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), SubmitError> {
        let mut state = self.lock();
        if state.is_stopped {
            return Err(SubmitError::Stopped);
        }
        let (before, entries_before) = (state.pending.bytes.len(), state.pending.ends.len());
        for entry in entries {
            state.pending.bytes.extend_from_slice(entry);
            let end = state.pending.bytes.len();
            state.pending.ends.push(end);
            if state.pending.weight() > self.bytes_max && state.pending.batches.is_some() {
                state.pending.bytes.truncate(before);
                state.pending.ends.truncate(entries_before);
                return Err(SubmitError::Crowded);
            }
        }
        let first = state.pending.batches.map_or(batch, |(first, _)| first);
        state.pending.batches = Some((first, batch));
        self.wake(state);
        Ok(())
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.lock().pending.weight() > self.bytes_max / 2
    }

    pub(super) fn trim(&self, below: u64) {
        let mut state = self.lock();
        state.trim = state.trim.max(Some(below));
        self.wake(state);
    }

    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.is_stopped = true;
        self.wake(state);
    }

    /// Waits until there is something to do. All that waits is swapped for the empty buffers of what was done.
    pub(super) fn take(&self, done: &mut Pending) -> Order {
        done.clear();
        let mut state = self.lock();
        loop {
            // Batches may come without an end, so the rare thing is done first.
            if let Some(below) = state.trim.take() {
                return Order::Trim(below);
            }
            if state.pending.batches.is_some() {
                mem::swap(&mut state.pending, done);
                return Order::Commit;
            }
            if state.is_stopped {
                return Order::Stop;
            }
            state.is_idle = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.is_idle = false;
        }
    }

    /// Wakes the thread after the lock is free, and only if it sleeps.
    fn wake(&self, state: MutexGuard<'_, State>) {
        let is_idle = state.is_idle;
        drop(state);
        if is_idle {
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops a queue when it is dropped.
pub(super) struct StopOnDrop(pub(super) Arc<Queue>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
