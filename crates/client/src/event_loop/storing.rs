//! The Session and its store.

use std::sync::Arc;

use martlet_proto::client::Settings;
use martlet_wire::{ProtocolVersion, QoS};
use tokio::sync::oneshot;

use super::EventLoop;
use super::journal::Bytes;
use crate::command::{Command, Token};
use crate::error::Lost;
use crate::link::Link;
use crate::options::Options;
use crate::publish::Completion;
use crate::restored::RestoredPublish;
use crate::store::StoreError;

/// Unfinished messages to a server that has no Receive Maximum, unless the options say otherwise.
const INFLIGHT_MESSAGES_OLD: u16 = 20;

/// How the protocol behaves with these options.
pub(super) fn settings(options: &Options) -> Settings {
    let is_old = options.version < ProtocolVersion::Mqtt5;
    let inflight_messages_default = if is_old { INFLIGHT_MESSAGES_OLD } else { u16::MAX };
    Settings {
        inflight_messages_max: options
            .inflight_messages_max
            .map_or(inflight_messages_default, core::num::NonZero::get),
        topic_alias_maximum_outgoing: options.topic_alias_maximum_outgoing,
        acknowledges_itself: false,
        tells_changes: options.session_store.is_some(),
    }
}

impl EventLoop {
    /// Takes up the Session of an earlier process, if there is a store.
    pub(super) async fn restore(&mut self) -> Result<Vec<RestoredPublish>, StoreError> {
        let Some(store) = &self.options.session_store else { return Ok(Vec::new()) };
        if !self.options.has_client_identifier || self.client_identifier.is_empty() {
            return Err(StoreError::NoClientIdentifier);
        }
        let session = self.journal.load(store, &self.client_identifier).await?;
        let mut restored = Vec::new();
        self.protocol = martlet_proto::Client::restore(settings(&self.options), &session, |_id, message| {
            let (reply, answer) = oneshot::channel();
            restored.push(RestoredPublish::new(message.map(Arc::clone), Completion::new(answer, None)));
            // The server has taken over what is there no more, which was of QoS 2.
            let qos = message.map_or(QoS::ExactlyOnce, |message| message.qos());
            Token::Publish { qos, reply }
        });
        Ok(restored)
    }

    /// Moves what is to be sent one step on, from the protocol past the store to the connection.
    pub(super) fn move_on(&mut self, link: &mut Link) {
        self.journal.take_from(&mut self.protocol, &mut self.unsent, !link.writer.is_busy());
        if !link.writer.is_busy()
            && let Some(Bytes { bytes, replies }) = self.journal.take_ready()
        {
            link.writer.begin(bytes, replies);
        }
    }

    /// Without a connection there is nothing to send; but what is published is stored.
    pub(super) fn store_changes(&mut self) {
        self.take_events();
        self.journal.take_from(&mut self.protocol, &mut self.unsent, false);
    }

    /// A batch was stored, or was not.
    pub(super) fn batch_ended(&mut self, outcome: Result<(), StoreError>) {
        let Err(error) = outcome else { return };
        if self.protocol.connection().is_some() {
            self.lose(Lost::Store(error));
        } else {
            self.give_up_not_stored();
        }
    }

    /// Tells those whose publishes the store did not take.
    pub(super) fn give_up_not_stored(&mut self) {
        let ids = self.journal.take_not_stored();
        if !ids.is_empty() {
            self.protocol.not_kept(&ids);
            self.take_events();
        }
    }

    /// Puts the last words onto the connection, as far as the rule of the store allows without waiting.
    pub(super) fn append_last_words(&mut self, link: &mut Link) {
        self.journal.take_from(&mut self.protocol, &mut self.unsent, true);
        if let Some(Bytes { bytes, replies }) = self.journal.take_ready() {
            link.append(&bytes, replies);
        }
    }

    /// Takes up what was published before the end, so that it is stored.
    pub(super) fn take_rest(&mut self) {
        if self.options.session_store.is_some() {
            while self.room().publishes
                && let Some(publish) = self.inbox.try_publish()
            {
                self.take_command(Command::Publish(publish));
            }
            self.take_events();
        }
    }

    /// Waits until everything is stored that changed so far, but not longer than the options allow for the end. Tells whether
    /// it is; then all bytes may be sent.
    pub(super) async fn settle(&mut self) -> bool {
        let settling = async {
            loop {
                self.journal.take_from(&mut self.protocol, &mut self.unsent, true);
                if !self.journal.is_storing() {
                    return self.journal.has_stored_all();
                }
                if self.journal.stored().await.is_err() {
                    return false;
                }
            }
        };
        tokio::time::timeout(self.options.disconnect_timeout, settling).await.unwrap_or(false)
    }
}
