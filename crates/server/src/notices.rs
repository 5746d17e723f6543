//! What the engine notices, as lines of the log.
//!
//! A client coming and going is a notice, what it asks for is for debugging, lost messages are a warning. What clients
//! chose, such as their names and topics, is quoted or escaped; payloads and passwords are never here.

mod mosquitto;

use core::fmt;
use std::borrow::Cow;

use martlet_engine::{Cause, Notice, PacketTrace, Peer, TraceDetails};
use tracing::{debug, info, warn};

use crate::logging::{CONNECTIONS, MOSQUITTO, SUBSCRIBE, UNSUBSCRIBE};
use crate::options::Wording;

/// Characters of a client's text that are shown.
const SHOWN_CHARACTERS_MAX: usize = 256;

/// Writes one line.
pub(crate) fn log(notice: &Notice, wording: Wording) {
    if let Notice::Connected { peer, .. } | Notice::Disconnected { peer, .. } = notice
        && peer.bridge().is_some()
    {
        return; // The bridge tells of itself.
    }
    match wording {
        Wording::Own => log_own(notice),
        Wording::Mosquitto => mosquitto::log(notice),
    }
}

/// Whether the log wants every packet, in whatever words.
pub(crate) fn wants_packets() -> bool {
    tracing::enabled!(target: MOSQUITTO, tracing::Level::DEBUG)
}

/// Writes that a connection was accepted at a port; in our own words only what comes of it is worth a line.
pub(crate) fn log_accepted(peer: &Peer, port: u16, wording: Wording) {
    match wording {
        Wording::Own => tracing::trace!(peer = %From(peer), listener = peer.listener, "accepted"),
        Wording::Mosquitto => mosquitto::log_accepted(peer, port),
    }
}

/// Writes that someone was turned away since there are too many connections.
pub(crate) fn log_crowded(peer: &Peer, wording: Wording) {
    match wording {
        Wording::Own => info!(
            target: CONNECTIONS,
            peer = %From(peer),
            listener = peer.listener,
            "connection refused: too many"
        ),
        Wording::Mosquitto => mosquitto::log_crowded(peer),
    }
}

fn log_own(notice: &Notice) {
    match notice {
        Notice::Connected {
            peer, client_identifier, version, clean_start, keep_alive, user_name, ..
        } => info!(
            target: CONNECTIONS,
            client = shown(client_identifier).as_ref(),
            peer = %From(peer),
            listener = peer.listener,
            version = ?version,
            clean_start,
            keep_alive,
            user_name = user_name.as_deref().map(shown).as_deref(),
            "client connected"
        ),
        Notice::Refused { peer, client_identifier, reason, .. } => info!(
            target: CONNECTIONS,
            client = shown(client_identifier).as_ref(),
            peer = %From(peer),
            listener = peer.listener,
            reason = reason.name(),
            "client refused"
        ),
        Notice::Disconnected { peer, client_identifier, cause, .. } => info!(
            target: CONNECTIONS,
            client = client_identifier.as_deref().map(shown).as_deref(),
            peer = %From(peer),
            listener = peer.listener,
            cause = %Why(cause),
            "client disconnected"
        ),
        Notice::SessionEnded { client_identifier } => {
            debug!(client = shown(client_identifier).as_ref(), "session ended");
        }
        Notice::QueueFull { client_identifier } => {
            warn!(
                client = shown(client_identifier).as_ref(),
                "the queue of a client is full; messages to it are dropped"
            );
        }
        Notice::PublishRefused { client_identifier, topic, reason, .. } => info!(
            client = shown(client_identifier).as_ref(),
            topic = shown(topic).as_ref(),
            reason = reason.name(),
            "publish refused"
        ),
        Notice::Subscribed { client_identifier, filter, reason } => debug!(
            target: SUBSCRIBE,
            client = shown(client_identifier).as_ref(),
            filter = shown(filter).as_ref(),
            reason = reason.name(),
            "client subscribed"
        ),
        Notice::Unsubscribed { client_identifier, filter } => debug!(
            target: UNSUBSCRIBE,
            client = shown(client_identifier).as_ref(),
            filter = shown(filter).as_ref(),
            "client unsubscribed"
        ),
        Notice::Packet(trace) => log_packet(trace),
    }
}

fn log_packet(trace: &PacketTrace) {
    let (topic, qos, bytes) = match &trace.details {
        TraceDetails::Publish { topic, qos, payload_bytes, .. } => {
            (Some(shown(topic)), Some(*qos as u8), Some(*payload_bytes as u64))
        }
        _ => (None, None, None),
    };
    debug!(
        client = shown(&trace.client).as_ref(),
        id = (trace.id > 0).then_some(trace.id),
        topic = topic.as_deref(),
        qos,
        payload_bytes = bytes,
        reason = (trace.reason > 0).then_some(trace.reason),
        "{} {}",
        if trace.goes_out { "sending" } else { "received" },
        trace.packet_type
    );
}

/// A text that a client chose, cut to [`SHOWN_CHARACTERS_MAX`] characters. The log quotes it.
fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Where a peer is: its address, or the path of its Unix socket.
pub(crate) struct From<'a>(pub(crate) &'a Peer);

impl fmt::Display for From<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = || self.0.details.as_ref()?.path.as_deref();
        match (self.0.address, path()) {
            (Some(address), _) => write!(f, "{address}"),
            (None, Some(path)) => write!(f, "{}", path.escape_debug()),
            (None, None) => write!(f, "unknown"),
        }
    }
}

/// Why a connection ended, in words.
struct Why<'a>(&'a Cause);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Cause::Client(reason) => write!(f, "the client disconnected ({})", reason.name()),
            Cause::Lost => write!(f, "the connection was lost"),
            Cause::Misbehaved(how) => write!(f, "the client broke the protocol: {how}"),
            Cause::TakenOver => write!(f, "another connection took the session over"),
            Cause::Broker(reason) => write!(f, "the broker ended it ({})", reason.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut() {
        let text = shown(&"é".repeat(70_000)).into_owned();
        assert_eq!(text.chars().count(), SHOWN_CHARACTERS_MAX + 3);
        assert!(text.ends_with("é..."));
        assert_eq!(shown("short"), "short");
    }
}
