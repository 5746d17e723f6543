//! What the engine notices, as lines of the log.
//!
//! A client coming and going is INFO, what it asks for is DEBUG, lost messages are WARN. What clients chose, such as
//! their names and topics, is quoted; payloads and passwords are never here.

use core::fmt;

use martlet_engine::{Cause, Notice, Peer};
use tracing::{debug, info, warn};

/// Characters of a client's text that are shown.
const SHOWN_CHARACTERS_MAX: usize = 256;

/// Writes one line.
pub(crate) fn log(notice: &Notice) {
    match notice {
        Notice::Connected {
            peer, client_identifier, version, clean_start, keep_alive, user_name, ..
        } => info!(
            client = %Quoted(client_identifier),
            peer = %From(peer),
            listener = peer.listener,
            version = ?version,
            clean_start,
            keep_alive,
            user_name = user_name.as_deref().map(Quoted).map(tracing::field::display),
            "client connected"
        ),
        Notice::Refused { peer, client_identifier, reason, .. } => info!(
            client = %Quoted(client_identifier),
            peer = %From(peer),
            listener = peer.listener,
            reason = reason.name(),
            "client refused"
        ),
        Notice::Disconnected { peer, client_identifier, cause, .. } => info!(
            client = client_identifier.as_deref().map(Quoted).map(tracing::field::display),
            peer = %From(peer),
            listener = peer.listener,
            cause = %Why(cause),
            "client disconnected"
        ),
        Notice::SessionEnded { client_identifier } => {
            debug!(client = %Quoted(client_identifier), "session ended");
        }
        Notice::QueueFull { client_identifier } => {
            warn!(client = %Quoted(client_identifier), "the queue of a client is full; messages to it are dropped");
        }
        Notice::PublishRefused { client_identifier, topic, reason } => info!(
            client = %Quoted(client_identifier),
            topic = %Quoted(topic),
            reason = reason.name(),
            "publish refused"
        ),
        Notice::Subscribed { client_identifier, filter, reason } => debug!(
            client = %Quoted(client_identifier),
            filter = %Quoted(filter),
            reason = reason.name(),
            "client subscribed"
        ),
    }
}

/// A text that a client chose: in quotes, at most [`SHOWN_CHARACTERS_MAX`] characters, without anything that a terminal
/// would obey.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().nth(SHOWN_CHARACTERS_MAX).map_or(self.0.len(), |(end, _)| end);
        let more = if end < self.0.len() { "..." } else { "" };
        write!(f, "{:?}{more}", &self.0[..end])
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
    fn what_a_client_chose_cannot_move_the_cursor_or_forge_a_line() {
        let text = Quoted("a\u{1b}[2J\n\u{202e}\"b").to_string();
        assert_eq!(text, r#""a\u{1b}[2J\n\u{202e}\"b""#);
        assert!(text.chars().all(|character| !character.is_control()));
    }

    #[test]
    fn a_long_name_is_cut() {
        let text = Quoted(&"é".repeat(70_000)).to_string();
        assert_eq!(text.chars().count(), SHOWN_CHARACTERS_MAX + 5);
        assert!(text.ends_with("é\"..."));
    }
}
