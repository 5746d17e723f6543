//! Connections to other brokers.

use core::time::Duration;

use super::Part;
use super::tls::set_version;
use crate::config::bridge_topic;
use crate::config::note::NoteKind;
use crate::config::number::{fit, integer};
use crate::config::option::Again::IsAnError;
use crate::config::option::Field::{Choice, Flag, Number, OptionalFlag, Secret, Special, Text};
use crate::config::option::Scope::{Bridge, Structure};
use crate::config::option::{Beyond, ConfigOption, Feature, Range, Structure as S};
use crate::config::problem::{Combination, Problem};
use crate::config::settings::{
    BridgeAddress, BridgeProtocol, BridgeSettings, ReloadType, Restart, StartType,
};
use crate::config::value::Value;

const SHORT: i64 = u16::MAX as i64;
const INT_MAX: i64 = i32::MAX as i64;
const ALIASES: &str = "Error: bridge_max_topic_alias must be > 0 and <= 65535.";

pub(super) const PART: Part = Part {
    title: "Bridges",
    about: "`connection` begins a bridge, and the others concern the bridge above them.",
    options: &[
        ConfigOption::new(
            "address",
            Bridge(Special("addresses or names, each with `:PORT` behind it if that is not 1883", addresses)),
            "where the other broker is; the first one is the main one",
        )
        .or(&["addresses"])
        .live(),
        ConfigOption::new(
            "bridge_attempt_unsubscribe",
            Bridge(Flag(|it| &mut it.attempt_unsubscribe)),
            "whether topics that only go out are unsubscribed from at the other broker",
        )
        .default("true")
        .live(),
        ConfigOption::new(
            "bridge_bind_address",
            Bridge(Text(IsAnError, |it| &mut it.bind_address)),
            "the address of this machine to connect from",
        )
        .live(),
        ConfigOption::new(
            "bridge_max_packet_size",
            Bridge(Number(Range::new(0, INT_MAX).below(Beyond::Clamp), |it, n| {
                it.packet_size_bytes_max = if n == 0 { None } else { Some(fit(n)) };
            })),
            "bytes of a packet over the bridge; 0 is no limit",
        )
        .default("0")
        .live(),
        ConfigOption::new(
            "bridge_max_topic_alias",
            Bridge(Number(
                Range::new(0, SHORT).below(Beyond::Refuse(ALIASES)).above(Beyond::Refuse(ALIASES)),
                |it, n| it.topic_alias_maximum = fit(n),
            )),
            "Topic Aliases that the other broker may use",
        )
        .default("10")
        .live(),
        ConfigOption::new(
            "bridge_outgoing_retain",
            Bridge(Flag(|it| &mut it.outgoing_retain)),
            "whether retained messages go out as such",
        )
        .default("true")
        .live(),
        ConfigOption::new(
            "bridge_protocol_version",
            Bridge(Choice(&[
                ("mqttv31", |it| it.version = BridgeProtocol::Mqtt31),
                ("mqttv311", |it| it.version = BridgeProtocol::Mqtt311),
                ("mqttv50", |it| it.version = BridgeProtocol::Mqtt5),
            ])),
            "what the bridge speaks",
        )
        .default("mqttv311")
        .live(),
        ConfigOption::new(
            "bridge_receive_maximum",
            Bridge(Number(
                Range::new(1, SHORT)
                    .below(Beyond::Refuse("Error: bridge_receive_maximum must be greater than 0."))
                    .above(Beyond::Refuse("Error: bridge_receive_maximum must be lower than 65535.")),
                |it, n| it.receive_maximum = Some(fit(n)),
            )),
            "unfinished messages of QoS 1 and 2 from the other broker",
        )
        .live(),
        ConfigOption::new(
            "bridge_reload_type",
            Bridge(Choice(&[
                ("lazy", |it| it.reload_type = ReloadType::Lazy),
                ("immediate", |it| it.reload_type = ReloadType::Immediate),
            ])),
            "whether a changed configuration waits until the bridge connects again, or makes it do so",
        )
        .default("lazy")
        .live(),
        ConfigOption::new(
            "bridge_session_expiry_interval",
            Bridge(Number(
                Range::new(0, INT_MAX)
                    .below(Beyond::Refuse("Error: bridge_session_expiry_interval must not be negative.")),
                |it, n| it.session_expiry_interval = Some(fit(n)),
            )),
            "Session Expiry Interval at the other broker, in seconds; for MQTT 5.0",
        )
        .default("for ever, unless `cleansession` is `true`; 0 for `mosquitto`")
        .live(),
        ConfigOption::new(
            "bridge_tcp_keepalive",
            Bridge(Special("three numbers from 1: seconds of silence, seconds between probes, probes", tcp_keep_alive)),
            "when the operating system looks whether the other broker is still there",
        )
        .live(),
        ConfigOption::new(
            "bridge_tcp_user_timeout",
            Bridge(Number(
                Range::new(0, INT_MAX).below(Beyond::Refuse("Error: invalid TCP user timeout value.")),
                |it, n| it.tcp_user_timeout = Some(Duration::from_secs(fit(n))),
            )),
            "seconds that sent bytes may stay without an answer",
        )
        .live(),
        ConfigOption::new(
            "cleansession",
            Bridge(Flag(|it| &mut it.clean_start)),
            "whether the Session at the other broker ends with the connection",
        )
        .default("false")
        .live(),
        ConfigOption::new("connection", Structure(S::Connection), "begins a bridge, which has this name")
            .live(),
        ConfigOption::new(
            "idle_timeout",
            Bridge(Number(
                Range::new(1, INT_MAX)
                    .below(Beyond::ClampSaying("idle_timeout interval too low, using 1 second.")),
                |it, n| it.idle_timeout = Duration::from_secs(fit(n)),
            )),
            "seconds that a lazy bridge stays without work",
        )
        .default("60")
        .live(),
        ConfigOption::new(
            "keepalive_interval",
            Bridge(Number(
                Range::new(5, SHORT)
                    .below(Beyond::ClampSaying("keepalive interval too low, using 5 seconds."))
                    .above(Beyond::Refuse("Error: Bridge keepalive value too high.")),
                |it, n| it.keep_alive = Duration::from_secs(fit(n)),
            )),
            "Keep Alive in seconds",
        )
        .default("60")
        .live(),
        ConfigOption::new(
            "local_cleansession",
            Bridge(OptionalFlag(|it| &mut it.local_clean_start)),
            "whether the Session at this broker ends with the connection",
        )
        .default("as `cleansession`")
        .live(),
        ConfigOption::new(
            "local_clientid",
            Bridge(Text(IsAnError, |it| &mut it.local_client_identifier)),
            "Client Identifier at this broker",
        )
        .called("bridge local clientd")
        .default("`local.` and `remote_clientid`")
        .live(),
        ConfigOption::new(
            "local_password",
            Bridge(Secret(|it| &mut it.local_password)),
            "password at this broker",
        )
        .called("bridge local_password")
        .secret()
        .live(),
        ConfigOption::new(
            "local_username",
            Bridge(Text(IsAnError, |it| &mut it.local_user_name)),
            "user name at this broker",
        )
        .called("bridge local_username")
        .live(),
        ConfigOption::new(
            "notification_topic",
            Bridge(Text(IsAnError, |it| &mut it.notification_topic)),
            "the topic that tells whether the bridge is connected",
        )
        .default("`$SYS/broker/connection/CLIENT_IDENTIFIER/state`")
        .live(),
        ConfigOption::new(
            "notifications",
            Bridge(Flag(|it| &mut it.notifications)),
            "whether a retained message tells whether the bridge is connected",
        )
        .default("true")
        .live(),
        ConfigOption::new(
            "notifications_local_only",
            Bridge(Flag(|it| &mut it.notifications_local_only)),
            "whether only this broker gets that message",
        )
        .default("false")
        .live(),
        ConfigOption::new(
            "remote_clientid",
            Bridge(Text(IsAnError, |it| &mut it.remote_client_identifier)),
            "Client Identifier at the other broker",
        )
        .or(&["clientid"])
        .called("bridge remote clientid")
        .default("the name of this machine, a dot, and the name of the bridge")
        .live(),
        ConfigOption::new(
            "remote_password",
            Bridge(Secret(|it| &mut it.remote_password)),
            "password at the other broker",
        )
        .or(&["password"])
        .called("bridge remote_password")
        .secret()
        .live(),
        ConfigOption::new(
            "remote_username",
            Bridge(Text(IsAnError, |it| &mut it.remote_user_name)),
            "user name at the other broker",
        )
        .or(&["username"])
        .called("bridge remote_username")
        .live(),
        ConfigOption::new(
            "restart_timeout",
            Bridge(Special(
                "a number of seconds; or the first and the longest number, and the number that a connection has to last",
                restart,
            )),
            "how long to wait before connecting again: always the same, or longer and longer",
        )
        .default("`5 30`")
        .live(),
        ConfigOption::new(
            "round_robin",
            Bridge(Flag(|it| &mut it.round_robin)),
            "whether all addresses are alike; otherwise the bridge goes back to the first one when it can",
        )
        .default("false")
        .live(),
        ConfigOption::new(
            "start_type",
            Bridge(Special("`automatic`, `lazy` or `once`", start_type)),
            "when the bridge connects: at once and always again, when enough messages wait, or once",
        )
        .default("automatic")
        .live(),
        ConfigOption::new(
            "threshold",
            Bridge(Number(
                Range::new(1, INT_MAX).below(Beyond::ClampSaying("threshold too low, using 1 message.")),
                |it, n| it.threshold = fit(n),
            )),
            "messages that start a lazy bridge",
        )
        .default("10")
        .live(),
        ConfigOption::new(
            "topic",
            Bridge(Special(
                "a topic; then `out`, `in` or `both`; a QoS; what stands before it here; what stands before it there",
                topic,
            )),
            "what goes over the bridge, and where to; each line adds a topic",
        )
        .live(),
        ConfigOption::new(
            "try_private",
            Bridge(Flag(|it| &mut it.try_private)),
            "whether the bridge tells the other broker that it is one",
        )
        .default("true")
        .live(),
    ],
};

pub(super) const TLS: Part = Part {
    title: "TLS of bridges",
    about: "Below a `connection`, which they concern.",
    options: &[
        ConfigOption::new(
            "bridge_alpn",
            Bridge(Text(IsAnError, |it| &mut it.tls.alpn)),
            "the application protocol (ALPN) to ask for",
        )
        .live(),
        ConfigOption::new(
            "bridge_cafile",
            Bridge(Special("a path", |it, value| {
                path(&mut it.tls.ca_file, it.tls.psk_identity.is_some() || it.tls.psk.is_some(), value)
            })),
            "a file of the authorities (CA) that may vouch for the other broker, in PEM; it turns TLS on",
        )
        .live(),
        ConfigOption::new(
            "bridge_capath",
            Bridge(Special("a path", |it, value| {
                path(&mut it.tls.ca_folder, it.tls.psk_identity.is_some() || it.tls.psk.is_some(), value)
            })),
            "a folder of files of such authorities; it turns TLS on",
        )
        .live(),
        ConfigOption::new(
            "bridge_certfile",
            Bridge(Special("a path", |it, value| {
                path(&mut it.tls.certificate, it.tls.psk_identity.is_some() || it.tls.psk.is_some(), value)
            })),
            "the certificate of the bridge, in PEM",
        )
        .live(),
        ConfigOption::new(
            "bridge_ciphers",
            Bridge(Text(IsAnError, |it| &mut it.tls.ciphers)),
            "the cipher suites for TLS 1.2, in the notation of OpenSSL",
        )
        .live(),
        ConfigOption::new(
            "bridge_ciphers_tls1.3",
            Bridge(Text(IsAnError, |it| &mut it.tls.ciphers_tls13)),
            "the cipher suites for TLS 1.3, in the notation of OpenSSL",
        )
        .live(),
        ConfigOption::new(
            "bridge_identity",
            Bridge(Special("a text", |it, value| {
                without_certificates(it, value)?;
                once(&mut it.tls.psk_identity, value.text()?, value)
            })),
            "the name of the pre-shared key",
        )
        .live(),
        ConfigOption::new(
            "bridge_insecure",
            Bridge(Special("`true` or `false`", insecure)),
            "whether the name in the other broker's certificate does not matter",
        )
        .default("false")
        .live(),
        ConfigOption::new(
            "bridge_keyfile",
            Bridge(Special("a path", |it, value| {
                let has_psk = it.tls.has_psk();
                it.tls.key = None;
                path(&mut it.tls.key, has_psk, value)
            })),
            "the private key for `bridge_certfile`, in PEM",
        )
        .live(),
        ConfigOption::new(
            "bridge_psk",
            Bridge(Special("a text", |it, value| {
                without_certificates(it, value)?;
                let key = value.text()?.into();
                once(&mut it.tls.psk, key, value)
            })),
            "the pre-shared key in hexadecimal digits",
        )
        .secret()
        .live(),
        ConfigOption::new(
            "bridge_require_ocsp",
            Bridge(Flag(|it| &mut it.tls.require_ocsp)),
            "whether the other broker has to prove that its certificate has not been revoked",
        )
        .default("false")
        .waits(Feature::Ocsp),
        ConfigOption::new(
            "bridge_tls_use_os_certs",
            Bridge(Flag(|it| &mut it.tls.use_system_roots)),
            "whether the authorities of this machine may vouch for the other broker; it turns TLS on",
        )
        .default("false")
        .live(),
        ConfigOption::new(
            "bridge_tls_version",
            Bridge(Special("`tlsv1.2` or `tlsv1.3`", |it, value| {
                set_version(&mut it.tls.version_min, value)
            })),
            "the lowest version of TLS",
        )
        .default("`tlsv1.2`")
        .live(),
    ],
};

/// `address`
fn addresses(bridge: &mut BridgeSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    const PORT_DEFAULT: u16 = 1883;
    if !bridge.addresses.is_empty() {
        return Err(Problem::Duplicate { option: value.option.into(), called: "bridge address".into() });
    }
    while let Some(word) = value.next_word_before_comment() {
        // An address of IPv6 holds colons itself, so it has to have a port.
        let address = match word.rsplit_once(':') {
            None => BridgeAddress { host: word.into(), port: PORT_DEFAULT },
            Some((host, port)) => {
                let port = integer(port).unwrap_or_default();
                let number = u16::try_from(port).ok().filter(|port| *port > 0);
                let theirs = format!("Error: Invalid bridge port value ({port}).");
                let port = number.ok_or_else(|| value.refused(word, theirs))?;
                BridgeAddress { host: host.into(), port }
            }
        };
        bridge.addresses.push(address);
    }
    if bridge.addresses.is_empty() {
        return Err(Problem::Empty {
            option: value.option.into(),
            called: "bridge address".into(),
            takes: value.row.takes(),
        });
    }
    Ok(())
}

/// `bridge_tcp_keepalive`
fn tcp_keep_alive(bridge: &mut BridgeSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    let mut number = |name: &'static str| {
        let n = value.integer_called(&format!("bridge_tcp_keepalive_{name}"))?;
        let theirs = format!("Error: invalid TCP keepalive {name} value.");
        u32::try_from(n).ok().filter(|n| *n > 0).ok_or_else(|| value.refused(&n.to_string(), theirs))
    };
    let (idle, interval, probes) = (number("idle")?, number("interval")?, number("counter")?);
    value.finish();
    let seconds = |n: u32| Duration::from_secs(n.into());
    bridge.tcp_keep_alive = Some((seconds(idle), seconds(interval), probes));
    Ok(())
}

/// `restart_timeout`
fn restart(bridge: &mut BridgeSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    const BASE: Range = Range::new(1, 3_600)
        .below(Beyond::ClampSaying("restart_timeout interval too low, using 1 second."))
        .above(Beyond::ClampSaying("restart_timeout interval too high, using 3600 seconds."));
    const CAP: Range = Range::new(i64::MIN, 7_200)
        .above(Beyond::ClampSaying("Error: backoff cap too high, using 7200 seconds."));
    const STABLE: Range =
        Range::new(0, INT_MAX).below(Beyond::Refuse("Error: stable connection period cannot be negative."));
    let base = value.number(&BASE)?;
    let seconds = |n: i64| Duration::from_secs(fit(n));
    if !value.has_more() {
        bridge.restart = Restart::Constant(seconds(base));
        return Ok(());
    }
    let cap = value.number(&CAP)?;
    if cap < base {
        let theirs = "Error: backoff cap is lower than the base in restart_timeout.";
        return Err(value.refused(&format!("{base} {cap}"), theirs));
    }
    let stable = if value.has_more() { value.number(&STABLE)? } else { 0 };
    value.finish();
    bridge.restart = Restart::Backoff { base: seconds(base), cap: seconds(cap), stable: seconds(stable) };
    Ok(())
}

/// `start_type`
fn start_type(bridge: &mut BridgeSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    bridge.start_type = match value.word()? {
        "automatic" => StartType::Automatic,
        "lazy" => StartType::Lazy,
        "once" => StartType::Once,
        "manual" => return Err(value.refused("manual", "Error: Manual start_type not supported.")),
        other => {
            let theirs = format!("Error: Invalid 'start_type' value in configuration ({other}).");
            return Err(value.refused(other, theirs));
        }
    };
    value.finish();
    Ok(())
}

/// `topic`
fn topic(bridge: &mut BridgeSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    let topic = bridge_topic::read(value)?;
    if bridge.topics.contains(&topic) {
        let topic = topic.pattern.unwrap_or_default();
        value.say(NoteKind::TopicAgain { topic });
    } else {
        bridge.topics.push(topic);
    }
    Ok(())
}

/// `bridge_insecure`
fn insecure(bridge: &mut BridgeSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    bridge.tls.is_insecure = value.flag()?;
    value.finish();
    if bridge.tls.is_insecure {
        value.say(NoteKind::BridgeInsecure { bridge: bridge.name.clone() });
    }
    Ok(())
}

/// A path that has to do with certificates.
fn path(place: &mut Option<std::path::PathBuf>, has_psk: bool, value: &mut Value<'_>) -> Result<(), Problem> {
    if has_psk {
        let option = value.option.into();
        return Err(Problem::Combination(Combination::BridgeCertificatesBesidePsk(option)));
    }
    let path = value.text()?.into();
    once(place, path, value)
}

fn without_certificates(bridge: &BridgeSettings, value: &Value<'_>) -> Result<(), Problem> {
    if bridge.tls.has_certificates() {
        let option = value.option.into();
        return Err(Problem::Combination(Combination::BridgePskBesideCertificates(option)));
    }
    Ok(())
}

/// Sets what may be set once.
fn once<T>(place: &mut Option<T>, new: T, value: &Value<'_>) -> Result<(), Problem> {
    if place.is_some() {
        return Err(Problem::Duplicate { option: value.option.into(), called: value.called() });
    }
    *place = Some(new);
    Ok(())
}
