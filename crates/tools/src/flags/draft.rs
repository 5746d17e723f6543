//! The options while they are read: a value for each flag, and the order of the checks.

use core::time::Duration;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::error::{ArgumentError, Combination, NumberError};
use super::options::{Credentials, Output, PayloadOption, Proxy, RetainHandling, TlsOptions, Version};
use super::table::{Flag, FlagId, Tool, ValueKind, find};
use super::{proxy, setters, text, url};
use crate::property::PropertyLists;

/// The name that means standard input where a file is wanted.
const STANDARD_INPUT: &str = "-";
/// Below it `martlet test` works unless it is told otherwise.
const TEST_TOPIC: &str = "martlet-test";

/// What the flags said so far.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Draft {
    pub(super) tool: Tool,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) bind: Option<String>,
    pub(super) no_delay: bool,
    pub(super) web_socket: bool,
    pub(super) proxy: Option<Proxy>,
    pub(super) credentials: Credentials,
    pub(super) id: Option<String>,
    pub(super) id_prefix: Option<String>,
    pub(super) clean_start: bool,
    pub(super) session_expiry_seconds: Option<u32>,
    pub(super) keep_alive: Duration,
    pub(super) version: Version,
    pub(super) will_topic: Option<String>,
    pub(super) will_payload: Option<Vec<u8>>,
    pub(super) will_qos: u8,
    pub(super) will_retain: bool,
    pub(super) tls: TlsOptions,
    pub(super) no_tls: bool,
    pub(super) psk: Option<String>,
    pub(super) psk_identity: Option<String>,
    pub(super) properties: PropertyLists,
    pub(super) in_flight_max: u32,
    pub(super) debug: bool,
    pub(super) quiet: bool,
    pub(super) qos: u8,
    pub(super) topics: Vec<String>,
    pub(super) unsubscribe: Vec<String>,
    pub(super) filter_out: Vec<String>,
    pub(super) response_topic: Option<String>,
    pub(super) payload: Option<PayloadOption>,
    pub(super) retain: bool,
    pub(super) repeat_count: u32,
    pub(super) repeat_delay: Duration,
    pub(super) latency: bool,
    pub(super) output: Output,
    pub(super) count: Option<u32>,
    pub(super) timeout: Option<Duration>,
    pub(super) exit_after_subscribe: bool,
    pub(super) retained_only: bool,
    pub(super) remove_retained: bool,
    pub(super) retain_as_published: bool,
    pub(super) retain_handling: RetainHandling,
    pub(super) random_filter: u32,
    pub(super) message_rate: bool,
    pub(super) record: Option<PathBuf>,
    pub(super) data_file: Option<PathBuf>,
    pub(super) command: Vec<OsString>,
    pub(super) operand: Option<OsString>,
    pub(super) speed: f64,
    pub(super) skip_damaged: bool,
    pub(super) test_topic: String,
    pub(super) json: bool,
}

impl Draft {
    /// The defaults of a tool.
    pub(crate) fn new(tool: Tool) -> Self {
        let (version, qos) = match tool {
            Tool::Publish | Tool::Subscribe => (Version::V311, 0),
            Tool::Request | Tool::Play | Tool::Probe => (Version::V5, 0),
            Tool::Control => (Version::V5, 1),
        };
        Self {
            tool,
            host: None,
            port: None,
            bind: None,
            no_delay: false,
            web_socket: false,
            proxy: None,
            credentials: Credentials::default(),
            id: None,
            id_prefix: None,
            clean_start: true,
            session_expiry_seconds: None,
            keep_alive: Duration::from_mins(1),
            version,
            will_topic: None,
            will_payload: None,
            will_qos: 0,
            will_retain: false,
            tls: TlsOptions::default(),
            no_tls: false,
            psk: None,
            psk_identity: None,
            properties: PropertyLists::default(),
            in_flight_max: 20,
            debug: false,
            quiet: false,
            qos,
            topics: Vec::new(),
            unsubscribe: Vec::new(),
            filter_out: Vec::new(),
            response_topic: None,
            payload: None,
            retain: false,
            repeat_count: 1,
            repeat_delay: Duration::ZERO,
            latency: false,
            output: Output::default(),
            count: None,
            timeout: None,
            exit_after_subscribe: false,
            retained_only: false,
            remove_retained: false,
            retain_as_published: false,
            retain_handling: RetainHandling::default(),
            random_filter: 1_000,
            message_rate: false,
            record: None,
            data_file: None,
            command: Vec::new(),
            operand: None,
            speed: 1.0,
            skip_damaged: false,
            test_topic: TEST_TOPIC.to_owned(),
            json: false,
        }
    }

    /// Reads arguments: all of the command line, or the two of a line of an options file.
    ///
    /// # Errors
    /// Every variant of [`ArgumentError`] that concerns a single flag.
    pub(crate) fn take_arguments(&mut self, arguments: &[OsString]) -> Result<(), ArgumentError> {
        let mut rest = arguments;
        while let [argument, following @ ..] = rest {
            let is_flag = argument.as_encoded_bytes().first() == Some(&b'-') && argument != STANDARD_INPUT;
            if self.tool == Tool::Control && !is_flag {
                self.command = rest.to_vec();
                break;
            }
            if self.tool.takes_operand() && !is_flag && self.operand.is_none() {
                self.operand = Some(argument.clone());
                rest = following;
                continue;
            }
            let flag = argument.to_str().and_then(|name| find(self.tool, name)).ok_or_else(|| {
                ArgumentError::UnknownOption { argument: argument.to_string_lossy().into_owned() }
            })?;
            let taken = self.take(flag, following)?;
            rest = following.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    fn take(&mut self, flag: &'static Flag, following: &[OsString]) -> Result<usize, ArgumentError> {
        self.forbid_second(flag.id)?;
        match flag.value {
            ValueKind::None => self.switch(flag.id).map(|()| 0),
            ValueKind::Property => self.take_property(following),
            // Already handled, before everything else.
            ValueKind::One { .. } if flag.id == FlagId::OptionsFile => Ok(1),
            ValueKind::One { .. } => {
                let value = following.first().ok_or(ArgumentError::ValueMissing { flag })?;
                self.set(flag.id, value).map(|()| 1)
            }
        }
    }

    /// What is refused before one looks for a value.
    fn forbid_second(&self, id: FlagId) -> Result<(), ArgumentError> {
        use FlagId::{ClientId, ClientIdPrefix, File, Message, NullMessage, StdinFile, StdinLines};
        match id {
            Message | File | StdinFile | StdinLines | NullMessage if self.payload.is_some() => {
                Err(Combination::SeveralMessages.into())
            }
            ClientId if self.id_prefix.is_some() => Err(Combination::IdAndPrefix.into()),
            ClientIdPrefix if self.id.is_some() => Err(Combination::IdAndPrefix.into()),
            _ => Ok(()),
        }
    }

    fn take_property(&mut self, following: &[OsString]) -> Result<usize, ArgumentError> {
        let arguments: Vec<String> =
            following.iter().take(4).map_while(|argument| text(argument, "-D").ok()).collect();
        let taken = self.properties.add(&arguments).map_err(ArgumentError::Property)?;
        self.version = Version::V5;
        Ok(taken)
    }

    pub(super) fn set_url(&mut self, value: &OsStr) -> Result<(), ArgumentError> {
        let url = url::parse(&text(value, "-L")?, self.tool)?;
        self.port = Some(url.port);
        self.web_socket |= url.web_socket;
        self.tls.roots.system |= url.encrypted;
        self.add_topic(url.topic, "-L topic")?;
        if url.credentials.username.is_some() {
            self.credentials.username = url.credentials.username;
        }
        if url.credentials.password.is_some() {
            self.credentials.password = url.credentials.password;
        }
        self.host = Some(url.host);
        Ok(())
    }

    /// A broker that stands alone: a URL, of which a topic is not asked, `HOST`, `HOST:PORT` or `unix:PATH`.
    pub(super) fn set_broker(&mut self, broker: &OsStr) -> Result<(), ArgumentError> {
        let broker = text(broker, "broker")?;
        if let Some(path) = broker.strip_prefix("unix:") {
            (self.host, self.port) = (Some(path.to_owned()), Some(0));
            return Ok(());
        }
        if let Some((_, rest)) = broker.split_once("://") {
            let end = if rest.contains('/') { "" } else { "/" };
            return self.set_url(OsStr::new(&format!("{broker}{end}")));
        }
        let (host, port) = url::host_and_port(&broker);
        self.host = Some(host.to_owned());
        self.port = port.map(|port| setters::port(OsStr::new(port))).transpose()?;
        if self.port == Some(0) {
            return Err(NumberError::Port(0).into());
        }
        Ok(())
    }

    pub(super) fn set_proxy(&mut self, value: &OsStr) -> Result<(), ArgumentError> {
        let proxy = proxy::parse(&text(value, "--proxy")?).map_err(ArgumentError::Proxy)?;
        self.proxy = Some(proxy);
        Ok(())
    }

    pub(super) fn set_session_expiry(&mut self, value: &OsStr) -> Result<(), ArgumentError> {
        let value = text(value, "-x")?;
        let seconds = if value == "∞" {
            u32::MAX
        } else {
            match crate::number::whole_integer(&value).ok_or(NumberError::SessionExpiryNotANumber)? {
                -1 => u32::MAX,
                seconds => u32::try_from(seconds).map_err(|_| NumberError::SessionExpiryOutOfRange)?,
            }
        };
        self.session_expiry_seconds = Some(seconds);
        self.version = Version::V5;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::table::flags_of;

    #[test]
    fn every_flag_of_the_table_is_understood() {
        for tool in Tool::ALL {
            for (flag, name) in flags_of(tool).flat_map(|flag| flag.names().map(move |name| (flag, name))) {
                for value in ["1", "mqtt://h/t", "socks5h://h", "5", "new"] {
                    let arguments = [name, value, value, value, value].map(OsString::from);
                    // Whatever it says to the value, it does not panic.
                    let _ = Draft::new(tool).take_arguments(&arguments);
                }
                let alone = Draft::new(tool).take_arguments(&[OsString::from(name)]);
                let wants_value = flag.value != ValueKind::None && flag.id != FlagId::OptionsFile;
                let ends = matches!(flag.id, FlagId::Help | FlagId::Version);
                assert_eq!(alone.is_err(), wants_value || ends, "{tool:?} {name}");
            }
        }
    }
}
