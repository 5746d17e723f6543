//! TLS of listeners.

use super::Part;
use crate::config::note::NoteKind;
use crate::config::option::Again::{IsAnError, Replaces};
use crate::config::option::Field::{Choice, Flag, Path, Special, Text, Texts};
use crate::config::option::Scope::{Listener, Structure};
use crate::config::option::{ConfigOption, Feature, Field, Needs, Structure as S};
use crate::config::problem::{Combination, Problem};
use crate::config::settings::{ListenerSettings, TlsVersion};
use crate::config::value::Value;

const NO_PARAMETERS: &str = "what Mosquitto had once: parameters of Diffie-Hellman";

pub(super) const PART: Part = Part {
    title: "TLS of listeners",
    about: "Below a `listener`, which they concern.",
    options: &[
        ConfigOption::new(
            "cafile",
            Listener(Special("a path", ca_file), Needs::Listener),
            "a file of the authorities (CA) that may vouch for clients, in PEM",
        )
        .live(),
        ConfigOption::new(
            "capath",
            Listener(Path(Replaces, |it| &mut it.tls.ca_folder), Needs::Nothing),
            "a folder of files of the authorities that may vouch for clients",
        )
        .live(),
        ConfigOption::new(
            "certfile",
            Listener(Special("a path", certificate), Needs::Nothing),
            "the certificate of the broker and those that vouch for it, in PEM; with `keyfile` it turns TLS on",
        )
        .live(),
        ConfigOption::new(
            "ciphers",
            Listener(Text(Replaces, |it| &mut it.tls.ciphers), Needs::Nothing),
            "the cipher suites for TLS 1.2, in the notation of OpenSSL",
        )
        .live(),
        ConfigOption::new(
            "ciphers_tls1.3",
            Listener(Text(Replaces, |it| &mut it.tls.ciphers_tls13), Needs::Nothing),
            "the cipher suites for TLS 1.3, in the notation of OpenSSL",
        )
        .live(),
        ConfigOption::new(
            "crlfile",
            Listener(Path(Replaces, |it| &mut it.tls.revocations), Needs::Nothing),
            "a file of the certificates of clients that are not good any more, in PEM",
        )
        .live(),
        ConfigOption::new("dhparamfile", Structure(S::Gone), NO_PARAMETERS),
        ConfigOption::new(
            "disable_client_cert_date_checks",
            Listener(Flag(|it| &mut it.tls.ignore_dates), Needs::Listener),
            "whether the certificates of clients are good before and after their time, too",
        )
        .default("false")
        .live(),
        ConfigOption::new(
            "keyfile",
            Listener(Path(Replaces, |it| &mut it.tls.key), Needs::Nothing),
            "the private key for `certfile`, in PEM",
        )
        .live(),
        ConfigOption::new(
            "psk_hint",
            Listener(Special("a text", hint), Needs::Nothing),
            "turns TLS with pre-shared keys on; the text itself is not sent to clients. In builds with the feature `psk`",
        ),
        ConfigOption::new(
            "require_certificate",
            Listener(Flag(|it| &mut it.tls.require_certificate), Needs::Nothing),
            "whether clients have to show a certificate that `cafile` or `capath` vouches for",
        )
        .default("false")
        .live(),
        ConfigOption::own(
            "tls_alpn",
            Listener(Texts(|it| &mut it.tls.protocols), Needs::Listener),
            "an application protocol (ALPN) that clients may ask for; each line adds one",
        )
        .default("anything will do")
        .live(),
        ConfigOption::new(
            "tls_engine",
            Listener(Text(IsAnError, |it| &mut it.tls.engine), Needs::Nothing),
            "an engine of OpenSSL",
        )
        .waits(Feature::Engines),
        ConfigOption::new(
            "tls_engine_kpass_sha1",
            Listener(ENGINE_PASSWORD, Needs::Nothing),
            "a hash of the password for the key in the engine",
        )
        .secret()
        .waits(Feature::Engines),
        ConfigOption::new(
            "tls_keyform",
            Listener(
                Choice(&[
                    ("pem", |it| it.tls.key_is_in_engine = false),
                    ("engine", |it| it.tls.key_is_in_engine = true),
                ]),
                Needs::Nothing,
            ),
            "where the private key is: in a file, or in an engine of OpenSSL",
        )
        .default("pem")
        .waits(Feature::Engines),
        ConfigOption::new(
            "tls_version",
            Listener(Special("`tlsv1.2` or `tlsv1.3`", version), Needs::Listener),
            "the lowest version of TLS that clients may use",
        )
        .default("`tlsv1.2`")
        .live(),
        ConfigOption::new(
            "use_identity_as_username",
            Listener(Flag(|it| &mut it.tls.identity_is_user_name), Needs::Nothing),
            "whether the Common Name in a client's certificate, or the name of its pre-shared key, is its user name; \
             passwords are not looked at",
        )
        .default("false"),
        ConfigOption::new(
            "use_subject_as_username",
            Listener(Flag(|it| &mut it.tls.subject_is_user_name), Needs::Nothing),
            "whether the whole subject of a client's certificate is its user name; passwords are not looked at",
        )
        .default("false"),
    ],
};

const ENGINE_PASSWORD: Field<ListenerSettings> = Special("40 hexadecimal digits", |listener, value| {
    const DIGITS: usize = 40;
    let text = value.text()?;
    if text.len() != DIGITS || !text.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(value.refusal(&text));
    }
    listener.tls.engine_password = Some(text.into());
    Ok(())
});

/// `cafile`
fn ca_file(listener: &mut ListenerSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    without_psk(listener)?;
    listener.tls.ca_file = Some(value.text()?.into());
    Ok(())
}

/// `psk_hint`
fn hint(listener: &mut ListenerSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    let text = value.text()?;
    if listener.tls.psk_hint.replace(text).is_some() {
        return Err(Problem::Duplicate { option: value.option.into(), called: value.called() });
    }
    value.say(NoteKind::HintNotSent);
    Ok(())
}

/// `certfile`
fn certificate(listener: &mut ListenerSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    without_psk(listener)?;
    listener.tls.certificate = Some(value.text()?.into());
    Ok(())
}

const fn without_psk(listener: &ListenerSettings) -> Result<(), Problem> {
    if listener.tls.psk_hint.is_some() {
        return Err(Problem::Combination(Combination::ListenerPskBesideCertificates));
    }
    Ok(())
}

/// `tls_version`
fn version(listener: &mut ListenerSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    set_version(&mut listener.tls.version_min, value)
}

/// Reads the name of a version of TLS.
pub(super) fn set_version(version: &mut Option<TlsVersion>, value: &mut Value<'_>) -> Result<(), Problem> {
    let name = value.text()?;
    if version.is_some() {
        return Err(Problem::Duplicate { option: value.option.into(), called: value.called() });
    }
    *version = Some(match name.as_str() {
        "tlsv1.1" => TlsVersion::V11,
        "tlsv1.2" => TlsVersion::V12,
        "tlsv1.3" => TlsVersion::V13,
        _ => TlsVersion::Unknown(name),
    });
    Ok(())
}
