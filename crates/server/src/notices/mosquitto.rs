//! What the engine notices, in the words of Mosquitto, which scripts look for.

mod packets;

use core::fmt::{self, Write as _};

use martlet_engine::{Cause, Notice, Peer, WillFacts};
use martlet_wire::{ProtocolVersion, ReasonCode};
use tracing::{debug, info};

use super::shown;
use crate::logging::{CONNECTIONS, MOSQUITTO, NOTICE, SUBSCRIBE, UNSUBSCRIBE};

/// Writes the lines of a notice.
pub(super) fn log(notice: &Notice) {
    match notice {
        Notice::Packet(trace) => {
            debug!(target: MOSQUITTO, "{}", packets::words(trace));
            return;
        }
        Notice::Subscribed { filter, reason, .. } if reason.is_error() => {
            debug!(target: MOSQUITTO, "\t{} (denied)", Plain(filter));
            return;
        }
        Notice::Subscribed { filter, reason, .. } => {
            debug!(target: MOSQUITTO, "\t{} (QoS {})", Plain(filter), *reason as u8);
        }
        Notice::Unsubscribed { filter, .. } => debug!(target: MOSQUITTO, "\t{}", Plain(filter)),
        _ => {}
    }
    let Some(text) = words(notice) else { return };
    match notice {
        Notice::Connected { .. } | Notice::Refused { .. } | Notice::Disconnected { .. } => {
            info!(target: CONNECTIONS, "{text}");
        }
        Notice::QueueFull { .. } => info!(target: NOTICE, "{text}"),
        Notice::Subscribed { .. } => info!(target: SUBSCRIBE, "{text}"),
        Notice::Unsubscribed { .. } => info!(target: UNSUBSCRIBE, "{text}"),
        Notice::SessionEnded { .. } | Notice::PublishRefused { .. } | Notice::Packet(_) => {
            debug!(target: MOSQUITTO, "{text}");
        }
    }
    if let Notice::Connected { will, .. } = notice {
        log_will(will.as_ref());
    }
}

/// What Mosquitto says of the Will behind the line that tells of the client.
fn log_will(will: Option<&WillFacts>) {
    let Some(WillFacts { topic, payload_bytes, qos, retain }) = will else {
        debug!(target: MOSQUITTO, "No will message specified.");
        return;
    };
    let (qos, retain) = (*qos as u8, u8::from(*retain));
    debug!(target: MOSQUITTO, "Will message specified ({payload_bytes} bytes) (r{retain}, q{qos}).");
    debug!(target: MOSQUITTO, "\t{}", Plain(topic));
}

/// Writes that a connection was accepted at a port.
pub(super) fn log_accepted(peer: &Peer, port: u16) {
    info!(target: CONNECTIONS, "New connection from {} on port {port}.", From(peer));
}

/// Writes that someone was turned away since there are too many connections.
pub(super) fn log_crowded(peer: &Peer) {
    let place = place(peer);
    info!(target: CONNECTIONS, "Client connection from {place} denied: max_connections exceeded.");
}

/// The text of a line; `None` where Mosquitto says nothing.
fn words(notice: &Notice) -> Option<String> {
    Some(match notice {
        Notice::Connected {
            peer, client_identifier, version, clean_start, keep_alive, user_name, ..
        } => {
            let user = user_name.as_deref().map_or_else(String::new, |name| format!(", u'{}'", Plain(name)));
            format!(
                "New client connected from {} as {} (p{}, c{}, k{keep_alive}{user}).",
                From(peer),
                Plain(client_identifier),
                level(*version),
                u8::from(*clean_start)
            )
        }
        Notice::Refused { peer, client_identifier, reason, .. } => {
            let is_nameless = client_identifier.is_empty();
            let client = if is_nameless { &place(peer) } else { client_identifier };
            disconnected(client, peer, Some(reason_words(*reason)))
        }
        Notice::Disconnected { peer, client_identifier, cause, .. } => {
            let reason = match cause {
                Cause::Client(_) => None,
                Cause::Lost => Some("connection closed by client"),
                Cause::Misbehaved(how) => Some(reason_words(how.reason())),
                Cause::TakenOver => Some("session taken over"),
                // The refusal was told already.
                Cause::Broker(_) if client_identifier.is_none() => return None,
                Cause::Broker(reason) => Some(reason_words(*reason)),
            };
            disconnected(&client_identifier.clone().unwrap_or_else(|| place(peer)), peer, reason)
        }
        Notice::QueueFull { client_identifier } => {
            format!("Outgoing messages are being dropped for client {}.", Plain(client_identifier))
        }
        Notice::PublishRefused {
            client_identifier, topic, qos, retain, packet_id, payload_bytes, ..
        } => format!(
            "Denied PUBLISH from {} (d0, q{}, r{}, m{}, '{}', ... ({payload_bytes} bytes))",
            Plain(client_identifier),
            *qos as u8,
            u8::from(*retain),
            packet_id.map_or(0, martlet_wire::PacketId::get),
            Plain(topic)
        ),
        Notice::Subscribed { client_identifier, filter, reason } => {
            format!("{} {} {}", Plain(client_identifier), *reason as u8, Plain(filter))
        }
        Notice::Unsubscribed { client_identifier, filter } => {
            format!("{} {}", Plain(client_identifier), Plain(filter))
        }
        Notice::Packet(trace) => packets::words(trace),
        Notice::SessionEnded { .. } => return None,
    })
}

fn disconnected(client: &str, peer: &Peer, reason: Option<&str>) -> String {
    let mut text = format!("Client {} [{}] disconnected", Plain(client), From(peer));
    if let Some(reason) = reason {
        let _ = write!(text, ": {reason}");
    }
    text.push('.');
    text
}

/// What Mosquitto calls the reason of an end.
const fn reason_words(reason: ReasonCode) -> &'static str {
    match reason {
        ReasonCode::MalformedPacket => "malformed packet",
        ReasonCode::ProtocolError => "protocol error",
        ReasonCode::NotAuthorized | ReasonCode::BadUserNameOrPassword => "not authorised",
        ReasonCode::ClientIdentifierNotValid => "client identifier not valid",
        ReasonCode::UnsupportedProtocolVersion => "unsupported protocol version",
        ReasonCode::ServerUnavailable => "server unavailable",
        ReasonCode::ServerBusy => "server busy",
        ReasonCode::Banned => "client banned",
        ReasonCode::BadAuthenticationMethod => "bad authentication method",
        ReasonCode::KeepAliveTimeout | ReasonCode::MaximumConnectTime => "exceeded timeout",
        ReasonCode::SessionTakenOver => "session taken over",
        ReasonCode::TopicAliasInvalid => "topic alias invalid",
        ReasonCode::ReceiveMaximumExceeded => "receive maximum exceeded",
        ReasonCode::PacketTooLarge => "oversize packet",
        ReasonCode::QuotaExceeded => "quota exceeded",
        ReasonCode::ConnectionRateExceeded => "connection rate exceeded",
        ReasonCode::AdministrativeAction => "administrative action",
        ReasonCode::QosNotSupported | ReasonCode::RetainNotSupported => {
            "used disallowed feature (QoS too high, retain not supported, or bad AUTH method)"
        }
        ReasonCode::ServerShuttingDown => "server shutting down",
        _ => "implementation specific error",
    }
}

/// The number of a version in CONNECT.
const fn level(version: ProtocolVersion) -> u8 {
    match version {
        ProtocolVersion::Mqtt31 => 3,
        ProtocolVersion::Mqtt311 => 4,
        ProtocolVersion::Mqtt5 => 5,
    }
}

/// `ADDRESS:PORT`, without brackets around an address of IPv6.
struct From<'a>(&'a Peer);

impl fmt::Display for From<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.address {
            Some(address) => write!(f, "{}:{}", address.ip(), address.port()),
            None => write!(f, "{}:0", place(self.0)),
        }
    }
}

/// Where a peer is, without a port.
fn place(peer: &Peer) -> String {
    let path = || peer.details.as_ref()?.path.as_deref();
    match (peer.address, path()) {
        (Some(address), _) => address.ip().to_string(),
        (None, Some(path)) => Plain(path).to_string(),
        (None, None) => "unknown".into(),
    }
}

/// A text that a client chose, not too long and without anything that a terminal would obey.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in shown(self.0).chars() {
            if matches!(character, '"' | '\'' | '\\') {
                f.write_char(character)?;
            } else {
                write!(f, "{}", character.escape_debug())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use martlet_engine::{ConnectionId, PeerMisbehaved};

    const CONNECTION: ConnectionId = ConnectionId { index: 0, generation: 0 };

    fn peer() -> Peer {
        Peer { address: Some("127.0.0.1:40000".parse().unwrap()), ..Peer::default() }
    }

    fn connected(client: &str, user: Option<&str>) -> String {
        let notice = Notice::Connected {
            connection: CONNECTION,
            peer: peer(),
            client_identifier: client.into(),
            version: ProtocolVersion::Mqtt5,
            clean_start: false,
            keep_alive: 42,
            user_name: user.map(Into::into),
            will: None,
        };
        words(&notice).unwrap()
    }

    fn ended(client: Option<&str>, cause: Cause) -> Option<String> {
        let client_identifier = client.map(Into::into);
        words(&Notice::Disconnected { connection: CONNECTION, peer: peer(), client_identifier, cause })
    }

    #[test]
    fn clients_that_come() {
        assert_eq!(
            connected("id", Some("NAME")),
            "New client connected from 127.0.0.1:40000 as id (p5, c0, k42, u'NAME')."
        );
        assert_eq!(
            connected("a\u{1b}[2J\n\u{202e}'b", None),
            "New client connected from 127.0.0.1:40000 as a\\u{1b}[2J\\n\\u{202e}'b (p5, c0, k42)."
        );
    }

    #[test]
    fn clients_that_go() {
        let place = "[127.0.0.1:40000] disconnected";
        let table: &[(Option<&str>, Cause, Option<&str>)] = &[
            (Some("id"), Cause::Client(ReasonCode::Success), Some("Client id ?.")),
            (Some("id"), Cause::Lost, Some("Client id ?: connection closed by client.")),
            (Some("id"), Cause::TakenOver, Some("Client id ?: session taken over.")),
            (
                Some("id"),
                Cause::Misbehaved(PeerMisbehaved::KeepAliveTimeout),
                Some("Client id ?: exceeded timeout."),
            ),
            (
                None,
                Cause::Misbehaved(PeerMisbehaved::SecondConnect),
                Some("Client 127.0.0.1 ?: protocol error."),
            ),
            (None, Cause::Broker(ReasonCode::NotAuthorized), None),
        ];
        for (client, cause, expected) in table {
            let expected = expected.map(|text| text.replace('?', place));
            assert_eq!(ended(*client, cause.clone()), expected);
        }
        let refused = |name: &str| {
            words(&Notice::Refused {
                connection: CONNECTION,
                peer: peer(),
                client_identifier: name.into(),
                reason: ReasonCode::NotAuthorized,
            })
            .unwrap()
        };
        assert_eq!(refused("id"), format!("Client id {place}: not authorised."));
        assert_eq!(refused(""), format!("Client 127.0.0.1 {place}: not authorised."));
    }
}
