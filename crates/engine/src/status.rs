//! Counters of one shard. They only grow, except those that count what is there.

/// What a shard did and has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Connections that are there, with or without a CONNECT.
    pub connections: usize,
    /// Sessions that are there, with and without a connection.
    pub sessions: usize,
    /// Subscriptions that are there, shared ones included.
    pub subscriptions: usize,
    /// Messages that wait in Sessions, those in flight not counted.
    pub queued_messages: usize,
    /// PUBLISH packets received.
    pub publish_received: u64,
    /// PUBLISH packets sent.
    pub publish_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Bytes that the sockets took.
    pub bytes_sent: u64,
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
    /// QoS 1 and 2 messages that were not taken because the log could not be written to.
    pub put_off: u64,
    /// Connections that ended because the peer broke the standard.
    pub misbehaved: u64,
}
