//! From the settings of listeners to what the broker listens with.

use std::fs::File;
use std::path::Path;

use martlet_transport::{
    ClientCertificates, LocalCommand, ProxyOptions, ProxyVersion, Refusal, TlsOptions, TlsVersion,
    WebSocketOptions,
};

use super::PlanError;
use crate::config::Dialect;
use crate::config::settings::{
    ListenPlace, ListenerSettings, Protocol, ProxyProtocol, Settings, TlsVersion as Version,
};
use crate::control::about::{ListenerFacts, ListenerProtocol};
use crate::options::{
    Conditions, Host, HttpOptions, ListenAddress, ListenerOptions, Place, Security, UnixAddress,
};

/// What does not stand at the listener itself.
pub(super) struct Around<'a> {
    pub(super) settings: &'a Settings,
    pub(super) dialect: Dialect,
    /// A file for the secrets of TLS.
    pub(super) key_log: Option<&'a Path>,
}

impl Around<'_> {
    /// What a listener listens with.
    ///
    /// # Errors
    /// [`PlanError::TlsVersion`], and what is wrong with a file of pre-shared keys.
    pub(super) fn options(&self, listener: &ListenerSettings) -> Result<ListenerOptions, PlanError> {
        Ok(ListenerOptions {
            place: place(listener),
            proxy: self.proxy(listener),
            security: self.security(listener)?,
            websocket: self.websocket(listener),
            connections_max: listener.connections_max.map(|most| most as usize),
            http: (listener.protocol == Protocol::HttpApi).then(|| HttpOptions {
                folder: listener.http_folder.clone(),
                is_optional: *listener == ListenerSettings::local_http_api(),
            }),
        })
    }

    fn is_mosquitto(&self) -> bool {
        self.dialect == Dialect::Mosquitto
    }

    fn proxy(&self, listener: &ListenerSettings) -> Option<ProxyOptions> {
        let version = match listener.proxy? {
            ProxyProtocol::V1 => ProxyVersion::V1,
            ProxyProtocol::V2 => ProxyVersion::V2,
        };
        let is_second = version == ProxyVersion::V2;
        Some(ProxyOptions {
            require_tls: is_second && listener.proxy_requires_tls,
            require_certificate: is_second && listener.tls.require_certificate,
            local: if self.is_mosquitto() { LocalCommand::Close } else { LocalCommand::Accept },
            ..ProxyOptions::new(version)
        })
    }

    fn security(&self, listener: &ListenerSettings) -> Result<Option<Security>, PlanError> {
        let tls = &listener.tls;
        let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) else {
            return self.psk(listener);
        };
        let version_min = match &tls.version_min {
            None | Some(Version::V12) => TlsVersion::Tls12,
            Some(Version::V13) => TlsVersion::Tls13,
            Some(Version::V11) => {
                tracing::warn!("TLS 1.1 is not there; the lowest version at {} is 1.2", listener.place);
                TlsVersion::Tls12
            }
            Some(Version::Unknown(name)) => return Err(PlanError::TlsVersion(name.clone())),
        };
        if let Some(path) = tls.revocations.as_ref().filter(|_| !tls.require_certificate) {
            // Nobody needs it, but it has to be there.
            File::open(path).map_err(|_| PlanError::Revocations(path.clone()))?;
        }
        let clients =
            ClientCertificates { revocation_file: tls.revocations.clone(), ignores_dates: tls.ignore_dates };
        Ok(Some(Security::Tls(TlsOptions {
            authority_file: tls.ca_file.clone(),
            authority_directory: tls.ca_folder.clone(),
            clients: tls.require_certificate.then_some(clients),
            version_min,
            ciphers: tls.ciphers.clone(),
            ciphers_tls13: tls.ciphers_tls13.clone(),
            protocols: tls.protocols.clone(),
            key_log: self.key_log.map(Into::into),
            ..TlsOptions::new(certificate, key)
        })))
    }

    #[cfg(feature = "psk")]
    fn psk(&self, listener: &ListenerSettings) -> Result<Option<Security>, PlanError> {
        use std::sync::Arc;

        use martlet_transport::{PskOptions, PskTable};

        if listener.tls.psk_hint.is_none() {
            return Ok(None);
        }
        let Some(path) = self.settings.security_at(listener).psk_file else {
            return Ok(Some(Security::Psk(PskOptions::new(Arc::default())))); // nobody has a key
        };
        let failed = |cause: &dyn core::fmt::Display| {
            PlanError::PskFile(format!("Unable to open psk file {}: {cause}", path.display()))
        };
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&error))?;
        let table = PskTable::parse(&text).map_err(|error| failed(&error))?;
        let options =
            PskOptions { ciphers: listener.tls.ciphers.clone(), ..PskOptions::new(Arc::new(table)) };
        Ok(Some(Security::Psk(options)))
    }

    #[cfg(not(feature = "psk"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as with the feature")]
    fn psk(&self, _: &ListenerSettings) -> Result<Option<Security>, PlanError> {
        Ok(None)
    }

    fn websocket(&self, listener: &ListenerSettings) -> Option<WebSocketOptions> {
        if listener.protocol != Protocol::WebSockets {
            return None;
        }
        let head = self.settings.general.packet_buffer_bytes;
        let head = if head == 0 { WebSocketOptions::HEAD_BYTES_MAX_DEFAULT } else { head.into() };
        Some(WebSocketOptions {
            path: listener.websocket_path.clone(),
            origins: listener.origins.clone(),
            head_bytes_max: head,
            trusted_proxies: listener.trusted_proxies.into(),
            refusal: if self.is_mosquitto() { Refusal::Close } else { Refusal::Answer },
            ..WebSocketOptions::new(ListenerOptions::WEB_SOCKET_PROTOCOLS)
        })
    }
}

/// What the broker tells of a listener.
pub(super) fn facts(settings: &Settings, listener: &ListenerSettings) -> ListenerFacts {
    let (port, host, path) = match &listener.place {
        ListenPlace::Tcp { port, host } => (*port, host.clone(), None),
        ListenPlace::Unix(path) => (0, None, Some(path.clone())),
    };
    ListenerFacts {
        port,
        host,
        path,
        protocol: match listener.protocol {
            Protocol::Mqtt => ListenerProtocol::Mqtt,
            Protocol::WebSockets => ListenerProtocol::WebSocket,
            Protocol::HttpApi => ListenerProtocol::HttpApi,
        },
        tls: listener.tls.certificate.is_some() && listener.tls.key.is_some(),
        needs_certificate: listener.tls.require_certificate,
        allows_anonymous: settings.admits_anonymous(listener),
    }
}

/// Where a listener listens.
fn place(listener: &ListenerSettings) -> Place {
    match &listener.place {
        ListenPlace::Unix(path) => {
            let address = UnixAddress::new(path);
            Place::Unix(UnixAddress { mode: listener.unix_mode.unwrap_or(address.mode), ..address })
        }
        ListenPlace::Tcp { port, host } => {
            let (family, interface) = (listener.family, listener.interface.clone());
            let host = match host {
                _ if family.is_some() || interface.is_some() => {
                    Host::Chosen(Conditions { host: host.clone(), family, interface })
                }
                Some(host) => Host::Named(host.clone()),
                None => Host::Any,
            };
            Place::Tcp(ListenAddress { host, port: *port })
        }
    }
}
