//! What the broker does with a configuration, in words.

use core::fmt::Write as _;

use super::Subject;
use super::reach::{has_tls, is_mqtt};
use crate::config::Dialect;
use crate::config::settings::{
    BridgeSettings, BundledPlugin, Direction, Family, ListenPlace, ListenerSettings, Origin, Protocol,
    ProxyProtocol, Security, TlsVersion,
};

/// The lines of the explanation.
pub(super) fn explain(subject: &Subject<'_>) -> Vec<String> {
    let settings = &subject.configuration.settings;
    let mut lines = vec!["What listens".to_owned()];
    if settings.is_local_only() {
        let implied = ListenerSettings::default();
        let listener = settings.listeners.first().unwrap_or(&implied);
        lines.push("  port 1883 of 127.0.0.1 and ::1: MQTT, for programs of this machine".into());
        lines.extend(who(subject, listener));
        if subject.dialect == Dialect::Mosquitto {
            lines.push("  port 9883 of 127.0.0.1, if nobody else has it: the HTTP API".into());
        }
    } else {
        for (listener, at) in settings.listeners.iter().zip(&subject.configuration.listener_places) {
            lines.push(format!("  {}: {} ({at})", place(listener), speech(listener)));
            if is_mqtt(listener) {
                lines.extend(who(subject, listener));
            }
        }
    }
    if !settings.bridges.is_empty() {
        lines.push("Bridges".into());
        for (bridge, at) in settings.bridges.iter().zip(&subject.configuration.bridge_places) {
            lines.push(format!("  {} ({at})", bridge_words(bridge)));
        }
    }
    lines.push("What is kept".into());
    lines.push(format!("  {}", kept(subject)));
    lines
}

fn place(listener: &ListenerSettings) -> String {
    let mut text = match &listener.place {
        ListenPlace::Unix(path) => return format!("the Unix socket {}", path.display()),
        ListenPlace::Tcp { port, host: None } => format!("port {port} of all addresses"),
        ListenPlace::Tcp { port, host: Some(host) } => format!("port {port} of {host}"),
    };
    match listener.family {
        Some(Family::V4) => text.push_str(" of IPv4"),
        Some(Family::V6) => text.push_str(" of IPv6"),
        None => {}
    }
    if let Some(interface) = &listener.interface {
        let _ = write!(text, " on {interface}");
    }
    if listener.origin != Origin::Listener {
        text.push_str(", the default listener");
    }
    text
}

/// What clients speak.
fn speech(listener: &ListenerSettings) -> String {
    let protocol = match listener.protocol {
        Protocol::Mqtt => "MQTT",
        Protocol::WebSockets => "MQTT in WebSocket",
        Protocol::HttpApi => "the HTTP API",
    };
    let tls = &listener.tls;
    let version = match &tls.version_min {
        Some(TlsVersion::V11) => "1.1 or newer",
        Some(TlsVersion::V12) | None => "1.2 or newer",
        Some(TlsVersion::V13) => "1.3",
        Some(TlsVersion::Unknown(name)) => name,
    };
    let mut text = if tls.psk_hint.is_some() {
        format!("{protocol} over TLS with pre-shared keys")
    } else if has_tls(listener) {
        format!("{protocol} over TLS {version}")
    } else {
        format!("{protocol}, not encrypted")
    };
    if listener.proxy.is_some() {
        text.push_str(", behind a proxy that tells where clients are");
    }
    if let Some(mount_point) = &listener.mount_point {
        let _ = write!(text, ", all topics below `{mount_point}`");
    }
    text
}

/// Who may come in, and what they may do.
fn who(subject: &Subject<'_>, listener: &ListenerSettings) -> Vec<String> {
    let settings = &subject.configuration.settings;
    let security = settings.security_at(listener);
    let mut ways = Vec::new();
    let tls = &listener.tls;
    if tls.require_certificate {
        let name = match (tls.identity_is_user_name, tls.subject_is_user_name) {
            (true, _) => ", which is who they are",
            (_, true) => ", whose subject is who they are",
            _ => "",
        };
        ways.push(format!("they need a certificate{name}"));
    }
    if tls.psk_hint.is_some() {
        ways.push("they need a pre-shared key".into());
    }
    if let Some(file) = &security.password_file {
        ways.push(format!("passwords are in {}", file.display()));
    }
    for plugin in security.plugins.iter().filter_map(|number| settings.plugins.get(*number)) {
        ways.push(match plugin.bundled() {
            Some(BundledPlugin::PasswordFile) => "passwords are in a file, by a plugin".into(),
            Some(BundledPlugin::AclFile) => "an access control list, by a plugin".into(),
            Some(BundledPlugin::DynamicSecurity) => "dynamic security, by a plugin".into(),
            _ => format!("the plugin {}", plugin.path.display()),
        });
    }
    let named = has_passwords(subject, &security);
    let has_proven_names = tls.identity_is_user_name || tls.subject_is_user_name;
    if has_proven_names && !tls.require_certificate && listener.proxy == Some(ProxyProtocol::V2) {
        ways.push("the certificate that the proxy tells of is who they are".into());
    }
    ways.push(match (settings.admits_anonymous(listener), named) {
        _ if has_proven_names => "whoever has no name by that does not come in".into(),
        (true, _) => "without a user name they may come in".into(),
        (false, true) => "without a user name nobody comes in".into(),
        (false, false) => "there are no passwords, so nobody comes in".into(),
    });
    if let Some(file) = &security.acl_file {
        ways.push(format!("what they may do is in {}", file.display()));
    }
    vec![format!("    clients: {}", ways.join("; "))]
}

/// Whether there is any way to prove a user name.
pub(super) fn has_passwords(subject: &Subject<'_>, security: &Security) -> bool {
    let plugins = &subject.configuration.settings.plugins;
    let asks = |number: &usize| {
        plugins.get(*number).is_some_and(|plugin| {
            !matches!(
                plugin.bundled(),
                Some(BundledPlugin::AclFile | BundledPlugin::PersistSqlite | BundledPlugin::SparkplugAware)
            )
        })
    };
    security.password_file.is_some() || security.plugins.iter().any(asks)
}

/// Whether a plugin says what clients may do.
pub(super) fn has_list_by_plugin(subject: &Subject<'_>, security: &Security) -> bool {
    let plugins = &subject.configuration.settings.plugins;
    let has_list = |number: &usize| {
        plugins.get(*number).is_some_and(|plugin| {
            !matches!(
                plugin.bundled(),
                Some(
                    BundledPlugin::PasswordFile
                        | BundledPlugin::PersistSqlite
                        | BundledPlugin::SparkplugAware
                )
            )
        })
    };
    security.plugins.iter().any(has_list)
}

fn bridge_words(bridge: &BridgeSettings) -> String {
    let addresses: Vec<String> =
        bridge.addresses.iter().map(|address| format!("{}:{}", address.host, address.port)).collect();
    let protection = if bridge.tls.is_on() { "over TLS" } else { "not encrypted" };
    let topics: Vec<String> = bridge
        .topics
        .iter()
        .map(|topic| {
            let direction = match topic.direction {
                Direction::Out => "out",
                Direction::In => "in",
                Direction::Both => "both ways",
            };
            format!("`{}` {direction}", topic.pattern.as_deref().unwrap_or_default())
        })
        .collect();
    format!("{} to {}, {protection}: {}", bridge.name, addresses.join(" or "), topics.join(", "))
}

fn kept(subject: &Subject<'_>) -> String {
    let keeping = &subject.configuration.settings.keeping;
    let is_on = keeping.is_on.unwrap_or(subject.dialect == Dialect::Martlet);
    match (is_on, &keeping.location) {
        (false, _) => "nothing: Sessions and messages end with the broker".into(),
        (true, Some(location)) => format!("Sessions and messages, in {}", location.display()),
        (true, None) if subject.dialect == Dialect::Mosquitto => {
            "Sessions and messages, in the current folder".into()
        }
        (true, None) => "Sessions and messages, in a folder of the user's".into(),
    }
}
