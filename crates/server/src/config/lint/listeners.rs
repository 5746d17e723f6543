//! What should be otherwise with listeners.

use super::explain::{has_list_by_plugin, has_passwords};
use super::reach::{Reach, has_tls, is_mqtt, is_proven, names_from_tls, reach};
use super::{Finding, Rule, Subject};
use crate::config::Section;
use crate::config::problem::Place;
use crate::config::settings::{ListenPlace, ListenerSettings, Origin, Protocol, ProxyProtocol, TlsVersion};

/// All findings about listeners.
pub(super) fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let configuration = subject.configuration;
    let settings = &configuration.settings;
    let mut findings = Vec::new();
    for (number, (listener, at)) in settings.listeners.iter().zip(&configuration.listener_places).enumerate()
    {
        let one = One { subject, number, listener, at };
        if !settings.is_local_only() && is_mqtt(listener) {
            findings.extend(one.who_may_come_in());
            findings.extend(one.beside_passwords());
        }
        findings.extend(one.tls());
        findings.extend(one.protocol());
        findings.extend(one.without_effect());
    }
    if settings.is_local_only() && settings.security.allow_anonymous == Some(false) {
        let security = &settings.security;
        if !has_passwords(subject, security) {
            let text = "nobody can connect: there are no passwords, and clients need them".into();
            findings.push(Finding { rule: Rule::Nobody, at: subject.line("allow_anonymous", None), text });
        }
    }
    findings.extend(same_ports(subject));
    findings
}

/// A listener that is looked at.
struct One<'a> {
    subject: &'a Subject<'a>,
    number: usize,
    listener: &'a ListenerSettings,
    at: &'a Place,
}

impl One<'_> {
    /// A finding at the line of an option, or else at that of the listener.
    fn finding(&self, rule: Rule, option: &str, text: String) -> Finding {
        let at = self.subject.line(option, Some(Section::Listener(self.number)));
        Finding { rule, at: Some(at.unwrap_or_else(|| self.at.clone())), text }
    }

    fn who_may_come_in(&self) -> Option<Finding> {
        let settings = &self.subject.configuration.settings;
        let (listener, place) = (self.listener, &self.listener.place);
        let is_public = reach(self.subject, listener) == Reach::Public;
        let security = settings.security_at(listener);
        if listener.tls.psk_hint.is_some() && security.psk_file.is_none() && security.plugins.is_empty() {
            let text = format!("nobody can connect to {place}: there is no `psk_file` with keys");
            return Some(self.finding(Rule::Nobody, "psk_hint", text));
        }
        if settings.admits_anonymous(listener) {
            if is_public && !is_proven(listener) {
                let text = format!("whoever reaches {place} may connect, without a user name");
                return Some(self.finding(Rule::AnonymousPublic, "listener_allow_anonymous", text));
            }
            if listener.protocol == Protocol::WebSockets
                && listener.origins.is_empty()
                && !is_proven(listener)
            {
                let text = format!("any web page may connect to {place}; `websockets_origin` says which may");
                return Some(self.finding(Rule::AnyOrigin, "protocol", text));
            }
        } else if !has_passwords(self.subject, &security) && !names_from_tls(listener) {
            let text =
                format!("nobody can connect to {place}: there are no passwords, and clients need them");
            return Some(self.finding(Rule::Nobody, "listener_allow_anonymous", text));
        }
        None
    }

    fn beside_passwords(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let settings = &self.subject.configuration.settings;
        let (listener, place) = (self.listener, &self.listener.place);
        let security = settings.security_at(listener);
        if !has_passwords(self.subject, &security) {
            return findings;
        }
        let is_public = reach(self.subject, listener) == Reach::Public;
        if is_public && !has_tls(listener) && listener.proxy.is_none() {
            let text = format!("passwords reach {place} without encryption");
            findings.push(self.finding(Rule::PasswordsUnprotected, "listener", text));
        }
        let has_list = security.acl_file.is_some() || has_list_by_plugin(self.subject, &security);
        if settings.admits_anonymous(listener) && !is_public && !has_list {
            let text = format!("clients of {place} may do without a password what others need one for");
            findings.push(self.finding(Rule::PasswordsOptional, "listener_allow_anonymous", text));
        }
        findings
    }

    fn tls(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let tls = &self.listener.tls;
        match &tls.version_min {
            Some(TlsVersion::V11) => findings.push(self.finding(
                Rule::OldTls,
                "tls_version",
                format!("{} allows TLS 1.1, which is not safe", self.listener.place),
            )),
            Some(TlsVersion::Unknown(name)) => findings.push(self.finding(
                Rule::OldTls,
                "tls_version",
                format!("`{}` is no version of TLS that can be used", name.escape_debug()),
            )),
            _ => {}
        }
        let by_proxy = self.listener.proxy == Some(ProxyProtocol::V2);
        let is_named = |named: bool, option: &'static str| named.then_some(option);
        let options = [
            is_named(tls.identity_is_user_name && tls.psk_hint.is_none(), "use_identity_as_username"),
            is_named(tls.subject_is_user_name, "use_subject_as_username"),
        ];
        for option in options.into_iter().flatten() {
            if !tls.require_certificate && !by_proxy {
                let text = format!(
                    "`{option}` without `require_certificate`: nobody is asked for a certificate, so nobody comes in"
                );
                findings.push(self.finding(Rule::IdentityUnproven, option, text));
            } else if tls.ca_file.is_none() && tls.ca_folder.is_none() && !by_proxy {
                let text = format!("`{option}` without `cafile`: nothing says whose certificates are good");
                findings.push(self.finding(Rule::IdentityUnproven, option, text));
            }
        }
        findings
    }

    fn protocol(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let listener = self.listener;
        let is_public = reach(self.subject, listener) == Reach::Public;
        if listener.protocol == Protocol::HttpApi && is_public {
            let text = format!("other machines reach the HTTP API on {}", listener.place);
            findings.push(self.finding(Rule::ApiPublic, "protocol", text));
        }
        if listener.proxy.is_some() && is_public {
            let text = format!("other machines reach {}, and can claim any address there", listener.place);
            findings.push(self.finding(Rule::ProxyPublic, "enable_proxy_protocol", text));
        }
        if let Some(mount_point) = listener.mount_point.as_deref().filter(|topic| !topic.ends_with('/')) {
            let mount_point = mount_point.escape_debug();
            let text = format!(
                "clients of {} cannot subscribe to `#`: that becomes `{mount_point}#`",
                listener.place
            );
            findings.push(self.finding(Rule::MountPoint, "mount_point", text));
        }
        if listener.origin == Origin::Implied && !self.subject.configuration.settings.is_local_only() {
            let text = "this makes a listener on port 1883 of all addresses, too".into();
            findings.push(Finding { rule: Rule::DefaultListener, at: Some(self.at.clone()), text });
        }
        findings
    }

    /// Options that need others to have an effect.
    fn without_effect(&self) -> Vec<Finding> {
        let listener = self.listener;
        let tls = &listener.tls;
        let encrypts = tls.certificate.is_some();
        let by_proxy = listener.proxy == Some(ProxyProtocol::V2);
        let checks = tls.require_certificate;
        let table = [
            ("ciphers", tls.ciphers.is_some() && !has_tls(listener), "certfile"),
            ("ciphers_tls1.3", tls.ciphers_tls13.is_some() && !has_tls(listener), "certfile"),
            ("tls_version", tls.version_min.is_some() && !has_tls(listener), "certfile"),
            ("require_certificate", checks && !encrypts && !by_proxy, "certfile"),
            ("crlfile", tls.revocations.is_some() && !checks, "require_certificate"),
            ("disable_client_cert_date_checks", tls.ignore_dates && !checks, "require_certificate"),
            (
                "websockets_origin",
                !listener.origins.is_empty() && listener.protocol != Protocol::WebSockets,
                "protocol websockets",
            ),
            (
                "http_dir",
                listener.http_folder.is_some() && listener.protocol != Protocol::HttpApi,
                "protocol http_api",
            ),
            (
                "websockets_path",
                listener.websocket_path.is_some() && listener.protocol != Protocol::WebSockets,
                "protocol websockets",
            ),
            (
                "websockets_trusted_proxies",
                listener.trusted_proxies > 0 && listener.protocol != Protocol::WebSockets,
                "protocol websockets",
            ),
            ("tls_alpn", !tls.protocols.is_empty() && !encrypts, "certfile"),
            (
                "unix_socket_mode",
                listener.unix_mode.is_some() && !matches!(listener.place, ListenPlace::Unix(_)),
                "listener 0",
            ),
            (
                "proxy_protocol_v2_require_tls",
                listener.proxy_requires_tls && !by_proxy,
                "enable_proxy_protocol 2",
            ),
        ];
        let found = table.into_iter().filter(|(_, is_useless, _)| *is_useless);
        found
            .map(|(option, _, needs)| {
                self.finding(Rule::NoEffect, option, format!("`{option}` has no effect without `{needs}`"))
            })
            .collect()
    }
}

/// Listeners in the same place.
fn same_ports(subject: &Subject<'_>) -> Vec<Finding> {
    let configuration = subject.configuration;
    let listeners = &configuration.settings.listeners;
    let mut findings = Vec::new();
    for (number, listener) in listeners.iter().enumerate() {
        let meets = |other: &ListenerSettings| match (&listener.place, &other.place) {
            (ListenPlace::Unix(one), ListenPlace::Unix(other)) => one == other,
            (ListenPlace::Tcp { port, host }, ListenPlace::Tcp { port: p, host: h }) => {
                let families_meet = match (listener.family, other.family) {
                    (Some(one), Some(other)) => one == other,
                    _ => true,
                };
                port == p && host == h && families_meet && listener.interface == other.interface
            }
            _ => false,
        };
        if listeners[..number].iter().any(meets) {
            let at = configuration.listener_places.get(number).cloned();
            let text = format!("there is a listener on {} already", listener.place);
            findings.push(Finding { rule: Rule::SamePort, at, text });
        }
    }
    findings
}
