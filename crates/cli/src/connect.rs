//! From the connection flags to the options of the client library, and from its errors to words for people.

mod property;
mod way;

use core::fmt;
use core::num::{NonZeroU16, NonZeroU32};
use core::time::Duration;

use martlet_client::{ConnectError, Options, ProtocolVersion, QoS, ReasonCode, Will};
use martlet_tools::flags::{self, ClientId, Connection, Credentials, Version};
use martlet_tools::payload::reason;
use martlet_tools::property::{Property, PropertyId, Value};

pub(crate) use property::to_wire;
#[cfg(feature = "psk")]
pub(crate) use way::bytes_of_hexadecimal;
pub(crate) use way::{idle_tls_flags, way};

use way::WayError;

/// Why flags cannot become options.
#[derive(Debug)]
pub(crate) enum OptionsError {
    /// This flag is not supported yet.
    Unsupported { flag: &'static str },
    /// A property of `-D` cannot be sent.
    Property(PropertyId),
    /// There is no such way.
    Way(WayError),
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported { flag } => write!(f, "Error: {flag} is not supported in this version."),
            Self::Property(id) => {
                write!(f, "Error: The property {} has a value that cannot be sent.", id.name())
            }
            Self::Way(error) => error.fmt(f),
        }
    }
}

impl From<WayError> for OptionsError {
    fn from(error: WayError) -> Self {
        Self::Way(error)
    }
}

/// The options for a connection.
pub(crate) fn options(connection: &Connection) -> Result<Options, OptionsError> {
    refuse_unsupported(connection)?;
    let mut options = way(connection)?
        .version(version(connection.version))
        .clean_start(connection.clean_start)
        .session_expiry(match connection.session_expiry_seconds {
            u32::MAX => Duration::MAX,
            seconds => Duration::from_secs(seconds.into()),
        })
        .keep_alive(connection.keep_alive)
        .inflight_messages_max(in_flight(connection.in_flight_max));
    options = match &connection.client_id {
        ClientId::Given(name) => options.client_identifier(name),
        ClientId::Prefix(prefix) => options.client_identifier(format!("{prefix}{}", std::process::id())),
        // MQTT 3.1 has no way to let the server choose.
        ClientId::Chosen if connection.version == Version::V31 => options,
        ClientId::Chosen => options.client_identifier(""),
    };
    options = match &connection.credentials {
        Credentials { username: None, .. } => options,
        Credentials { username: Some(name), password: None } => options.user_name(name),
        Credentials { username: Some(name), password: Some(password) } => {
            options.credentials(name, password.clone())
        }
    };
    if let Some(will) = &connection.will {
        options = options.will(self::will(will, &connection.properties.will)?);
    }
    for property in &connection.properties.connect {
        options = connect_property(options, property)?;
    }
    Ok(options)
}

fn refuse_unsupported(connection: &Connection) -> Result<(), OptionsError> {
    let password_alone =
        connection.credentials.username.is_none() && connection.credentials.password.is_some();
    let checks =
        [(password_alone, "-P without -u"), (!connection.properties.disconnect.is_empty(), "-D disconnect")];
    match checks.into_iter().find(|(is_given, _)| *is_given) {
        Some((_, flag)) => Err(OptionsError::Unsupported { flag }),
        None => Ok(()),
    }
}

pub(crate) const fn version(version: Version) -> ProtocolVersion {
    match version {
        Version::V31 => ProtocolVersion::Mqtt31,
        Version::V311 => ProtocolVersion::Mqtt311,
        Version::V5 => ProtocolVersion::Mqtt5,
    }
}

/// The QoS of this number, which the flags have checked.
pub(crate) fn qos(number: u8) -> QoS {
    QoS::from_u8(number).unwrap_or(QoS::ExactlyOnce)
}

fn in_flight(messages: u32) -> NonZeroU16 {
    u16::try_from(messages).ok().and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MAX)
}

fn will(will: &flags::Will, properties: &[Property]) -> Result<Will, OptionsError> {
    let made = Will::new(&will.topic, will.payload.clone()).qos(qos(will.qos)).retain(will.retain);
    properties.iter().try_fold(made, |made, property| {
        Ok(made.property(&to_wire(property).ok_or(OptionsError::Property(property.id))?))
    })
}

/// What the library has an option for must not stand in CONNECT twice.
fn connect_property(options: Options, property: &Property) -> Result<Options, OptionsError> {
    let wrong = || OptionsError::Property(property.id);
    Ok(match (property.id, &property.value) {
        (PropertyId::ReceiveMaximum, Value::Number(number)) => {
            let number = u16::try_from(*number).ok().and_then(NonZeroU16::new);
            options.receive_maximum(number.ok_or_else(wrong)?)
        }
        (PropertyId::MaximumPacketSize, Value::Number(number)) => {
            options.packet_size_bytes_max(NonZeroU32::new(*number).ok_or_else(wrong)?)
        }
        (PropertyId::TopicAliasMaximum, Value::Number(number)) => {
            options.topic_alias_maximum(u16::try_from(*number).map_err(|_| wrong())?)
        }
        (PropertyId::SessionExpiryInterval, Value::Number(number)) => {
            options.session_expiry(Duration::from_secs((*number).into()))
        }
        _ => options.property(&to_wire(property).ok_or_else(wrong)?),
    })
}

/// What kept a connection from coming about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The host's name has no address.
    Lookup,
    /// TLS did not come about.
    Tls,
    /// The operating system says why.
    System,
    /// Something else.
    Other,
}

/// Finds out what kept a connection from coming about.
pub(crate) fn obstacle(error: &ConnectError) -> Obstacle {
    let error = match error {
        ConnectError::Lookup { .. } => return Obstacle::Lookup,
        ConnectError::Tls(_) => return Obstacle::Tls,
        ConnectError::Io(error) => error,
        _ => return Obstacle::Other,
    };
    let inner = error.get_ref();
    if inner.and_then(|inner| inner.downcast_ref::<martlet_client::rustls::Error>()).is_some() {
        Obstacle::Tls
    } else if error.raw_os_error().is_some() {
        Obstacle::System
    } else {
        Obstacle::Other
    }
}

/// Why there is no connection, without the number that Rust adds to the system's words.
pub(crate) fn why(error: &ConnectError) -> String {
    match error {
        ConnectError::Io(error) | ConnectError::Lookup { error, .. } => reason(error),
        error => error.to_string(),
    }
}

/// Why a broker refuses a connection, in Mosquitto's words.
pub(crate) fn refusal(code: ReasonCode, version: ProtocolVersion) -> String {
    if version == ProtocolVersion::Mqtt5 {
        let hint = match code {
            ReasonCode::UnsupportedProtocolVersion => {
                ". Try connecting to an MQTT v5 broker, or use MQTT v3.x mode."
            }
            _ => "",
        };
        return format!("{code}{hint}");
    }
    let reason = match code.connect_return_code() {
        Some(1) => "unacceptable protocol version",
        Some(2) => "identifier rejected",
        Some(3) => "broker unavailable",
        Some(4) => "bad user name or password",
        Some(5) => "not authorised",
        _ => "unknown reason",
    };
    format!("Connection Refused: {reason}")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use martlet_tools::flags::{Environment, Request};

    use super::*;

    fn connection(line: &str) -> Connection {
        let mut arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        arguments.extend(["-t", "t", "-n"].map(OsString::from));
        match flags::publish(&arguments, &Environment::default()) {
            Ok(Request::Run(options)) => options.connection,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// The options as text, which shows every value but secrets.
    fn text(line: &str) -> String {
        format!("{:?}", options(&connection(line)).unwrap())
    }

    #[test]
    fn flags_become_options() {
        for (line, parts) in [
            ("", &["address: Tcp { host: \"localhost\", port: 1883 }", "version: Mqtt311"][..]),
            ("-h h -p 7 --ws", &["address: WebSocket { host: \"h\", port: 7, path: \"/mqtt\" }"]),
            ("-p 8883", &["address: Tls { host: \"localhost\", port: 8883 }"]),
            (
                "-p 8883 --ws",
                &["address: SecureWebSocket { host: \"localhost\", port: 8883, path: \"/mqtt\" }"],
            ),
            ("--unix /run/mqtt", &["address: Unix { path: \"/run/mqtt\" }"]),
            ("-V 31", &["version: Mqtt31,", "client_identifier: \"martlet-"]),
            (
                "-V 5",
                &["version: Mqtt5", "client_identifier: \"\"", "clean_start: true", "session_expiry: 0ns"],
            ),
            (
                "-V 5 -c -i a",
                &["client_identifier: \"a\"", "clean_start: false", "session_expiry: 18446744073709551615"],
            ),
            ("-x 60 -k 30", &["session_expiry: 60s", "keep_alive: 30s"]),
            ("-u me -P secret", &["user_name: Some(\"me\")", "password: Some((hidden))"]),
            ("-u me", &["user_name: Some(\"me\")", "password: None"]),
            ("-M 5", &["inflight_messages_max: Some(5)"]),
            ("-M 70000", &["inflight_messages_max: Some(65535)"]),
            ("-D connect receive-maximum 7", &["receive_maximum: 7"]),
            ("-D connect maximum-packet-size 99", &["packet_size_bytes_max: 99"]),
            ("-D connect session-expiry-interval 9", &["session_expiry: 9s"]),
            (
                "--will-topic w --will-qos 2 --will-retain",
                &["Will { topic: \"w\", payload_bytes: 0, qos: ExactlyOnce, retain: true"],
            ),
        ] {
            let text = text(line);
            for part in parts {
                assert!(text.contains(part), "{line}: {part} is not in {text}");
            }
        }
        let prefix = format!("client_identifier: \"p{}\"", std::process::id());
        assert!(text("-I p").contains(&prefix));
    }

    #[test]
    fn what_the_library_cannot_do_is_an_error_that_names_the_flag() {
        for (line, flag) in
            [("-P secret", "-P without -u"), ("-V 5 -D disconnect user-property a b", "-D disconnect")]
        {
            let error = options(&connection(line)).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("Error: {flag} is not supported in this version."),
                "{line}"
            );
        }
        let error = options(&connection("--cafile /nonexistent")).unwrap_err().to_string();
        assert!(error.starts_with("Unable to connect (A TLS error occurred).\n/nonexistent: "), "{error}");
        let error = options(&connection("-D connect receive-maximum 0")).unwrap_err().to_string();
        assert!(error.contains("receive-maximum"), "{error}");
    }
}
