//! Where to listen, and what for.

use martlet_wire::{QoS, TopicName};

use super::Part;
use super::general::INT;
use super::limits::at_least_one;
use crate::config::note::NoteKind;
use crate::config::number::fit;
use crate::config::option::Again::{IsAnError, Replaces};
use crate::config::option::Field::{Choice, Flag, Number, Path, Special, Text, Texts};
use crate::config::option::Scope::{General, Listener, Structure};
use crate::config::option::{Beyond, ConfigOption, Needs, Range, Structure as S};
use crate::config::problem::Problem;
use crate::config::settings::{AcceptedVersions, Family, ListenerSettings, Protocol, ProxyProtocol};
use crate::config::value::Value;

const SHORT: i64 = u16::MAX as i64;
const QOS: &str = "Error: 'max_qos' must be between 0 and 2 inclusive.";
const ALIASES: &str = "Error: Invalid 'max_topic_alias' value in configuration.";
const ALIASES_OUT: &str = "Error: Invalid 'max_topic_alias_broker' value in configuration.";
const PROXY: &str = "Error: enable_proxy_protocol must be 1 or 2.";

pub(super) const PART: Part = Part {
    title: "Listeners",
    about: "`listener` begins a listener, and the others concern the listener above them. Where there is none, some make \
            the default listener on port 1883, and the others are an error. Without `listener`, `port` and \
            `bind_address` the broker listens for programs of the same machine only.",
    options: &[
        ConfigOption::new(
            "accept_protocol_versions",
            Listener(Special("`3`, `4` and `5` with commas between them", versions), Needs::OwnListener),
            "which versions of MQTT clients may speak: `3` is 3.1, `4` is 3.1.1, `5` is 5.0",
        )
        .default("3,4,5")
        .live(),
        ConfigOption::new(
            "bind_address",
            Structure(S::BindAddress),
            "the address of the default listener",
        )
        .called("default listener bind_address")
        .default("all addresses")
        .deprecated(""),
        ConfigOption::new(
            "bind_interface",
            Listener(Text(IsAnError, |it| &mut it.interface), Needs::Nothing),
            "the only network interface to listen on, by all its addresses or those that `listener` names",
        ),
        ConfigOption::new(
            "enable_proxy_protocol",
            Listener(
                Number(
                    Range::new(1, 2).below(Beyond::Refuse(PROXY)).above(Beyond::Refuse(PROXY)),
                    |it, n| it.proxy = Some(if n == 1 { ProxyProtocol::V1 } else { ProxyProtocol::V2 }),
                ),
                Needs::Listener,
            ),
            "the version of the PROXY protocol by which a proxy in front tells where clients are",
        ),
        ConfigOption::new(
            "http_dir",
            Listener(Path(IsAnError, |it| &mut it.http_folder), Needs::Listener),
            "a folder whose files `protocol http_api` serves",
        ),
        ConfigOption::new(
            "listener",
            Structure(S::Listener),
            "listens on a port: of all addresses, of one address, or of all addresses of a name. With port 0, on a Unix \
             socket",
        )
        .called("listener port"),
        ConfigOption::new(
            "max_connections",
            Listener(Number(INT, |it, n| it.connections_max = at_least_one(n)), Needs::Nothing),
            "connections at a time; 0 and less is no limit",
        )
        .default("-1")
        .live(),
        ConfigOption::new(
            "max_topic_alias",
            Listener(
                Number(
                    Range::new(0, SHORT).below(Beyond::Refuse(ALIASES)).above(Beyond::Refuse(ALIASES)),
                    |it, n| it.topic_alias_maximum = fit(n),
                ),
                Needs::Listener,
            ),
            "Topic Aliases that one client may use",
        )
        .default("10"),
        ConfigOption::new(
            "max_topic_alias_broker",
            Listener(
                Number(
                    Range::new(0, SHORT).below(Beyond::Refuse(ALIASES_OUT)).above(Beyond::Refuse(ALIASES_OUT)),
                    |it, n| it.topic_alias_maximum_outgoing = fit(n),
                ),
                Needs::Listener,
            ),
            "Topic Aliases towards one client",
        )
        .default("10"),
        ConfigOption::new(
            "maximum_qos",
            Listener(
                Number(
                    Range::new(0, 2).below(Beyond::Refuse(QOS)).above(Beyond::Refuse(QOS)),
                    |it, n| it.maximum_qos = qos(n),
                ),
                Needs::Nothing,
            ),
            "the highest QoS that clients may publish with",
        )
        .or(&["max_qos"])
        .default("2"),
        ConfigOption::new(
            "mount_point",
            Listener(Special("a topic without wildcards", mount_point), Needs::Listener),
            "what all topics of its clients begin with, unknown to them: they see nothing else",
        ),
        ConfigOption::new("port", Structure(S::Port), "the port of the default listener")
            .default("1883")
            .deprecated("Please use 'listener' instead."),
        ConfigOption::new(
            "protocol",
            Listener(
                Choice(&[
                    ("mqtt", |it| it.protocol = Protocol::Mqtt),
                    ("websockets", |it| it.protocol = Protocol::WebSockets),
                    ("http_api", |it| it.protocol = Protocol::HttpApi),
                ]),
                Needs::Nothing,
            ),
            "what clients speak: `mqtt`, `websockets` (MQTT in WebSocket) or `http_api`",
        )
        .default("mqtt"),
        ConfigOption::new(
            "proxy_protocol_v2_require_tls",
            Listener(Flag(|it| &mut it.proxy_requires_tls), Needs::Listener),
            "whether clients have to use TLS up to the proxy, with `enable_proxy_protocol 2`",
        )
        .default("false"),
        ConfigOption::new(
            "socket_domain",
            Listener(
                Choice(&[
                    ("ipv4", |it| it.family = Some(Family::V4)),
                    ("ipv6", |it| it.family = Some(Family::V6)),
                ]),
                Needs::Nothing,
            ),
            "the only kind of address to listen on",
        )
        .default("both kinds"),
        ConfigOption::own(
            "unix_socket_mode",
            Listener(Special("an octal number up to 777", unix_mode), Needs::Listener),
            "permissions of the file of a Unix socket; connecting needs the one to write",
        )
        .default("`770`"),
        ConfigOption::new(
            "use_username_as_clientid",
            Listener(Flag(|it| &mut it.user_name_is_client_identifier), Needs::Nothing),
            "whether a client's user name is also its Client Identifier; a client without one is turned away",
        )
        .default("false"),
        ConfigOption::new(
            "websockets_log_level",
            General(Number(INT, |it, n| it.websockets_log_level = fit(n))),
            "what the library for WebSocket logs",
        )
        .default("0")
        .no_effect("there is no library that would log by itself"),
        ConfigOption::new(
            "websockets_origin",
            Listener(Texts(|it| &mut it.origins), Needs::Listener),
            "an origin (as browsers tell it, such as `https://example.org`) whose pages may connect; each line adds one",
        )
        .default("all origins"),
        ConfigOption::own(
            "websockets_path",
            Listener(Text(Replaces, |it| &mut it.websocket_path), Needs::Listener),
            "the only path that there is for WebSocket",
        )
        .default("all paths"),
        ConfigOption::own(
            "websockets_trusted_proxies",
            Listener(Number(Range::new(0, SHORT), |it, n| it.trusted_proxies = fit(n)), Needs::Listener),
            "proxies in front that are trusted to tell where clients are, by `X-Forwarded-For`",
        )
        .default("0"),
    ],
};

const fn qos(number: i64) -> QoS {
    match number {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

/// `accept_protocol_versions`. What else stands there is passed over, as Mosquitto does, but not without a word.
fn versions(listener: &mut ListenerSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    let mut accepted = AcceptedVersions { mqtt31: false, mqtt311: false, mqtt5: false };
    let text = value.remainder().trim();
    if text.is_empty() {
        return Err(value.empty());
    }
    for word in text.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
        match word {
            "3" => accepted.mqtt31 = true,
            "4" => accepted.mqtt311 = true,
            "5" => accepted.mqtt5 = true,
            comment if comment.starts_with('#') => break,
            _ => value.say(NoteKind::Rest { option: value.option.into() }),
        }
    }
    if !(accepted.mqtt31 || accepted.mqtt311 || accepted.mqtt5) {
        return Err(value.refusal(text));
    }
    listener.versions = accepted;
    Ok(())
}

/// `mount_point`
fn mount_point(listener: &mut ListenerSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    let text = value.text()?;
    if TopicName::parse(&text).is_err() {
        let theirs =
            format!("Error: Invalid 'mount_point' value ({text}). Does it contain a wildcard character?");
        return Err(value.refused(&text, theirs));
    }
    listener.mount_point = Some(text);
    Ok(())
}

/// `unix_socket_mode`
fn unix_mode(listener: &mut ListenerSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    const MODE_MAX: u32 = 0o777;
    let word = value.word()?;
    let mode = u32::from_str_radix(word, 8).ok().filter(|mode| *mode <= MODE_MAX);
    listener.unix_mode = Some(mode.ok_or_else(|| value.refusal(word))?);
    value.finish();
    Ok(())
}
