//! What a module answers: an error, data, or that something was done.

use core::fmt;

use crate::json::{self, Json};

/// The answer to one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Which command was answered.
    pub command: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was done, and this is what was asked for.
    Data(Json),
    /// It was not done.
    Refused {
        /// Why, in the broker's words.
        error: String,
    },
}

/// A payload that is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerError {
    /// It is no JSON.
    NotJson,
    /// The broker does not have the module.
    NoEndpoint,
    /// Something is missing.
    Incomplete,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "Payload not JSON",
            Self::NoEndpoint => "The broker does not have this module",
            Self::Incomplete => "Payload missing data",
        })
    }
}

impl core::error::Error for AnswerError {}

impl Answer {
    /// Reads the payload of an answer to a request with one command.
    ///
    /// # Errors
    /// Every variant of [`AnswerError`].
    pub fn parse(payload: &[u8]) -> Result<Self, AnswerError> {
        let tree = json::parse(payload).map_err(|_| AnswerError::NotJson)?;
        if text(&tree, "error").as_deref() == Some("endpoint not available") {
            return Err(AnswerError::NoEndpoint);
        }
        let response = items(&tree, "responses").first().ok_or(AnswerError::Incomplete)?;
        let command = text(response, "command").ok_or(AnswerError::Incomplete)?;
        let outcome = match (text(response, "error"), response.member("data")) {
            (Some(error), _) => Outcome::Refused { error },
            (None, Some(data)) => Outcome::Data(data.clone()),
            (None, None) => Outcome::Done,
        };
        Ok(Self { command, outcome })
    }
}

/// A member that is a text. Control characters are replaced: a name that someone chose must not steer the terminal.
pub(super) fn text(object: &Json, name: &str) -> Option<String> {
    object.member(name).and_then(shown)
}

/// A text, as it can be shown.
pub(super) fn shown(value: &Json) -> Option<String> {
    match value {
        Json::Text(bytes) => Some(
            String::from_utf8_lossy(bytes)
                .replace(char::is_control, char::REPLACEMENT_CHARACTER.encode_utf8(&mut [0; 4])),
        ),
        _ => None,
    }
}

/// The items of a member that is an array; none if it is none.
pub(super) fn items<'a>(object: &'a Json, name: &str) -> &'a [Json] {
    match object.member(name) {
        Some(Json::Array(items)) => items,
        _ => &[],
    }
}

/// A member that is a number, without what stands behind its point.
pub(super) fn whole(object: &Json, name: &str) -> Option<i64> {
    match object.member(name) {
        #[expect(clippy::cast_possible_truncation, reason = "too large numbers become the nearest")]
        Some(Json::Number(number)) => Some(*number as i64),
        _ => None,
    }
}

/// A member that is true or false.
pub(super) fn truth(object: &Json, name: &str) -> Option<bool> {
    match object.member(name) {
        Some(Json::Bool(truth)) => Some(*truth),
        _ => None,
    }
}

/// The names in a list: the items are texts, or objects with a member that is one.
pub(super) fn names(object: &Json, list: &str, member: &str) -> Vec<String> {
    items(object, list).iter().filter_map(|item| shown(item).or_else(|| text(item, member))).collect()
}

/// A line for each value.
pub(super) fn lines(values: &[String]) -> String {
    let mut text = values.join("\n");
    if !values.is_empty() {
        text.push('\n');
    }
    text
}

/// Roles or groups, each with its priority, which is -1 if nobody chose one.
pub(super) fn with_priority(object: &Json, list: &str, member: &str) -> Vec<String> {
    let line = |item: &Json| {
        let priority = whole(item, "priority").unwrap_or(-1);
        text(item, member).map(|name| format!("{name} (priority: {priority})"))
    };
    items(object, list).iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_came_of_a_request() {
        let outcome = |payload: &str| Answer::parse(payload.as_bytes()).map(|answer| answer.outcome);
        assert_eq!(outcome(r#"{"responses":[{"command":"createRole"}]}"#), Ok(Outcome::Done));
        let refused = Outcome::Refused { error: "Role not found".to_owned() };
        assert_eq!(
            outcome(r#"{"responses":[{"command":"x","error":"Role not found","data":{}}]}"#),
            Ok(refused)
        );
        let data = Outcome::Data(Json::object([("a", Json::Null)]));
        assert_eq!(outcome(r#"{"responses":[{"command":"x","data":{"a":null}}]}"#), Ok(data));
    }

    #[test]
    fn what_is_no_answer_is_told() {
        for (payload, error) in [
            ("{", AnswerError::NotJson),
            (r#"{"error": "endpoint not available"}"#, AnswerError::NoEndpoint),
            ("[]", AnswerError::Incomplete),
            (r#"{"responses":{}}"#, AnswerError::Incomplete),
            (r#"{"responses":[]}"#, AnswerError::Incomplete),
            (r#"{"responses":[{"error":"x"}]}"#, AnswerError::Incomplete),
        ] {
            assert_eq!(Answer::parse(payload.as_bytes()), Err(error), "{payload}");
        }
    }

    #[test]
    fn names_do_not_steer_the_terminal() {
        let object = Json::object([("name", Json::from("a\x1b[31mb\nc"))]);
        assert_eq!(text(&object, "name").unwrap(), "a\u{fffd}[31mb\u{fffd}c");
    }
}
