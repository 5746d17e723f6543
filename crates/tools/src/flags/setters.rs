//! What each flag does to the draft.

use core::time::Duration;
use std::ffi::OsStr;
use std::path::PathBuf;

use super::draft::Draft;
use super::error::{ArgumentError, NumberError, TopicRole};
use super::options::{PayloadOption, RetainHandling, Version};
use super::table::{FlagId, Tool};
use super::text;
use crate::format::Format;
use crate::number::{leading_fraction, leading_integer};
use crate::payload::PAYLOAD_BYTES_MAX;
use crate::topic;

impl Draft {
    /// A flag without a value.
    pub(super) fn switch(&mut self, id: FlagId) -> Result<(), ArgumentError> {
        match id {
            FlagId::Help => return Err(ArgumentError::HelpAsked),
            FlagId::Version => return Err(ArgumentError::VersionAsked),
            FlagId::NoDelay => self.no_delay = true,
            FlagId::WebSocket => self.web_socket = true,
            FlagId::CleanSessionOff => self.clean_start = false,
            FlagId::Debug => self.debug = true,
            FlagId::Quiet => self.quiet = true,
            FlagId::Insecure => self.tls.insecure = true,
            FlagId::NoTls => self.no_tls = true,
            FlagId::TlsOsCertificates => self.tls.roots.system = true,
            FlagId::WillRetain => self.will_retain = true,
            FlagId::Retain => self.retain = true,
            FlagId::StdinFile => self.payload = Some(PayloadOption::StandardInput),
            FlagId::StdinLines => self.payload = Some(PayloadOption::Lines),
            FlagId::NullMessage => self.payload = Some(PayloadOption::Null),
            FlagId::Latency => (self.latency, self.no_delay) = (true, true),
            _ => self.switch_output(id),
        }
        Ok(())
    }

    fn switch_output(&mut self, id: FlagId) {
        match id {
            FlagId::ExitAfterSubscribe => self.exit_after_subscribe = true,
            FlagId::HideRetained => {
                self.output.hide_retained = true;
                self.retain_handling = RetainHandling::Never;
            }
            FlagId::RetainedOnly => self.retained_only = true,
            FlagId::RemoveRetained => self.remove_retained = true,
            FlagId::RetainAsPublished => self.retain_as_published = true,
            FlagId::MessageRate => self.message_rate = true,
            FlagId::Watch => self.output.watch = true,
            FlagId::Pretty => self.output.pretty = true,
            FlagId::NoNewline => self.output.no_newline = true,
            FlagId::Verbose => self.output.verbose = true,
            FlagId::SkipDamaged => self.skip_damaged = true,
            FlagId::Json => self.json = true,
            _ => unreachable!("the table says that {id:?} has a value"),
        }
    }

    /// A flag with a value.
    pub(super) fn set(&mut self, id: FlagId, value: &OsStr) -> Result<(), ArgumentError> {
        match id {
            FlagId::Host => self.host = Some(text(value, "-h")?),
            FlagId::Port => self.port = Some(port(value)?),
            FlagId::Unix => (self.host, self.port) = (Some(text(value, "--unix")?), Some(0)),
            FlagId::Url => self.set_url(value)?,
            FlagId::Bind => self.bind = Some(text(value, "-A")?),
            FlagId::Proxy => self.set_proxy(value)?,
            FlagId::Username => self.credentials.username = Some(text(value, "-u")?),
            FlagId::Password => self.credentials.password = Some(bytes(value)),
            FlagId::ClientId => self.id = Some(text(value, "-i")?),
            FlagId::ClientIdPrefix => self.id_prefix = Some(text(value, "-I")?),
            FlagId::SessionExpiry => self.set_session_expiry(value)?,
            FlagId::KeepAlive => self.keep_alive = keep_alive(value)?,
            FlagId::ProtocolVersion => self.version = version(value)?,
            FlagId::InFlight => {
                self.in_flight_max = at_least_one(value).ok_or(NumberError::InFlight)?;
            }
            FlagId::Qos => self.qos = qos(value).map_err(NumberError::Qos)?,
            FlagId::WillTopic => {
                self.will_topic = Some(name(text(value, "--will-topic")?, TopicRole::Will)?);
            }
            FlagId::WillPayload => self.will_payload = Some(bytes(value)),
            FlagId::WillQos => self.will_qos = qos(value).map_err(NumberError::WillQos)?,
            FlagId::DataFile => self.data_file = Some(PathBuf::from(value)),
            FlagId::Speed => self.speed = speed(value)?,
            FlagId::TestTopic => self.test_topic = name(text(value, "-t")?, TopicRole::Publish)?,
            FlagId::Message | FlagId::File | FlagId::Repeat | FlagId::RepeatDelay => {
                self.set_message(id, value)?;
            }
            FlagId::Topic | FlagId::ResponseTopic | FlagId::Unsubscribe | FlagId::FilterOut => {
                self.set_topic(id, value)?;
            }
            FlagId::Count
            | FlagId::Timeout
            | FlagId::RetainHandling
            | FlagId::RandomFilter
            | FlagId::Record
            | FlagId::Format => self.set_output(id, value)?,
            _ => self.set_tls(id, value)?,
        }
        Ok(())
    }

    fn set_tls(&mut self, id: FlagId, value: &OsStr) -> Result<(), ArgumentError> {
        let tls = &mut self.tls;
        match id {
            FlagId::CaFile => tls.roots.file = Some(PathBuf::from(value)),
            FlagId::CaPath => tls.roots.directory = Some(PathBuf::from(value)),
            FlagId::Certificate => tls.certificate = Some(PathBuf::from(value)),
            FlagId::Key => tls.key = Some(PathBuf::from(value)),
            FlagId::KeyForm => tls.key_form = Some(text(value, "--keyform")?),
            FlagId::Ciphers => tls.ciphers = Some(text(value, "--ciphers")?),
            FlagId::TlsVersion => tls.version = Some(text(value, "--tls-version")?),
            FlagId::TlsAlpn => tls.alpn = Some(text(value, "--tls-alpn")?),
            FlagId::TlsEngine => tls.engine = Some(text(value, "--tls-engine")?),
            FlagId::TlsEngineKeyPass => {
                tls.engine_key_pass = Some(text(value, "--tls-engine-kpass-sha1")?);
            }
            FlagId::TlsKeyLog => tls.key_log = Some(PathBuf::from(value)),
            FlagId::Psk => self.psk = Some(text(value, "--psk")?),
            FlagId::PskIdentity => self.psk_identity = Some(text(value, "--psk-identity")?),
            _ => unreachable!("the table says that {id:?} has no value"),
        }
        Ok(())
    }

    fn set_message(&mut self, id: FlagId, value: &OsStr) -> Result<(), ArgumentError> {
        match id {
            FlagId::File => self.payload = Some(PayloadOption::File(PathBuf::from(value))),
            FlagId::Repeat => {
                self.repeat_count = at_least_one(value).ok_or(NumberError::Repeat)?;
            }
            FlagId::RepeatDelay => {
                let seconds = leading_fraction(&value.to_string_lossy());
                self.repeat_delay =
                    Duration::try_from_secs_f64(seconds).map_err(|_| NumberError::RepeatDelay)?;
            }
            _ => {
                let message = bytes(value);
                if message.len() > PAYLOAD_BYTES_MAX {
                    return Err(ArgumentError::MessageTooLong);
                }
                self.payload = Some(PayloadOption::Text(message));
            }
        }
        Ok(())
    }

    fn set_topic(&mut self, id: FlagId, value: &OsStr) -> Result<(), ArgumentError> {
        match id {
            FlagId::ResponseTopic => {
                self.response_topic = Some(name(text(value, "-e")?, TopicRole::Response)?);
            }
            FlagId::Unsubscribe => {
                self.unsubscribe.push(filter(text(value, "-U")?, TopicRole::Unsubscribe)?);
            }
            FlagId::FilterOut => self.filter_out.push(filter(text(value, "-T")?, TopicRole::Filter)?),
            _ => self.add_topic(text(value, "-t")?, "-t")?,
        }
        Ok(())
    }

    /// The topic of `-t` or of a URL: a filter for `mosquitto_sub`, which takes several, and a name elsewhere.
    pub(super) fn add_topic(&mut self, topic: String, place: &'static str) -> Result<(), ArgumentError> {
        if topic.contains('\0') {
            return Err(ArgumentError::MalformedUtf8 { place });
        }
        match self.tool {
            Tool::Subscribe => self.topics.push(filter(topic, TopicRole::Subscription)?),
            Tool::Publish | Tool::Request => self.topics = vec![name(topic, TopicRole::Publish)?],
            Tool::Control | Tool::Play | Tool::Probe => {}
        }
        Ok(())
    }

    fn set_output(&mut self, id: FlagId, value: &OsStr) -> Result<(), ArgumentError> {
        let argument = value.to_string_lossy();
        match id {
            FlagId::Count => {
                let count = at_least_one(value).ok_or(NumberError::Count(leading_integer(&argument)))?;
                self.count = Some(count);
            }
            FlagId::Timeout => {
                let seconds = at_least_one(value).ok_or(NumberError::Timeout(leading_integer(&argument)))?;
                self.timeout = Some(Duration::from_secs(seconds.into()));
            }
            FlagId::RetainHandling => {
                self.retain_handling = match argument.as_ref() {
                    "always" => RetainHandling::Always,
                    "new" => RetainHandling::New,
                    "never" => RetainHandling::Never,
                    other => return Err(ArgumentError::UnknownRetainHandling { value: other.to_owned() }),
                }
            }
            FlagId::RandomFilter => self.random_filter = random_filter(&argument)?,
            FlagId::Record => self.record = Some(PathBuf::from(value)),
            _ => {
                let format = Format::parse(value.as_encoded_bytes()).map_err(ArgumentError::Format)?;
                self.output.format = Some(format);
            }
        }
        Ok(())
    }
}

fn bytes(value: &OsStr) -> Vec<u8> {
    value.as_encoded_bytes().to_vec()
}

fn integer(value: &OsStr) -> i64 {
    leading_integer(&value.to_string_lossy())
}

fn at_least_one(value: &OsStr) -> Option<u32> {
    u32::try_from(integer(value)).ok().filter(|number| *number >= 1)
}

pub(super) fn port(value: &OsStr) -> Result<u16, NumberError> {
    let number = integer(value);
    u16::try_from(number).map_err(|_| NumberError::Port(number))
}

fn qos(value: &OsStr) -> Result<u8, i64> {
    let number = integer(value);
    u8::try_from(number).ok().filter(|qos| *qos <= 2).ok_or(number)
}

fn keep_alive(value: &OsStr) -> Result<Duration, NumberError> {
    match u16::try_from(integer(value)) {
        Ok(seconds @ 5..) => Ok(Duration::from_secs(seconds.into())),
        _ => Err(NumberError::KeepAlive),
    }
}

fn speed(value: &OsStr) -> Result<f64, NumberError> {
    let speed = value.to_str().and_then(|text| text.parse::<f64>().ok());
    speed.filter(|speed| speed.is_finite() && *speed >= 0.0).ok_or(NumberError::Speed)
}

fn version(value: &OsStr) -> Result<Version, ArgumentError> {
    match value.to_str() {
        Some("mqttv31" | "31") => Ok(Version::V31),
        Some("mqttv311" | "311") => Ok(Version::V311),
        Some("mqttv5" | "5") => Ok(Version::V5),
        _ => Err(ArgumentError::UnknownVersion),
    }
}

/// Percent as tenths of a percent.
fn random_filter(percent: &str) -> Result<u32, NumberError> {
    let tenths = (leading_fraction(percent) * 10.0).trunc();
    if !(1.0..=1_000.0).contains(&tenths) {
        return Err(NumberError::RandomFilter);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 1,000, and whole")]
    Ok(tenths as u32)
}

fn name(topic: String, role: TopicRole) -> Result<String, ArgumentError> {
    if topic::is_name(&topic) { Ok(topic) } else { Err(ArgumentError::Topic { role, topic }) }
}

fn filter(topic: String, role: TopicRole) -> Result<String, ArgumentError> {
    if topic::is_filter(&topic) { Ok(topic) } else { Err(ArgumentError::Topic { role, topic }) }
}
