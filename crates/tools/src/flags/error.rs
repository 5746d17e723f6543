//! What can be wrong with arguments, in Mosquitto's words.

use core::fmt;

use super::proxy::ProxyError;
use super::table::Flag;
use crate::format::FormatError;
use crate::property::PropertyError;

/// Why the arguments of a tool are refused. Its text has no newline at the end; the exit status is 1.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ArgumentError {
    /// `--help` was found, and what follows does not matter.
    HelpAsked,
    /// `--version` was found, and what follows does not matter.
    VersionAsked,
    /// The tool takes no such flag, or an argument stands without a flag.
    UnknownOption {
        /// The argument.
        argument: String,
    },
    /// A flag is the last argument, but wants a value.
    ValueMissing {
        /// The flag.
        flag: &'static Flag,
    },
    /// `-o` was given twice.
    OptionsFileTwice,
    /// A text is not UTF-8.
    MalformedUtf8 {
        /// The flag or part of a flag.
        place: &'static str,
    },
    /// A number is out of its range.
    Number(NumberError),
    /// A topic has misplaced wildcards or is too long.
    Topic {
        /// What it was meant for.
        role: TopicRole,
        /// The topic.
        topic: String,
    },
    /// `-V` names no version.
    UnknownVersion,
    /// `--retain-handling` has no such value.
    UnknownRetainHandling {
        /// The value.
        value: String,
    },
    /// The message is too long.
    MessageTooLong,
    /// `-D` is wrong.
    Property(PropertyError),
    /// `-F` is wrong.
    Format(FormatError),
    /// `-L` is wrong.
    Url(UrlError),
    /// `--proxy` is wrong.
    Proxy(ProxyError),
    /// Flags do not fit together.
    Combination(Combination),
}

/// A number that is out of its range.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is the flag's name; the text says the range")]
pub enum NumberError {
    KeepAlive,
    InFlight,
    Port(i64),
    Qos(i64),
    WillQos(i64),
    Count(i64),
    Timeout(i64),
    RandomFilter,
    Repeat,
    RepeatDelay,
    SessionExpiryNotANumber,
    SessionExpiryOutOfRange,
    Speed,
}

/// What a topic is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TopicRole {
    Publish,
    Response,
    Will,
    Subscription,
    Filter,
    Unsubscribe,
}

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It begins with none of `mqtt://`, `mqtts://`, `ws://`, `wss://`.
    Scheme,
    /// No slash follows the host.
    TopicMissing,
    /// There is an `@` but no name before it.
    EmptyUsername,
    /// There is a colon but no port after it.
    EmptyPort,
}

/// Flags that do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each text says what is missing or too much")]
pub enum Combination {
    IdAndPrefix,
    SeveralMessages,
    WillPayloadWithoutTopic,
    WillRetainWithoutTopic,
    CertificateWithoutKey,
    KeyFormWithoutKey,
    EngineKeyPass,
    PskAndCertificates,
    PskWithoutIdentity,
    EndlessSessionWithoutId,
    KeptSessionWithoutId,
    NoSubscription,
    HideRetainedAndRetainedOnly,
    PublishIncomplete,
    RequestIncomplete,
    ResponseTopicTwice,
    NoRecord,
    BrokerTwice,
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HelpAsked => f.write_str("help was asked for"),
            Self::VersionAsked => f.write_str("the version was asked for"),
            Self::UnknownOption { argument } => write!(f, "Error: Unknown option '{argument}'."),
            Self::ValueMissing { flag } => value_missing(flag, f),
            Self::OptionsFileTwice => f.write_str("Error: Duplicate -o argument given."),
            Self::MalformedUtf8 { place } => write!(f, "Error: Malformed UTF-8 in {place} argument."),
            Self::Number(error) => error.fmt(f),
            Self::Topic { role, topic } => role.refuse(topic, f),
            Self::UnknownVersion => f.write_str("Error: Invalid protocol version argument given."),
            Self::UnknownRetainHandling { value } => {
                write!(f, "Error: Unknown value '{value}' for --retain-handling.")
            }
            Self::MessageTooLong => write!(
                f,
                "Error: Message length must be less than {} bytes.",
                crate::payload::PAYLOAD_BYTES_MAX
            ),
            Self::Property(error) => error.fmt(f),
            Self::Format(error) => error.fmt(f),
            Self::Url(error) => error.fmt(f),
            Self::Proxy(error) => error.fmt(f),
            Self::Combination(error) => error.fmt(f),
        }
    }
}

fn value_missing(flag: &Flag, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match flag.value {
        super::ValueKind::One { missing, .. } => {
            write!(f, "Error: {} argument given but {missing}.", flag.shown())
        }
        super::ValueKind::None | super::ValueKind::Property => {
            write!(f, "{}", PropertyError::NotEnoughArguments)
        }
    }
}

impl TopicRole {
    fn refuse(self, topic: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (role, is_name) = match self {
            Self::Publish => ("publish", true),
            Self::Response => ("response", true),
            Self::Will => ("will", true),
            Self::Subscription => ("subscription", false),
            Self::Filter => ("filter", false),
            Self::Unsubscribe => ("unsubscribe", false),
        };
        let question =
            if is_name { "does it contain '+' or '#'?" } else { "are all '+' and '#' wildcards correct?" };
        write!(f, "Error: Invalid {role} topic '{topic}', {question}")
    }
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Error: ")?;
        match self {
            Self::KeepAlive => {
                f.write_str("Invalid keepalive given, it must be between 5 and 65535 inclusive.")
            }
            Self::InFlight => f.write_str("Maximum inflight messages must be greater than 0."),
            Self::Port(number) => write!(f, "Invalid port given: {number}"),
            Self::Qos(number) => write!(f, "Invalid QoS given: {number}"),
            Self::WillQos(number) => write!(f, "Invalid will QoS {number}."),
            Self::Count(number) => write!(f, "Invalid message count \"{number}\"."),
            Self::Timeout(number) => write!(f, "Invalid timeout \"{number}\"."),
            Self::RandomFilter => f.write_str("--random-filter chance must be between 0.1-100.0"),
            Self::Repeat => f.write_str("--repeat argument must be >0."),
            Self::RepeatDelay => f.write_str("--repeat-delay argument must be >=0.0."),
            Self::SessionExpiryNotANumber => f.write_str("session-expiry-interval not a number."),
            Self::SessionExpiryOutOfRange => f.write_str("session-expiry-interval out of range."),
            Self::Speed => f.write_str("The speed must be a number from 0."),
        }
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "Error: Unsupported URL scheme.",
            Self::TopicMissing => "Error: Invalid URL for -L argument specified - topic missing.",
            Self::EmptyUsername => "Error: Empty username in URL.",
            Self::EmptyPort => "Error: Empty port in URL.",
        })
    }
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::ResponseTopicTwice { "Error " } else { "Error: " })?;
        f.write_str(match self {
            Self::IdAndPrefix => "-i and -I argument cannot be used together.",
            Self::SeveralMessages => "Only one type of message can be sent at once.",
            Self::WillPayloadWithoutTopic => "Will payload given, but no will topic given.",
            Self::WillRetainWithoutTopic => "Will retain given, but no will topic given.",
            Self::CertificateWithoutKey => {
                "Both certfile and keyfile must be provided if one of them is set."
            }
            Self::KeyFormWithoutKey => "If keyform is set, keyfile must be also specified.",
            Self::EngineKeyPass => {
                "when using tls-engine-kpass-sha1, both tls-engine and keyform must also be provided."
            }
            Self::PskAndCertificates => "Only one of --psk or --cafile/--capath may be used at once.",
            Self::PskWithoutIdentity => "--psk-identity required if --psk used.",
            Self::EndlessSessionWithoutId => {
                "You must provide a client id if you are using an infinite session expiry interval."
            }
            Self::KeptSessionWithoutId => "You must provide a client id if you are using the -c option.",
            Self::NoSubscription => "You must specify a topic to subscribe to (-t) or unsubscribe from (-U).",
            Self::HideRetainedAndRetainedOnly => "Combining '-R' and '--retained-only' makes no sense.",
            Self::PublishIncomplete => "Both topic and message must be supplied.",
            Self::RequestIncomplete => "All of topic, message, and response topic must be supplied.",
            Self::NoRecord => "No file to play given.",
            Self::BrokerTwice => {
                "The broker can be given as an argument or by -h, -p, -L and --unix, not by both."
            }
            Self::ResponseTopicTwice => "in PUBLISH properties: Duplicate response topic.",
        })
    }
}

impl core::error::Error for ArgumentError {}

impl From<NumberError> for ArgumentError {
    fn from(error: NumberError) -> Self {
        Self::Number(error)
    }
}

impl From<Combination> for ArgumentError {
    fn from(error: Combination) -> Self {
        Self::Combination(error)
    }
}

impl From<UrlError> for ArgumentError {
    fn from(error: UrlError) -> Self {
        Self::Url(error)
    }
}
