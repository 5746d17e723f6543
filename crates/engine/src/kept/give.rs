//! Giving a shard what another one had, by way of the records that would say so.

use std::sync::Arc;

use martlet_proto::Instant;

use super::{Kept, KeptDelivery, KeptSession, KeptWill};
use crate::message::Message;
use crate::records::{Record, RecordId, Stamp};
use crate::restore::Restoring;
use crate::retained::key;
use crate::{Engine, Stored};

impl Engine {
    /// Takes something up that has to survive, in the place of what was there of the same name. Only before
    /// [`Engine::restored`]; `now` counts where it says no time of its own.
    ///
    /// The caller sees to it that a Session or a Will goes to the shard of its client ([`shard_of`](crate::shard_of)), that
    /// Topic Names and Topic Filters are such, and that the Packet Identifiers of one direction differ within a Session;
    /// what breaks this is left out. No limit is applied.
    pub fn keep(&mut self, now: Instant, kept: &Kept) {
        let mut state = self.restoring.take().unwrap_or_else(|| Box::new(Restoring::new(self.config.seed)));
        match kept {
            Kept::Session(session) => self.keep_session(&mut state, now, session),
            Kept::Will(will) => self.keep_will(&mut state, will),
            Kept::Retained(message) => self.keep_retained(&mut state, now, message),
            Kept::Owed(_) => {}
        }
        self.restoring = Some(state);
    }

    fn take_up(&mut self, state: &mut Restoring, record: &Record<'_>) {
        self.redo(state, Stored::Checkpoint, record);
    }

    fn keep_session(&mut self, state: &mut Restoring, now: Instant, kept: &KeptSession) {
        let session = self.journal.next_id();
        let record = Record::Session {
            session,
            client_identifier: &kept.client_identifier,
            user_name: kept.user_name.as_deref(),
            expiry_interval: kept.expiry_interval,
            detached_at: Some(kept.detached_at.unwrap_or(now)),
        };
        self.take_up(state, &record);
        for subscription in &kept.subscriptions {
            let record = Record::Subscribed {
                session,
                filter: &subscription.filter,
                options: subscription.options,
                identifier: subscription.identifier,
                owes: subscription.owes_retained,
            };
            self.take_up(state, &record);
        }
        if let Some(topic) = &kept.replayed_to {
            self.take_up(state, &Record::Replayed { session, key: Some(&key(topic)) });
        }
        for incoming in &kept.incoming {
            let record = match &incoming.message {
                Some(message) => Record::Stored { session, id: incoming.id, message: state.lend(message) },
                None => Record::TakenOver { session, id: incoming.id },
            };
            self.take_up(state, &record);
        }
        let mut number = 0;
        for in_flight in &kept.in_flight {
            let record = match &in_flight.delivery {
                Some(delivery) => {
                    number += 1;
                    self.keep_queued(state, session, number, delivery);
                    Record::Sent { session, number, id: in_flight.id }
                }
                None => Record::Received { session, id: in_flight.id },
            };
            self.take_up(state, &record);
        }
        for delivery in &kept.queued {
            number += 1;
            self.keep_queued(state, session, number, delivery);
        }
    }

    fn keep_queued(&mut self, state: &mut Restoring, session: RecordId, number: u64, it: &KeptDelivery) {
        let record = Record::Queued {
            session,
            number,
            message: state.lend(&it.message),
            qos: it.qos,
            retain: it.retain,
            group: it.group.as_deref(),
            identifiers: it.identifiers.clone(),
        };
        self.take_up(state, &record);
    }

    fn keep_will(&mut self, state: &mut Restoring, kept: &KeptWill) {
        let record = Record::Will {
            client_identifier: &kept.client_identifier,
            delay: kept.delay,
            expiry_interval: kept.expiry_interval,
            due_at: None,
            message: kept.message.fields(),
        };
        self.take_up(state, &record);
    }

    fn keep_retained(&mut self, state: &mut Restoring, now: Instant, message: &Arc<Message>) {
        let stamp = Stamp { order: self.commons.next_order(now), shard: self.shard.0 };
        let message = state.lend(message);
        self.take_up(state, &Record::Retained { stamp, message });
    }
}
