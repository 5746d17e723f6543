//! Who can reach a listener.

use core::net::IpAddr;

use super::Subject;
use crate::config::settings::{ListenPlace, ListenerSettings, Protocol};

/// Who can reach a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Programs of the same machine.
    Local,
    /// Other machines, too.
    Public,
}

/// Who can reach a listener.
pub(super) fn reach(subject: &Subject<'_>, listener: &ListenerSettings) -> Reach {
    if subject.configuration.settings.is_local_only() {
        return Reach::Local;
    }
    let is_local = match &listener.place {
        ListenPlace::Unix(_) => true,
        ListenPlace::Tcp { .. } if listener.interface.as_deref() == Some("lo") => true,
        ListenPlace::Tcp { host: None, .. } => false,
        ListenPlace::Tcp { host: Some(host), .. } => is_local_host(host),
    };
    if is_local { Reach::Local } else { Reach::Public }
}

/// Whether a name or an address is this machine's own.
pub(super) fn is_local_host(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether what goes over a listener is encrypted by the broker.
pub(super) const fn has_tls(listener: &ListenerSettings) -> bool {
    listener.tls.certificate.is_some() || listener.tls.psk_hint.is_some()
}

/// Whether clients have proven who they are before MQTT begins: by a certificate, or by a pre-shared key.
pub(super) const fn is_proven(listener: &ListenerSettings) -> bool {
    listener.tls.require_certificate || listener.tls.psk_hint.is_some()
}

/// Whether clients speak MQTT there.
pub(super) fn is_mqtt(listener: &ListenerSettings) -> bool {
    listener.protocol != Protocol::HttpApi
}

/// Whether user names come from TLS.
pub(super) const fn names_from_tls(listener: &ListenerSettings) -> bool {
    listener.tls.identity_is_user_name || listener.tls.subject_is_user_name
}
