//! Requests to the broker itself: what clients publish below `$CONTROL/`.
//!
//! Such a PUBLISH is not routed. It goes out as [`Output::Control`], and the client is not read from until
//! [`Input::Controlled`](crate::Input::Controlled) brings the answer: its requests take effect in their order, it is
//! acknowledged when the request was handled, and each client has at most one waiting. All together are bounded by
//! [`Limits::control_requests_max`](crate::Limits::control_requests_max).

use std::collections::BTreeMap;

use martlet_wire::{Property, ProtocolVersion, QoS, ReasonCode, TopicName};

use crate::clients::SessionId;
use crate::deliver::{Copies, Grant};
use crate::message::Publication;
use crate::own::{Announcement, BROKER};
use crate::publish::Origin;
use crate::records::Record;
use crate::{Engine, Output, Peer};

/// Names a control request of one shard. No two have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ControlId(pub u64);

/// What a client wants of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlRequest {
    /// Its name, for the answer.
    pub id: ControlId,
    /// The Client Identifier of the client.
    pub client_identifier: String,
    /// Its user name.
    pub user_name: Option<String>,
    /// Where it comes from.
    pub peer: Peer,
    /// The version that it speaks.
    pub version: ProtocolVersion,
    /// The Topic Name: `$CONTROL/` and more.
    pub topic: String,
    /// The payload. It may hold secrets: never to be logged.
    pub payload: Vec<u8>,
    /// The Correlation Data, which an answer to this client alone carries by itself.
    pub correlation_data: Option<Vec<u8>>,
}

/// The answer to a [`ControlRequest`].
#[derive(Clone, Copy, Debug)]
pub enum ControlAnswer<'a> {
    /// Nobody handles requests on this topic: the client alone is told so, in Mosquitto's words, on the topic of the request
    /// followed by `/response`, whether or not it subscribed to that.
    Unavailable,
    /// It is published to all who subscribed to this topic, with QoS 0, as Mosquitto does: `$CONTROL/NAME/v1/response`.
    Published {
        /// The Topic Name.
        topic: TopicName<'a>,
        /// The payload.
        payload: &'a [u8],
    },
    /// The client alone gets it, with QoS 0, whether or not it subscribed to the topic.
    Alone {
        /// The Topic Name.
        topic: TopicName<'a>,
        /// The payload.
        payload: &'a [u8],
    },
}

/// The requests that wait for their answers.
#[derive(Debug, Default)]
pub(crate) struct Controls {
    last: u64,
    waiting: BTreeMap<u64, Pending>,
}

#[derive(Debug)]
struct Pending {
    origin: Origin,
    qos: QoS,
    topic: String,
    correlation_data: Option<Vec<u8>>,
}

impl Controls {
    fn add(&mut self, pending: Pending) -> ControlId {
        self.last += 1;
        self.waiting.insert(self.last, pending);
        ControlId(self.last)
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}

/// Whether a PUBLISH to this topic is a request to the broker.
pub(crate) fn is_control(topic: TopicName<'_>) -> bool {
    topic.as_str().starts_with("$CONTROL/")
}

impl Engine {
    /// A client wants something of the broker.
    pub(crate) fn control(&mut self, origin: Origin, publication: &Publication<'_>) {
        if origin.id.is_some() && self.control_has_to_wait(origin, publication.qos) {
            self.put_off(origin, publication.qos);
            return;
        }
        let limits = &self.config.limits;
        let is_too_much = self.controls.len() >= limits.control_requests_max
            || publication.payload.len() > limits.control_payload_bytes_max;
        let objection = self.topic_objection(publication.publisher, publication.topic);
        if let Some(reason) = objection.or(is_too_much.then_some(ReasonCode::QuotaExceeded)) {
            let Publication { publisher, topic, qos, .. } = publication;
            self.turn_down(origin, publisher, topic.as_str(), *qos, reason);
            return;
        }
        let Some(session) = self.clients.get(origin.session) else { return };
        let Some(connection) = self.connections.get_mut(origin.connection) else { return };
        connection.awaits_control = true;
        let topic = publication.topic.as_str().to_owned();
        let correlation_data = publication.properties.correlation_data().map(<[u8]>::to_vec);
        let pending = Pending {
            origin,
            qos: publication.qos,
            topic: topic.clone(),
            correlation_data: correlation_data.clone(),
        };
        let request = ControlRequest {
            id: self.controls.add(pending),
            client_identifier: publication.publisher.to_owned(),
            user_name: session.user_name.as_deref().map(str::to_owned),
            peer: connection.peer.clone(),
            version: connection.protocol.version,
            topic,
            payload: publication.payload.to_vec(),
            correlation_data,
        };
        self.outputs.push_back(Output::Control(Box::new(request)));
    }

    /// Whether a request has to come again, since the log cannot be written to: it would have to remember its Packet Identifier.
    fn control_has_to_wait(&self, origin: Origin, qos: QoS) -> bool {
        let puts_off = self.connections.get(origin.connection).is_some_and(|it| it.puts_off);
        let survives = self.clients.get(origin.session).is_some_and(|session| session.record.is_some());
        puts_off || (self.journal.is_stalled() && qos == QoS::ExactlyOnce && survives)
    }

    /// The answer to a request came.
    pub(crate) fn controlled(&mut self, request: ControlId, answer: ControlAnswer<'_>) {
        let Some(pending) = self.controls.waiting.remove(&request.0) else { return };
        self.acknowledge_control(&pending);
        let correlation = pending.correlation_data.as_deref();
        match answer {
            ControlAnswer::Unavailable => {
                let topic = format!("{}/response", pending.topic);
                if let Ok(topic) = TopicName::parse(&topic) {
                    let payload = br#"{"error": "endpoint not available"}"#;
                    self.answer_alone(pending.origin.session, topic, payload, correlation);
                }
            }
            ControlAnswer::Published { topic, payload } => {
                self.announce(Announcement {
                    topic,
                    payload,
                    qos: QoS::AtMostOnce,
                    expiry_interval: None,
                    retain: false,
                });
            }
            ControlAnswer::Alone { topic, payload } => {
                self.answer_alone(pending.origin.session, topic, payload, correlation);
            }
        }
        if let Some(connection) = self.connections.get_mut(pending.origin.connection) {
            connection.awaits_control = false;
            self.resume(pending.origin.connection);
        }
    }

    fn acknowledge_control(&mut self, pending: &Pending) {
        let mut origin = pending.origin;
        let Some(id) = origin.id else { return };
        if pending.qos == QoS::ExactlyOnce {
            // The client may have come back meanwhile, and waits for it on its connection of now.
            let session = self.clients.get(origin.session);
            origin.connection = session.and_then(|it| it.connection).unwrap_or(origin.connection);
            let mark = self.journal.mark();
            self.record(origin.session, |session| Record::TakenOver { session, id });
            self.hold_if_written(origin.connection, mark); // [MQTT-4.3.3-8]
        }
        self.acknowledge(origin, pending.qos, ReasonCode::Success);
    }

    fn answer_alone(
        &mut self,
        session: SessionId,
        topic: TopicName<'_>,
        payload: &[u8],
        correlation: Option<&[u8]>,
    ) {
        let mut section = Vec::new();
        if let Some(data) = correlation {
            Property::CorrelationData(data).encode(&mut section);
        }
        let mut publication = Publication {
            topic,
            properties: crate::message::section(&section),
            payload,
            qos: QoS::AtMostOnce,
            retain: false,
            expires_at: None,
            publisher: BROKER,
            shared: None,
            record: None,
        };
        let grant = Grant { qos: QoS::AtMostOnce, retain_as_published: false, identifiers: &[], group: None };
        self.deliver(&mut publication, session, grant, &mut Copies::default());
    }
}
