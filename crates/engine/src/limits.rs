//! Every bound of the engine, with its unit, and the features that it offers.

use core::time::Duration;

use crate::listeners::ListenerRules;
use martlet_wire::{QoS, REMAINING_LENGTH_MAX};

/// Every bound on what a peer can make grow.
///
/// The defaults suit a machine with 1 GiB of memory as well as a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest Control Packet a client may send, in bytes of the whole packet; at least 20.
    /// Announced as Maximum Packet Size; a larger one gets 0x95.
    pub packet_size_bytes_max: u32,
    /// Messages that wait for one Session, those in flight not counted.
    pub queued_messages_max: usize,
    /// Bytes (topic, properties and payload) that wait for one Session.
    pub queued_bytes_max: usize,
    /// Bytes of payload of a PUBLISH or a Will; larger ones are refused as such, with 0x97 and 0x95.
    pub payload_bytes_max: usize,
    /// Bytes of the payloads towards one client whose PUBLISH is not answered; the next message waits once there are so many.
    pub inflight_bytes_max: usize,
    /// Unfinished QoS 1 and QoS 2 messages towards one client; its own Receive Maximum may lower this. At least 1.
    pub inflight_messages_max: u16,
    /// Receive Maximum: unfinished QoS 1 and QoS 2 messages from one client of MQTT 5.0, at least 1; more get 0x93.
    pub receive_maximum: u16,
    /// Topic Alias Maximum: aliases that a client may use towards the broker; 0 forbids them.
    pub topic_alias_maximum: u16,
    /// Aliases that the broker uses towards one client at most; the client's own maximum may lower this.
    pub topic_alias_maximum_outgoing: u16,
    /// Unsent bytes of one connection. Beyond this, QoS 0 messages to it are dropped (to a bridge beyond `queued_bytes_max`, if
    /// that is more), QoS 1 and 2 wait in the Session, and nothing more is read from it.
    pub out_buffer_bytes_max: usize,
    /// Connections of one shard.
    pub connections_max: usize,
    /// Sessions of one shard, with and without a connection; a CONNECT beyond gets 0x97.
    pub sessions_max: usize,
    /// Sessions of the whole node, with and without a connection; a CONNECT beyond gets 0x89.
    pub sessions_of_node_max: usize,
    /// Subscriptions of one Session; a SUBSCRIBE beyond gets 0x97.
    pub subscriptions_per_session_max: usize,
    /// Levels of a Topic Name or Topic Filter (`a/b/c` has three); more get 0x90 or 0x8F.
    pub topic_levels_max: usize,
    /// Retained messages of the whole node; a new one beyond gets 0x97.
    pub retained_messages_max: usize,
    /// Bytes (topic, properties and payload) of all retained messages of the whole node.
    pub retained_bytes_max: usize,
    /// From the opening of a connection to the end of its CONNECT, enhanced authentication included.
    pub connect_timeout: Duration,
    /// The longest Session Expiry Interval that is granted, in seconds; `u32::MAX` is "never expires".
    pub session_expiry_interval_max: u32,
    /// The longest Keep Alive that is granted, in seconds; 0 sets no bound. A client of MQTT 5.0 that asks for
    /// more is told a Server Keep Alive, one of 3.1.1 is refused with return code 2.
    pub keep_alive_max: u16,
    /// Bytes of publishes that may wait for the log of one shard; beyond, the shard stops reading. While the log cannot be written
    /// to: bytes that may wait to go to other shards; beyond, what comes behind them is dropped (QoS 0) or put off.
    pub unpersisted_bytes_max: usize,
    /// Control requests of one shard that wait for their answers; a PUBLISH below `$CONTROL/` beyond gets 0x97.
    pub control_requests_max: usize,
    /// Bytes of the payload of a control request; a larger one gets 0x97.
    pub control_payload_bytes_max: usize,
    /// Topic Names whose receivers one shard remembers, and Shared Subscriptions whose turn it remembers.
    pub route_cache_entries_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packet_size_bytes_max: 2_000_000,
            queued_messages_max: 1_000,
            queued_bytes_max: 16 << 20,
            payload_bytes_max: usize::MAX,
            inflight_bytes_max: usize::MAX,
            inflight_messages_max: 20,
            receive_maximum: 20,
            topic_alias_maximum: 10,
            topic_alias_maximum_outgoing: 10,
            out_buffer_bytes_max: 256 << 10,
            connections_max: 1_000_000,
            sessions_max: 1_000_000,
            sessions_of_node_max: usize::MAX,
            subscriptions_per_session_max: 10_000,
            topic_levels_max: 201,
            retained_messages_max: 1_000_000,
            retained_bytes_max: 256 << 20,
            connect_timeout: Duration::from_secs(30),
            session_expiry_interval_max: u32::MAX,
            keep_alive_max: 0,
            unpersisted_bytes_max: 16 << 20,
            control_requests_max: 100,
            control_payload_bytes_max: 1 << 20,
            route_cache_entries_max: 4_096,
        }
    }
}

/// The smallest [`Limits::packet_size_bytes_max`].
pub const PACKET_SIZE_BYTES_MAX_LEAST: u32 = 20;
const _: () = assert!(REMAINING_LENGTH_MAX == (1 << 28) - 1); // four bytes of seven bits

/// What the broker offers, as CONNACK tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of CONNACK of its own")]
pub struct Features {
    /// Maximum QoS of a PUBLISH from a client [MQTT-3.2.2-9].
    pub maximum_qos: QoS,
    /// Retain Available.
    pub retain_available: bool,
    /// Wildcard Subscription Available.
    pub wildcard_subscription_available: bool,
    /// Subscription Identifier Available.
    pub subscription_identifier_available: bool,
    /// Shared Subscription Available.
    pub shared_subscription_available: bool,
    /// Whether a zero-length Client Identifier is accepted, and one assigned [MQTT-3.1.3-6].
    pub allow_zero_length_client_identifier: bool,
    /// Whether a QoS 2 message from a client takes effect when its PUBREL comes, as in Mosquitto, and not when its PUBLISH
    /// does. The standard leaves it open.
    pub exactly_once_at_release: bool,
    /// Whether birth certificates of Sparkplug are kept for those who come later, below `$sparkplug/certificates/`.
    pub sparkplug_aware: bool,
    /// Whether QoS 0 messages, too, wait for a Session without a connection. The standard leaves it open.
    pub queue_qos0: bool,
    /// Whether a message goes out with the QoS of the subscription, even if it came with a lower one. Against the standard
    /// [MQTT-3.8.4-8].
    pub upgrade_outgoing_qos: bool,
    /// Whether the broker behaves as Mosquitto where that is different, though not always as the standard wants it:
    ///
    /// * a missing Client Identifier that is needed gets 0x80, not 0x85;
    /// * a payload that is too large gets 0x95, which the standard does not have in PUBACK and PUBREC, not 0x97;
    /// * a topic with too many levels ends the connection with 0x81;
    /// * a PUBREL for nothing gets a PUBCOMP with success, and a PUBREC for nothing a PUBREL with it, not with 0x92;
    /// * what breaks the standard gets the codes of Mosquitto, mostly 0x82 where it should be 0x81, and some of it none:
    ///   the connection ends without CONNACK or DISCONNECT;
    /// * a protocol level of 0 to 2 gets a CONNACK in the format of MQTT 5.0;
    /// * strings with control characters or non-characters end the connection, which the standard leaves open;
    /// * a QoS 2 PUBLISH that comes for the third time on one connection ends it with 0x82;
    /// * a Message Expiry Interval of 0 is none;
    /// * the Will of a client is not published when the client itself takes over its Session, which goes on;
    /// * a QoS 1 PUBLISH that was in flight when the broker crashed has DUP 0 when it is sent again, against [MQTT-3.3.1-1]:
    ///   it is not known whether it was sent.
    pub mosquitto_behaviour: bool,
    /// A Keep Alive in seconds that every client has to use [MQTT-3.1.2-21].
    pub server_keep_alive: Option<u16>,
    /// Whether failures carry a Reason String for people, where the client and its Maximum Packet Size allow it
    /// [MQTT-3.1.2-29].
    pub reason_strings: bool,
    /// Response Information for clients that ask for it: the basis of their Response Topics.
    pub response_information: Option<String>,
    /// Server Reference for clients that are turned away with 0x9C or 0x9D.
    pub server_reference: Option<String>,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            wildcard_subscription_available: true,
            subscription_identifier_available: true,
            shared_subscription_available: true,
            allow_zero_length_client_identifier: true,
            exactly_once_at_release: false,
            sparkplug_aware: false,
            queue_qos0: false,
            upgrade_outgoing_qos: false,
            mosquitto_behaviour: false,
            server_keep_alive: None,
            reason_strings: true,
            response_information: None,
            server_reference: None,
        }
    }
}

/// How an engine is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Every bound.
    pub limits: Limits,
    /// What is offered to clients.
    pub features: Features,
    /// What is offered at each listener, by their numbers; at those that are missing, what is offered at all.
    pub listeners: Vec<ListenerRules>,
    /// The source of all randomness: assigned Client Identifiers and nothing else.
    pub seed: u64,
}

impl Config {
    /// This configuration with the bounds and features of another, as far as they can change while the engine lives. Bounds on
    /// what all shards share stay, as do Topic Alias Maximum, which clients were told of, what Sessions and their records depend on, and
    /// of the rules of a listener all but who may come in ([`ListenerRules::renewed`]).
    #[must_use]
    pub fn renewed(&self, new: &Self) -> Self {
        let (limits, features) = (&self.limits, &self.features);
        Self {
            limits: Limits {
                connections_max: limits.connections_max,
                control_requests_max: limits.control_requests_max,
                retained_messages_max: limits.retained_messages_max,
                retained_bytes_max: limits.retained_bytes_max,
                route_cache_entries_max: limits.route_cache_entries_max,
                topic_alias_maximum: limits.topic_alias_maximum,
                ..new.limits.clone()
            },
            features: Features {
                exactly_once_at_release: features.exactly_once_at_release,
                mosquitto_behaviour: features.mosquitto_behaviour,
                sparkplug_aware: features.sparkplug_aware,
                ..new.features.clone()
            },
            listeners: ListenerRules::all_renewed(&self.listeners, &new.listeners),
            seed: self.seed,
        }
    }
}
