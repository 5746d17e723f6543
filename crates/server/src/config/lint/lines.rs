//! What single lines show.

use std::collections::BTreeMap;

use super::{Finding, Rule, Subject};
use crate::config::Dialect;
use crate::config::note::{Note, NoteKind};
use crate::config::reader::Section;

/// Options that may stand in several lines, each of which counts.
const REPEATABLE: &[&str] = &[
    "connection",
    "dhparamfile",
    "global_plugin",
    "include_dir",
    "listener",
    "log_dest",
    "log_type",
    "per_listener_settings",
    "plugin",
    "plugin_load",
    "plugin_opt_*",
    "plugin_use",
    "port",
    "retry_interval",
    "topic",
    "websockets_origin",
];

/// All findings about lines.
pub(super) fn findings(subject: &Subject<'_>, notes: &[Note]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = notes.iter().filter_map(of_note).collect();
    findings.extend(overridden(subject));
    findings.extend(without_limit(subject));
    findings.extend(process(subject));
    findings
}

fn of_note(note: &Note) -> Option<Finding> {
    let rule = match note.kind {
        NoteKind::Deprecated { .. } | NoteKind::PacketSize | NoteKind::ListenerAllowAnonymous => {
            Rule::Deprecated
        }
        NoteKind::Gone { .. }
        | NoteKind::Rest { .. }
        | NoteKind::NoEffect { .. }
        | NoteKind::StaysPerListener
        | NoteKind::TopicAgain { .. } => Rule::NoEffect,
        NoteKind::Nearest { .. } | NoteKind::PortAgain => Rule::Overridden,
        // The listener and the bridge themselves are looked at elsewhere; that a file was read is no finding.
        NoteKind::DefaultListener { .. }
        | NoteKind::HintNotSent
        | NoteKind::BridgeInsecure { .. }
        | NoteKind::Included { .. } => {
            return None;
        }
    };
    Some(Finding { rule, at: Some(note.at.clone()), text: note.kind.to_string() })
}

/// Lines whose place a later one takes.
fn overridden(subject: &Subject<'_>) -> Vec<Finding> {
    let mut last = BTreeMap::new();
    let mut findings = Vec::new();
    for given in &subject.configuration.given {
        if REPEATABLE.contains(&given.option.name) {
            continue;
        }
        let key: (Section, &str) = (given.section, given.option.name);
        if let Some(earlier) = last.insert(key, given) {
            let text = format!("{} takes the place of this line", given.at);
            findings.push(Finding { rule: Rule::Overridden, at: Some(earlier.at.clone()), text });
        }
    }
    findings
}

/// Limits that are switched off.
fn without_limit(subject: &Subject<'_>) -> Vec<Finding> {
    let limits = &subject.configuration.settings.engine.limits;
    let table = [
        ("max_queued_messages", limits.queued_messages_max == usize::MAX, "messages that wait for a client"),
        ("max_queued_bytes", limits.queued_bytes_max == usize::MAX, "bytes that wait for a client"),
    ];
    let is_off = |(_, is_off, _): &(&str, bool, &str)| *is_off;
    let finding = |(option, _, what): (&str, bool, &str)| Finding {
        rule: Rule::NoLimit,
        at: subject.line(option, None),
        text: format!("`{option} 0`: no limit on {what}, so one that is away can fill the memory"),
    };
    table.into_iter().filter(is_off).map(finding).collect()
}

fn process(subject: &Subject<'_>) -> Vec<Finding> {
    let settings = &subject.configuration.settings;
    let mut findings = Vec::new();
    if settings.process.user.as_deref() == Some("root") {
        let text = "the broker stays root when it is started so".into();
        findings.push(Finding { rule: Rule::Root, at: subject.line("user", None), text });
    }
    let is_kept = settings.keeping.is_on.unwrap_or(subject.dialect == Dialect::Martlet);
    for (option, is_set) in [
        ("persistence_location", settings.keeping.location.is_some()),
        ("persistence_file", settings.keeping.file.is_some()),
    ] {
        if is_set && !is_kept {
            let text = format!("`{option}` has no effect without `persistence true`");
            findings.push(Finding { rule: Rule::NoEffect, at: subject.line(option, None), text });
        }
    }
    let hints = settings.listeners.iter().any(|listener| listener.tls.psk_hint.is_some());
    let has_keys = settings.security.psk_file.is_some()
        || settings.listeners.iter().any(|listener| listener.security.psk_file.is_some());
    if has_keys && !hints {
        let text = "`psk_file` has no effect without a listener with `psk_hint`".into();
        findings.push(Finding { rule: Rule::NoEffect, at: subject.line("psk_file", None), text });
    }
    findings
}
