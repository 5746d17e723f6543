//! Who may come in, and what they may do.

use super::Part;
use crate::config::option::Again::Replaces;
use crate::config::option::Field::{Flag, OptionalFlag, Path, Special, Text};
use crate::config::option::Scope::{General, Listener, Security, Structure};
use crate::config::option::{ConfigOption, Needs, Structure as S};
use crate::config::problem::Problem;
use crate::config::settings;
use crate::config::value::Value;

/// How long the beginning of assigned Client Identifiers may be, in bytes.
const PREFIX_BYTES_MAX: usize = 50;

pub(super) const PART: Part = Part {
    title: "Who may come in",
    about: "For all listeners. With `per_listener_settings true` each concerns only the listener above it, but for \
            those that name themselves after it.",
    options: &[
        ConfigOption::new(
            "acl_file",
            Security(Path(Replaces, |it| &mut it.acl_file)),
            "a file that says who may read and write which topics",
        )
        .live(),
        ConfigOption::new(
            "allow_anonymous",
            Security(OptionalFlag(|it| &mut it.allow_anonymous)),
            "whether clients may connect without a user name",
        )
        .live()
        .default("`true` when no line says where to listen, `false` otherwise"),
        ConfigOption::new(
            "allow_zero_length_clientid",
            Security(Flag(|it| &mut it.allow_zero_length_client_identifier)),
            "whether a client without a Client Identifier is let in, and gets one",
        )
        .default("true")
        .live(),
        ConfigOption::new(
            "auto_id_prefix",
            Security(Special("a text of at most 50 bytes", prefix)),
            "how assigned Client Identifiers begin",
        )
        .default("`auto-`")
        .deprecated("Please use 'listener_auto_id_prefix' instead.")
        .live(),
        ConfigOption::new(
            "check_retain_source",
            General(Flag(|it| &mut it.check_retain_source)),
            "whether a retained message goes out only if who published it may still publish it",
        )
        .default("true")
        .live(),
        ConfigOption::new(
            "clientid_prefixes",
            General(Text(Replaces, |it| &mut it.client_identifier_prefix)),
            "how Client Identifiers have to begin",
        )
        .deprecated("")
        .live(),
        ConfigOption::new(
            "listener_allow_anonymous",
            Listener(OptionalFlag(|it| &mut it.security.allow_anonymous), Needs::Listener),
            "whether clients of the listener above may connect without a user name, whatever `allow_anonymous` says",
        )
        .default("as `allow_anonymous`")
        .live(),
        ConfigOption::new(
            "listener_auto_id_prefix",
            Listener(Special("a text of at most 50 bytes", listener_prefix), Needs::Listener),
            "how Client Identifiers begin that the listener above assigns",
        )
        .default("as `auto_id_prefix`")
        .live(),
        ConfigOption::new(
            "password_file",
            Security(Path(Replaces, |it| &mut it.password_file)),
            "a file of user names with hashes of their passwords, which `martlet passwd` makes",
        )
        .live(),
        ConfigOption::new(
            "per_listener_settings",
            Structure(S::PerListenerSettings),
            "whether options of security and plugins concern only the listener above them",
        )
        .default("false")
        .deprecated("Please see the documentation for how to achieve the same effect.")
        .live(),
        ConfigOption::new(
            "psk_file",
            Security(Path(Replaces, |it| &mut it.psk_file)),
            "a file of lines `NAME:KEY` with pre-shared keys for TLS, in hexadecimal digits. In builds with the feature `psk`",
        )
        .live(),
    ],
};

/// `auto_id_prefix`
fn prefix(security: &mut settings::Security, value: &mut Value<'_>) -> Result<(), Problem> {
    let theirs = "Error: auto_id_prefix length must be <= 50.";
    set_prefix(&mut security.auto_id_prefix, value, theirs)
}

/// `listener_auto_id_prefix`
fn listener_prefix(listener: &mut settings::ListenerSettings, value: &mut Value<'_>) -> Result<(), Problem> {
    let theirs = "Error: 'listener_auto_id_prefix' length must be <= 50.";
    set_prefix(&mut listener.security.auto_id_prefix, value, theirs)
}

fn set_prefix(prefix: &mut Option<String>, value: &mut Value<'_>, theirs: &str) -> Result<(), Problem> {
    let text = value.text()?;
    if prefix.is_some() {
        return Err(Problem::Duplicate { option: value.option.into(), called: value.called() });
    }
    if text.len() > PREFIX_BYTES_MAX {
        return Err(value.refused(&text, theirs));
    }
    *prefix = Some(text);
    Ok(())
}
