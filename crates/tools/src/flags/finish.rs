//! From the draft to typed options: the checks that concern several flags, in Mosquitto's order.

use core::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::MessageError;
use super::draft::Draft;
use super::error::{ArgumentError, Combination};
use super::options::{
    Address, ClientId, Connection, ControlOptions, PlayOptions, ProbeOptions, PublishOptions, RequestOptions,
    SubscribeOptions, TlsOptions, Version, Will,
};
use super::table::Tool;
use crate::payload::{self, Payloads};
use crate::property::PropertyId;

const PORT: u16 = 1883;
const PORT_TLS: u16 = 8883;

impl Draft {
    pub(super) fn into_publish(self) -> Result<PublishOptions, ArgumentError> {
        self.check()?;
        Ok(PublishOptions {
            topic: self.topics.first().cloned(),
            qos: self.qos,
            retain: self.retain,
            payload: self.payload.clone(),
            repeat_count: self.repeat_count,
            repeat_delay: self.repeat_delay,
            connection: self.into_connection(),
        })
    }

    pub(super) fn into_subscribe(self) -> Result<SubscribeOptions, ArgumentError> {
        self.check()?;
        if self.topics.is_empty() && self.unsubscribe.is_empty() {
            return Err(Combination::NoSubscription.into());
        }
        if self.output.hide_retained && self.retained_only {
            return Err(Combination::HideRetainedAndRetainedOnly.into());
        }
        Ok(SubscribeOptions {
            topics: self.topics.clone(),
            unsubscribe: self.unsubscribe.clone(),
            filter_out: self.filter_out.clone(),
            qos: self.qos,
            output: self.output.clone(),
            count: self.count,
            timeout: self.timeout,
            exit_after_subscribe: self.exit_after_subscribe,
            retained_only: self.retained_only,
            remove_retained: self.remove_retained,
            retain_as_published: self.retain_as_published,
            retain_handling: self.retain_handling,
            random_filter: self.random_filter,
            message_rate: self.message_rate,
            record: self.record.clone(),
            connection: self.into_connection(),
        })
    }

    pub(super) fn into_request(self) -> Result<RequestOptions, ArgumentError> {
        self.check()?;
        Ok(RequestOptions {
            topic: self.topics.first().cloned(),
            response_topic: self.response_topic.clone(),
            qos: self.qos,
            payload: self.payload.clone(),
            output: self.output.clone(),
            timeout: self.timeout,
            retain_as_published: self.retain_as_published,
            retain_handling: self.retain_handling,
            latency: self.latency,
            connection: self.into_connection(),
        })
    }

    pub(super) fn into_control(self) -> Result<ControlOptions, ArgumentError> {
        self.check()?;
        Ok(ControlOptions {
            qos: self.qos,
            data_file: self.data_file.clone(),
            verbose: self.output.verbose,
            command: self.command.clone(),
            connection: self.into_connection(),
        })
    }

    pub(super) fn into_play(mut self) -> Result<PlayOptions, ArgumentError> {
        self.check()?;
        let file = self.operand.take().ok_or(Combination::NoRecord)?;
        Ok(PlayOptions {
            file: file.into(),
            speed: self.speed,
            skip_damaged: self.skip_damaged,
            connection: self.into_connection(),
        })
    }

    pub(super) fn into_probe(mut self) -> Result<ProbeOptions, ArgumentError> {
        if let Some(broker) = self.operand.take() {
            if self.host.is_some() || self.port.is_some() {
                return Err(Combination::BrokerTwice.into());
            }
            self.set_broker(&broker)?;
        }
        self.check()?;
        Ok(ProbeOptions {
            topic: self.test_topic.clone(),
            json: self.json,
            connection: self.into_connection(),
        })
    }

    fn check(&self) -> Result<(), Combination> {
        let tls = &self.tls;
        let without_will = self.will_topic.is_none();
        let checks = [
            (without_will && self.will_payload.is_some(), Combination::WillPayloadWithoutTopic),
            (without_will && self.will_retain, Combination::WillRetainWithoutTopic),
            (tls.certificate.is_some() != tls.key.is_some(), Combination::CertificateWithoutKey),
            (tls.key_form.is_some() && tls.key.is_none(), Combination::KeyFormWithoutKey),
            (
                tls.engine_key_pass.is_some() && (tls.key_form.is_none() || tls.engine.is_none()),
                Combination::EngineKeyPass,
            ),
            (self.trusts_files() && self.psk.is_some(), Combination::PskAndCertificates),
            (self.psk.is_some() && self.psk_identity.is_none(), Combination::PskWithoutIdentity),
            (
                self.version == Version::V5 && self.expiry() == u32::MAX && self.id.is_none(),
                Combination::EndlessSessionWithoutId,
            ),
            (
                self.version != Version::V5 && !self.clean_start && self.id.is_none(),
                Combination::KeptSessionWithoutId,
            ),
        ];
        match checks.into_iter().find(|(wrong, _)| *wrong) {
            Some((_, combination)) => Err(combination),
            None => Ok(()),
        }
    }

    fn trusts_files(&self) -> bool {
        self.tls.roots.file.is_some() || self.tls.roots.directory.is_some()
    }

    /// A Session that is kept never expires, unless `-x` says otherwise.
    fn expiry(&self) -> u32 {
        self.session_expiry_seconds.unwrap_or(if self.clean_start { 0 } else { u32::MAX })
    }

    fn into_connection(mut self) -> Connection {
        let address = self.address();
        let tls = self.tls_options();
        Connection {
            address,
            session_expiry_seconds: self.expiry(),
            client_id: match (self.id, self.id_prefix) {
                (Some(id), _) => ClientId::Given(id),
                (None, Some(prefix)) => ClientId::Prefix(prefix),
                (None, None) => ClientId::Chosen,
            },
            bind: self.bind,
            no_delay: self.no_delay,
            web_socket: self.web_socket,
            proxy: self.proxy,
            credentials: self.credentials,
            clean_start: self.clean_start,
            keep_alive: self.keep_alive,
            version: self.version,
            will: self.will_topic.map(|topic| Will {
                topic,
                payload: self.will_payload.unwrap_or_default(),
                qos: self.will_qos,
                retain: self.will_retain,
            }),
            tls,
            properties: self.properties,
            in_flight_max: self.in_flight_max,
            debug: self.debug,
            quiet: self.quiet,
        }
    }

    fn address(&self) -> Address {
        let host = self.host.clone().unwrap_or_else(|| "localhost".to_owned());
        let default_port = if self.trusts_files() || self.psk.is_some() { PORT_TLS } else { PORT };
        match self.port.unwrap_or(default_port) {
            0 => Address::Unix(PathBuf::from(host)),
            port => Address::Tcp { host, port },
        }
    }

    fn tls_options(&mut self) -> TlsOptions {
        if self.no_tls {
            return TlsOptions::default();
        }
        let mut tls = core::mem::take(&mut self.tls);
        tls.psk = self.psk.clone().zip(self.psk_identity.take());
        let explicit = tls.roots.file.is_some() || tls.roots.directory.is_some() || tls.psk.is_some();
        tls.roots.system |= !explicit && self.port == Some(PORT_TLS);
        tls.enabled = explicit || tls.roots.system;
        tls
    }
}

impl PublishOptions {
    /// Reads the payload and then asks for a topic, in the order in which Mosquitto complains. `input` is standard
    /// input, and is left alone unless the options ask for it.
    ///
    /// # Errors
    /// [`MessageError::Source`] if the payload cannot be read, [`Combination::PublishIncomplete`] if topic or payload
    /// is missing. A Topic Alias does not replace the topic.
    pub fn message<R: Read>(&self, input: R) -> Result<(&str, Payloads<R>), MessageError> {
        let payloads = self.payload.as_ref().map(|payload| payload::load(payload, input)).transpose();
        match (&self.topic, payloads.map_err(MessageError::Source)?) {
            (Some(topic), Some(payloads)) => Ok((topic, payloads)),
            _ => Err(MessageError::Incomplete(Combination::PublishIncomplete.into())),
        }
    }
}

impl RequestOptions {
    /// Reads the payload and then asks for topic and response topic, like [`PublishOptions::message`].
    ///
    /// # Errors
    /// [`MessageError::Source`] if the payload cannot be read, [`Combination::RequestIncomplete`] if something is
    /// missing, [`Combination::ResponseTopicTwice`] if a property names another response topic.
    pub fn message<R: Read>(&self, input: R) -> Result<(&str, Payloads<R>, &str), MessageError> {
        let payloads = self.payload.as_ref().map(|payload| payload::load(payload, input)).transpose();
        let payloads = payloads.map_err(MessageError::Source)?;
        let (Some(topic), Some(payloads), Some(response)) = (&self.topic, payloads, &self.response_topic)
        else {
            return Err(MessageError::Incomplete(Combination::RequestIncomplete.into()));
        };
        let publish = &self.connection.properties.publish;
        if publish.iter().any(|property| property.id == PropertyId::ResponseTopic) {
            return Err(MessageError::Incomplete(Combination::ResponseTopicTwice.into()));
        }
        Ok((topic, payloads, response))
    }
}

/// What is wrong with the files and names that the TLS flags give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFileError {
    /// A file cannot be opened.
    NotFound,
    /// `--keyform` is neither `pem` nor `engine`.
    KeyForm,
    /// `--tls-engine-kpass-sha1` is not 40 hexadecimal digits.
    EngineKeyPass,
    /// `--tls-version` is unknown.
    Version,
}

impl fmt::Display for TlsFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "Error: Problem setting TLS options: File not found.",
            Self::KeyForm => "Error: Problem setting key form, it must be one of 'pem' or 'engine'.",
            Self::EngineKeyPass => {
                "Error: Problem setting TLS engine key pass sha, is it a 40 character hex string?"
            }
            Self::Version => "Error: Problem setting TLS options, check the options are valid.",
        })
    }
}

impl core::error::Error for TlsFileError {}

/// Looks at the files and names that the TLS flags give, just before a connection is made. The exit status is 1.
///
/// `mosquitto_ctrl` looks at `--keyform` first, the others at the files.
///
/// # Errors
/// Every variant of [`TlsFileError`].
pub fn check_tls(tool: Tool, tls: &TlsOptions) -> Result<(), TlsFileError> {
    let key_form_known = matches!(tls.key_form.as_deref(), None | Some("pem" | "engine"));
    if tool == Tool::Control && !key_form_known {
        return Err(TlsFileError::KeyForm);
    }
    if tls.roots.file.is_some() || tls.roots.directory.is_some() {
        let engine_key = tls.key_form.as_deref() == Some("engine");
        let files = [&tls.roots.file, &tls.certificate, if engine_key { &None } else { &tls.key }];
        let readable = |path: &Path| File::open(path).is_ok();
        let directory_found = tls.roots.directory.as_ref().is_none_or(|path| path.is_dir());
        if !directory_found || !files.into_iter().flatten().all(|path| readable(path)) {
            return Err(TlsFileError::NotFound);
        }
    }
    if !key_form_known {
        return Err(TlsFileError::KeyForm);
    }
    let is_sha1 = |hex: &String| hex.len() == 40 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !tls.engine_key_pass.as_ref().is_none_or(is_sha1) {
        return Err(TlsFileError::EngineKeyPass);
    }
    if !matches!(tls.version.as_deref(), None | Some("tlsv1.3" | "tlsv1.2")) {
        return Err(TlsFileError::Version);
    }
    Ok(())
}
