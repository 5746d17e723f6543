//! `topic` of a bridge: `PATTERN [[[out|in|both] QOS] LOCAL_PREFIX REMOTE_PREFIX]`.

use martlet_wire::{QoS, TopicFilter, TopicName};

use super::problem::Problem;
use super::settings::{BridgeTopic, Direction};
use super::value::Value;

/// What stands for a pattern or a prefix that is empty.
const EMPTY: &str = "\"\"";

/// Reads a topic.
pub(super) fn read(value: &mut Value<'_>) -> Result<BridgeTopic, Problem> {
    let pattern = pattern(value)?;
    let direction = direction(value)?;
    let qos = qos(value)?;
    let local_prefix = prefix(value, "local")?;
    let remote_prefix = prefix(value, "remote")?;
    value.finish();
    let pattern = Some(pattern).filter(|pattern| pattern != EMPTY);
    if pattern.is_none() && (local_prefix.is_none() || remote_prefix.is_none()) {
        return Err(value.refused(EMPTY, "Error: Invalid bridge remapping."));
    }
    for prefix in [&local_prefix, &remote_prefix].into_iter().flatten() {
        let whole = format!("{prefix}{}", pattern.as_deref().unwrap_or_default());
        if TopicFilter::parse(&whole).is_err() {
            let theirs =
                format!("Error: Invalid bridge topic local prefix and pattern combination '{whole}'.");
            return Err(value.refused(&whole, theirs));
        }
    }
    if let Some(pattern) = &pattern
        && TopicFilter::parse(pattern).is_err()
    {
        return Err(value.refusal(pattern));
    }
    Ok(BridgeTopic { pattern, direction, qos, local_prefix, remote_prefix })
}

/// The pattern, in quotes if there are blanks in it.
fn pattern(value: &mut Value<'_>) -> Result<String, Problem> {
    let first = value.word()?;
    match first.strip_prefix('"') {
        Some(quoted) if first != EMPTY => {
            if let Some(whole) = quoted.strip_suffix('"') {
                return Ok(whole.into());
            }
            let rest = value.remainder();
            let Some((end, behind)) = rest.split_once('"') else {
                let rest = rest.trim_start();
                let theirs = format!("Error: Missing closing quote in topic value ({rest}).");
                return Err(value.refused(rest, theirs));
            };
            value.go_on_at(behind);
            Ok(format!("{quoted}{end}"))
        }
        _ => Ok(first.into()),
    }
}

fn direction(value: &mut Value<'_>) -> Result<Direction, Problem> {
    let Some(word) = value.next_word_before_comment() else { return Ok(Direction::Out) };
    Ok(match word.to_ascii_lowercase().as_str() {
        "out" => Direction::Out,
        "in" => Direction::In,
        "both" => Direction::Both,
        _ => return Err(value.refused(word, format!("Error: Invalid bridge topic direction '{word}'."))),
    })
}

fn qos(value: &mut Value<'_>) -> Result<QoS, Problem> {
    let Some(word) = value.next_word_before_comment() else { return Ok(QoS::AtMostOnce) };
    let qos = word.parse().ok().and_then(|number: u8| QoS::try_from(number).ok());
    qos.ok_or_else(|| value.refused(word, format!("Error: Invalid bridge QoS level '{word}'.")))
}

fn prefix(value: &mut Value<'_>, side: &str) -> Result<Option<String>, Problem> {
    match value.next_word_before_comment() {
        None | Some(EMPTY) => Ok(None),
        Some(prefix) if TopicName::parse(prefix).is_ok() => Ok(Some(prefix.into())),
        Some(prefix) => {
            let theirs = format!("Error: Invalid bridge topic {side} prefix '{prefix}'.");
            Err(value.refused(prefix, theirs))
        }
    }
}
