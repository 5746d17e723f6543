//! What a client has to store, and the bytes that wait for it.
//!
//! The rule of [`crate::store`] is kept here: bytes are taken from the protocol together with the changes that were made
//! before them, and pass when these are stored. While one batch is being stored, what comes meanwhile waits in the protocol
//! for the next one.

use core::future::pending;
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;

use martlet_proto::client::{SessionChange, StoredSession};
use martlet_wire::PacketId;
use tokio::task::JoinHandle;

use crate::command::{Reply, Token};
use crate::error::PublishError;
use crate::publish::Published;
use crate::store::{Lease, SharedStore, StoreError};

/// Bytes for the server, and who waits for them to be sent.
#[derive(Debug, Default)]
pub(super) struct Bytes {
    pub(super) bytes: Vec<u8>,
    pub(super) replies: Vec<Reply<Published, PublishError>>,
}

impl Bytes {
    fn append(&mut self, mut other: Self) {
        if self.bytes.is_empty() {
            self.bytes = other.bytes;
        } else {
            self.bytes.append(&mut other.bytes);
        }
        self.replies.append(&mut other.replies);
    }
}

type Storing = (Arc<Vec<SessionChange>>, JoinHandle<Result<(), StoreError>>);

/// The way of all bytes from the protocol to the connection, past the store if there is one.
#[derive(Debug, Default)]
pub(super) struct Journal {
    store: Option<Lease>,
    /// The batch that is being stored.
    under_way: Option<Storing>,
    /// Bytes that wait for it.
    held: Bytes,
    /// Bytes that wait for the connection.
    ready: Bytes,
    /// What failed and has to be stored all the same, and whether to try.
    again: Vec<SessionChange>,
    is_again_due: bool,
    /// The publishes of a batch that failed.
    not_stored: BTreeSet<PacketId>,
    last_failure: Option<io::ErrorKind>,
    /// Who waits for publishes to be stored, in their order.
    waiting: VecDeque<Option<Reply<(), PublishError>>>,
}

impl Journal {
    /// Takes the store of the options, and reads it.
    pub(super) async fn load(
        &mut self,
        store: &SharedStore,
        client_identifier: &str,
    ) -> Result<StoredSession, StoreError> {
        let lease = store.lease()?;
        let name = client_identifier.to_owned();
        let session = lease.act(move |store| store.load(&name)).await.unwrap_or(Err(StoreError::Panicked))?;
        self.store = Some(lease);
        Ok(session)
    }

    /// A publish of QoS 1 or 2 was taken up, and this is who waits for it to be stored.
    pub(super) fn publish(&mut self, stored: Option<Reply<(), PublishError>>) {
        if self.store.is_some() {
            self.waiting.push_back(stored);
        }
    }

    /// Takes what the protocol has: changes, with the bytes that wait for these; bytes alone only if `takes_bytes`.
    pub(super) fn take_from(
        &mut self,
        protocol: &mut martlet_proto::Client<Token>,
        unsent: &mut Vec<Reply<Published, PublishError>>,
        takes_bytes: bool,
    ) {
        if self.under_way.is_some() {
            return;
        }
        let has_changes = protocol.has_changes() || self.is_again_due;
        if has_changes && let Some(store) = &self.store {
            let mut batch = core::mem::take(&mut self.again);
            batch.append(&mut protocol.take_changes());
            let batch = Arc::new(batch);
            let stored = Arc::clone(&batch);
            self.is_again_due = false;
            self.under_way = Some((batch, store.act(move |store| store.commit(&stored))));
            self.held = Bytes { bytes: protocol.take_outgoing(), replies: core::mem::take(unsent) };
        } else if takes_bytes && self.again.is_empty() && !protocol.outgoing().is_empty() {
            self.ready.append(Bytes { bytes: protocol.take_outgoing(), replies: core::mem::take(unsent) });
        }
    }

    /// Waits until the batch under way is stored. May be dropped while it waits.
    pub(super) async fn stored(&mut self) -> Result<(), StoreError> {
        let Some((_, storing)) = &mut self.under_way else { return pending().await };
        let outcome = storing.await.unwrap_or(Err(StoreError::Panicked));
        let batch = self.under_way.take().map(|(batch, _)| batch).unwrap_or_default();
        match &outcome {
            Ok(()) => {
                let is_publish =
                    |change: &&SessionChange| matches!(change, SessionChange::OutgoingTaken { .. });
                for _ in batch.iter().filter(is_publish) {
                    self.answer(Ok(()));
                }
                self.ready.append(core::mem::take(&mut self.held));
            }
            Err(error) => self.failed(&batch, error),
        }
        outcome
    }

    /// The publishes are to be given up, the rest is to be stored all the same, and no byte passes before that.
    fn failed(&mut self, batch: &[SessionChange], error: &StoreError) {
        self.last_failure = Some(error.kind());
        for change in batch {
            match change {
                SessionChange::OutgoingTaken { id, .. } => {
                    self.not_stored.insert(*id);
                    self.answer(Err(self.not_stored_error()));
                }
                SessionChange::OutgoingFinished { id } if self.not_stored.remove(id) => {}
                change => self.again.push(change.clone()),
            }
        }
        self.discard();
    }

    fn answer(&mut self, outcome: Result<(), PublishError>) {
        if let Some(reply) = self.waiting.pop_front().flatten() {
            let _ = reply.send(outcome); // nobody has to wait for it
        }
    }

    /// The connection is gone, and with it the bytes that waited.
    pub(super) fn discard(&mut self) {
        for bytes in [&mut self.held, &mut self.ready] {
            for reply in core::mem::take(bytes).replies {
                let _ = reply.send(Err(PublishError::ConnectionLost));
            }
        }
    }

    /// There is a new connection: what failed is tried again with the first that is to be sent on it.
    pub(super) fn try_again(&mut self) {
        self.is_again_due = !self.again.is_empty();
    }

    /// The bytes that may be sent, if there are any.
    pub(super) fn take_ready(&mut self) -> Option<Bytes> {
        (!self.ready.bytes.is_empty()).then(|| core::mem::take(&mut self.ready))
    }

    /// The publishes that were not stored since the last call.
    pub(super) fn take_not_stored(&mut self) -> BTreeSet<PacketId> {
        core::mem::take(&mut self.not_stored)
    }

    /// What to tell who published them.
    pub(super) fn not_stored_error(&self) -> PublishError {
        PublishError::NotStored { kind: self.last_failure.unwrap_or(io::ErrorKind::Other) }
    }

    pub(super) const fn is_storing(&self) -> bool {
        self.under_way.is_some()
    }

    /// Whether nothing is left of what failed.
    pub(super) const fn has_stored_all(&self) -> bool {
        self.again.is_empty()
    }

    /// How many bytes are on their way from the protocol to the connection.
    pub(super) const fn waiting_bytes(&self) -> usize {
        self.held.bytes.len() + self.ready.bytes.len()
    }
}
