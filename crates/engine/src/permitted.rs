//! What a Session may be given, asked where it is given: rights may change while a message waits.

use martlet_wire::{QoS, TopicFilter, TopicName};

use crate::clients::{ClientSession, SessionId};
use crate::message::{Message, Queued};
use crate::records::Record;
use crate::{Access, ConnectionId, Engine};

impl Engine {
    /// Whether a Session may be given messages of a topic.
    pub(crate) fn may_receive(&mut self, session: SessionId, topic: TopicName<'_>) -> bool {
        may_receive(self.access.as_mut(), self.clients.get(session), topic)
    }

    /// Whether a Session may still be given a message that waited for it.
    pub(crate) fn may_have(&mut self, session_id: SessionId, queued: &Queued) -> bool {
        TopicName::parse(&queued.message.topic).is_ok_and(|topic| self.may_receive(session_id, topic))
    }

    /// Begins the delivery of a message that waited, if its Session may still be given it.
    pub(crate) fn send_if_permitted(&mut self, session_id: SessionId, id: ConnectionId, queued: Queued) {
        if self.may_have(session_id, &queued) {
            self.send_queued(session_id, id, queued);
        } else {
            self.withhold(session_id, &queued);
        }
    }

    /// A message that waited is not sent, since its Session may not have it any more. Its Packet Identifier counts as used,
    /// as it does for Mosquitto, which gives it to a message as soon as that waits.
    fn withhold(&mut self, session_id: SessionId, queued: &Queued) {
        let number = queued.number;
        if queued.qos > QoS::AtMostOnce
            && let Some(session) = self.clients.get_mut(session_id)
        {
            session.state.outbound.skip();
        }
        self.record(session_id, |session| Record::Dropped { session, number });
    }

    /// Whether a Session may give up a subscription.
    pub(crate) fn may_unsubscribe(&mut self, session: SessionId, filter: &str) -> bool {
        let Some(session) = self.clients.get(session) else { return false };
        TopicFilter::parse(filter).is_ok_and(|filter| self.access.unsubscribe(session.client(), filter))
    }

    /// Whether a retained message may go out, as far as its publisher is concerned.
    pub(crate) fn may_still_be_published(&mut self, message: &Message) -> bool {
        message.publisher.client_identifier.is_empty() // the broker itself
            || !self.access.checks_retained_publishers()
            || TopicName::parse(&message.topic)
                .is_ok_and(|topic| self.access.publish(message.publisher.client(), topic))
    }
}

/// Whether a Session may be given messages of a topic.
pub(crate) fn may_receive(
    access: &mut dyn Access,
    session: Option<&ClientSession>,
    topic: TopicName<'_>,
) -> bool {
    !access.checks_deliveries() || session.is_some_and(|session| access.receive(session.client(), topic))
}
