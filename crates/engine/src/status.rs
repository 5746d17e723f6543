//! Counters of one shard. They only grow, except those that count what is there.

use core::ops::AddAssign;

/// What a shard did and has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Connections that are there, with or without a CONNECT.
    pub connections: usize,
    /// Sessions that are there, with and without a connection.
    pub sessions: usize,
    /// Sessions that have a connection.
    pub sessions_connected: usize,
    /// Subscriptions that are there, shared ones included.
    pub subscriptions: usize,
    /// Shared Subscriptions that are there, each as often as it has members.
    pub shared_subscriptions: usize,
    /// Messages that wait in Sessions, those in flight not counted.
    pub queued_messages: usize,
    /// Bytes (topic, properties and payload) of these.
    pub queued_bytes: usize,
    /// Bytes that are to be sent and that no socket took so far.
    pub unsent_bytes: usize,
    /// Bytes of records that are not durable yet.
    pub unpersisted_bytes: usize,
    /// Whether the log cannot be written to at present.
    pub log_stalled: bool,
    /// Control Packets received.
    pub packets_received: u64,
    /// Control Packets that were to be sent.
    pub packets_sent: u64,
    /// CONNECT packets received.
    pub connects_received: u64,
    /// PUBLISH packets received.
    pub publish_received: u64,
    /// PUBLISH packets sent.
    pub publish_sent: u64,
    /// Bytes of the payloads received in PUBLISH packets.
    pub publish_bytes_received: u64,
    /// Bytes of the payloads sent in PUBLISH packets.
    pub publish_bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Bytes that the sockets took.
    pub bytes_sent: u64,
    /// Sessions that ended because their Session Expiry Interval was over.
    pub sessions_expired: u64,
    /// QoS 0 messages dropped because a connection had too many unsent bytes.
    pub dropped_out_buffer_full: u64,
    /// Messages dropped because a Session had too much waiting.
    pub dropped_queue_full: u64,
    /// Messages dropped because they are larger than the client takes [MQTT-3.1.2-25], or not below its mount point.
    pub dropped_packet_too_large: u64,
    /// Messages dropped because they expired before they were sent.
    pub dropped_expired: u64,
    /// Messages without any subscriber.
    pub without_subscriber: u64,
    /// QoS 1 and 2 messages that were not taken because the log could not be written to, or there was no memory for them.
    pub put_off: u64,
    /// Connections that ended because the peer broke the standard.
    pub misbehaved: u64,
}

impl Status {
    /// Counts a PUBLISH from a client.
    pub(crate) const fn count_publish(&mut self, payload_bytes: usize) {
        self.publish_received += 1;
        self.publish_bytes_received += payload_bytes as u64;
    }
}

impl AddAssign for Status {
    fn add_assign(&mut self, other: Self) {
        self.connections += other.connections;
        self.sessions += other.sessions;
        self.sessions_connected += other.sessions_connected;
        self.subscriptions += other.subscriptions;
        self.shared_subscriptions += other.shared_subscriptions;
        self.queued_messages += other.queued_messages;
        self.queued_bytes += other.queued_bytes;
        self.unsent_bytes += other.unsent_bytes;
        self.unpersisted_bytes += other.unpersisted_bytes;
        self.log_stalled |= other.log_stalled;
        self.packets_received += other.packets_received;
        self.packets_sent += other.packets_sent;
        self.connects_received += other.connects_received;
        self.publish_received += other.publish_received;
        self.publish_sent += other.publish_sent;
        self.publish_bytes_received += other.publish_bytes_received;
        self.publish_bytes_sent += other.publish_bytes_sent;
        self.bytes_received += other.bytes_received;
        self.bytes_sent += other.bytes_sent;
        self.sessions_expired += other.sessions_expired;
        self.dropped_out_buffer_full += other.dropped_out_buffer_full;
        self.dropped_queue_full += other.dropped_queue_full;
        self.dropped_packet_too_large += other.dropped_packet_too_large;
        self.dropped_expired += other.dropped_expired;
        self.without_subscriber += other.without_subscriber;
        self.put_off += other.put_off;
        self.misbehaved += other.misbehaved;
    }
}
