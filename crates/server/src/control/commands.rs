//! Requests that are lists of commands in JSON, as Mosquitto's `$CONTROL` topics have them.
//!
//! `{"commands": [{"command": "NAME", "correlationData": "ANY", ...}, ...]}` gets
//! `{"responses": [{"command": "NAME", "data": {...}, "correlationData": "ANY"}, ...]}`, with `"error": "TEXT"` in place of
//! the data where something is wrong.

use martlet_engine::ControlRequest;
use martlet_json::{self as json, Json, Layout};

/// One command of a request.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    /// Its name, as the client wrote it.
    pub name: &'a str,
    /// The whole command, for its parameters. It may hold secrets.
    pub body: &'a Json,
    /// The request that it came with.
    pub request: &'a ControlRequest,
}

/// What came of a command: its data, if it has any, or what is wrong.
pub type Outcome = Result<Option<Json>, String>;

/// Runs the commands of a request in their order, and makes the payload of the answer.
pub fn answer(request: &ControlRequest, mut run: impl FnMut(Command<'_>) -> Outcome) -> Vec<u8> {
    let mut responses = Vec::new();
    if let Err(error) = run_all(request, &mut run, &mut responses) {
        responses.push(response("Unknown command", Err(error.into()), None));
    }
    Json::object([("responses", Json::Array(responses))]).to_bytes(Layout::Compact)
}

/// # Errors
/// What is wrong with the request where no command has a name. Commands behind that are not run.
fn run_all(
    request: &ControlRequest,
    run: &mut impl FnMut(Command<'_>) -> Outcome,
    responses: &mut Vec<Json>,
) -> Result<(), &'static str> {
    let tree = json::parse(&request.payload).map_err(|_| "Payload not valid JSON")?;
    let Some(Json::Array(commands)) = tree.member("commands") else {
        return Err("Invalid/missing commands");
    };
    for body in commands {
        let Json::Object(_) = body else { return Err("Command not an object") };
        let name = body.member("command").and_then(Json::as_str).ok_or("Missing command")?;
        let correlation = body.member("correlationData");
        if correlation.is_some_and(|correlation| !matches!(correlation, Json::Text(_))) {
            let error = Err("Invalid correlationData data type.".into());
            responses.push(response(name, error, None));
            return Ok(());
        }
        responses.push(response(name, run(Command { name, body, request }), correlation));
    }
    Ok(())
}

fn response(command: &str, outcome: Outcome, correlation: Option<&Json>) -> Json {
    let mut members = vec![("command", Json::from(command))];
    match outcome {
        Ok(Some(data)) => members.push(("data", data)),
        Ok(None) => {}
        Err(error) => members.push(("error", Json::from(error.as_str()))),
    }
    members.extend(correlation.map(|correlation| ("correlationData", correlation.clone())));
    Json::object(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use martlet_engine::{ControlId, Peer};
    use martlet_wire::ProtocolVersion;

    fn answered(payload: &str) -> String {
        let request = ControlRequest {
            id: ControlId(1),
            client_identifier: "client".into(),
            user_name: None,
            peer: Peer::default(),
            version: ProtocolVersion::Mqtt311,
            topic: "$CONTROL/x/v1".into(),
            payload: payload.into(),
            correlation_data: None,
        };
        let answer = answer(&request, |command| match command.name {
            "get" => Ok(Some(Json::object([("of", Json::from(command.request.client_identifier.as_str()))]))),
            "set" => Ok(None),
            _ => Err("Unknown command".into()),
        });
        String::from_utf8(answer).unwrap()
    }

    #[test]
    fn commands_are_answered_in_their_order() {
        let payload =
            r#"{"commands":[{"command":"set"},{"command":"get","correlationData":"7"},{"command":"x"}]}"#;
        assert_eq!(
            answered(payload),
            concat!(
                r#"{"responses":[{"command":"set"},"#,
                r#"{"command":"get","data":{"of":"client"},"correlationData":"7"},"#,
                r#"{"command":"x","error":"Unknown command"}]}"#
            )
        );
    }

    #[test]
    fn what_is_wrong_is_told_in_the_words_of_mosquitto() {
        for (payload, command, error) in [
            ("not json", "Unknown command", "Payload not valid JSON"),
            ("{}", "Unknown command", "Invalid/missing commands"),
            (r#"{"commands":{}}"#, "Unknown command", "Invalid/missing commands"),
            (r#"{"commands":["set"]}"#, "Unknown command", "Command not an object"),
            (r#"{"commands":[{"command":1}, {"command":"set"}]}"#, "Unknown command", "Missing command"),
            (
                r#"{"commands":[{"command":"set","correlationData":true}, {"command":"set"}]}"#,
                "set",
                "Invalid correlationData data type.",
            ),
        ] {
            let expected = format!(r#"{{"responses":[{{"command":"{command}","error":"{error}"}}]}}"#);
            assert_eq!(answered(payload), expected, "{payload}");
        }
    }
}
