//! What there is to ask for, and how the answers look.

use std::fs::File;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use martlet_engine::Peer;
use martlet_json::{Json, Layout};

use super::files::{Folder, content_type};
use super::gate::Gate;
use super::request::Request;
use crate::control::about::{ListenerFacts, ListenerProtocol};
use crate::reports::Reporter;
use crate::sys::metrics;

/// An answer.
pub(super) struct Response {
    status: u16,
    /// Header fields, each with its end of line.
    fields: String,
    pub(super) body: Body,
}

/// What an answer brings.
pub(super) enum Body {
    Bytes(Vec<u8>),
    /// So many bytes of a file.
    File {
        file: File,
        len: u64,
    },
}

/// All that there is to ask for.
pub(crate) struct Pages {
    gate: Gate,
    reporter: Reporter,
    listeners: Vec<ListenerFacts>,
    /// The folder of each listener, by its number.
    folders: Vec<Option<Folder>>,
}

impl Pages {
    /// `folders` are those of the listeners, by their numbers.
    ///
    /// # Errors
    /// There is no such folder: its path.
    pub(crate) fn new(
        gate: Gate,
        reporter: Reporter,
        listeners: Vec<ListenerFacts>,
        folders: Vec<Option<PathBuf>>,
    ) -> Result<Self, (PathBuf, std::io::Error)> {
        let open = |path: Option<PathBuf>| match path {
            Some(path) => Folder::open(&path).map(Some).map_err(|error| (path, error)),
            None => Ok(None),
        };
        let folders = folders.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { gate, reporter, listeners, folders })
    }

    /// Answers a request.
    pub(super) fn respond(&mut self, request: &Request, peer: &Peer) -> Response {
        let mut response = self.response(request, peer);
        if request.method == "HEAD" {
            response.body = Body::Bytes(Vec::new());
        }
        let (method, path) = (request.method.as_str(), request.path.as_str());
        tracing::debug!(listener = peer.listener, method, path, status = response.status, "HTTP");
        response
    }

    fn response(&mut self, request: &Request, peer: &Peer) -> Response {
        if request.method != "GET" {
            return Response::text(405, "Invalid HTTP Method\n").field("Allow", "GET");
        }
        let credentials = request.authorization.as_deref().and_then(credentials);
        let (user_name, password) = match &credentials {
            Some((user_name, password)) => (Some(user_name.as_str()), Some(password.as_bytes())),
            None => (None, None),
        };
        if !self.gate.admits(peer, user_name, password, &request.path) {
            let realm = "Basic realm=\"Mosquitto API\"";
            return Response::text(401, "Not authorised\n").field("WWW-Authenticate", realm);
        }
        let is_api = request.path.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("/api/"));
        match request.path.as_str() {
            "/api/v1/systree" => json(&self.sys_tree()),
            "/api/v1/listeners" => json(&self.listeners()),
            "/api/v1/version" => {
                Response::text(200, env!("CARGO_PKG_VERSION")).field("Access-Control-Allow-Origin", "*")
            }
            path if !is_api => self.file(path, peer).unwrap_or_else(Response::not_found),
            _ => Response::not_found(),
        }
    }

    fn file(&self, path: &str, peer: &Peer) -> Option<Response> {
        let (file, len) = self.folders.get(usize::from(peer.listener))?.as_ref()?.file(path)?;
        let response = Response { status: 200, fields: String::new(), body: Body::File { file, len } };
        Some(match content_type(path) {
            Some(content_type) => response.field("Content-Type", content_type),
            None => response,
        })
    }

    fn sys_tree(&self) -> Json {
        let reports = self.reporter.ask();
        let metrics = metrics::values(&reports);
        let mut members: Vec<(String, Json)> = metrics
            .iter()
            .map(|metric| (format!("$SYS/broker/{}", metric.topic), number(metric.value)))
            .collect();
        members.push(("$SYS/broker/uptime".into(), number(self.reporter.uptime().as_secs())));
        Json::object(members.iter().map(|(name, value)| (name.as_str(), value.clone())))
    }

    fn listeners(&self) -> Json {
        let listeners = self.listeners.iter().map(listener).collect();
        Json::object([("listeners", Json::Array(listeners))])
    }
}

fn listener(facts: &ListenerFacts) -> Json {
    let place = match &facts.path {
        Some(path) => ("path", Json::from(path.display().to_string().as_str())),
        None => ("port", Json::from(facts.port)),
    };
    let protocol = match facts.protocol {
        ListenerProtocol::Mqtt => "mqtt",
        ListenerProtocol::WebSocket => "websockets",
        ListenerProtocol::HttpApi => "httpapi",
    };
    Json::object([
        place,
        ("protocol", Json::from(protocol)),
        ("tls", Json::from(facts.tls)),
        ("mtls", Json::from(facts.needs_certificate)),
        ("allow_anonymous", Json::from(facts.allows_anonymous)),
    ])
}

fn number(value: u64) -> Json {
    #[expect(clippy::cast_precision_loss, reason = "JSON has no better numbers")]
    Json::Number(value as f64)
}

fn json(value: &Json) -> Response {
    Response { status: 200, fields: String::new(), body: Body::Bytes(value.to_bytes(Layout::Pretty)) }
        .field("Content-Type", "application/json")
        .field("Access-Control-Allow-Origin", "*")
}

/// User name and password of the field `Authorization`.
fn credentials(field: &[u8]) -> Option<(String, String)> {
    let text = str::from_utf8(field).ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    let bytes = STANDARD.decode(rest.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let text = String::from_utf8(bytes).ok()?;
    let (user_name, password) = text.split_once(':')?;
    Some((user_name.to_owned(), password.to_owned()))
}

impl Response {
    /// A short text.
    pub(super) fn text(status: u16, text: &str) -> Self {
        Self { status, fields: String::new(), body: Body::Bytes(text.into()) }
            .field("Content-Type", "text/plain; charset=utf-8")
    }

    fn not_found() -> Self {
        Self::text(404, "Not found.\n")
    }

    fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.extend([name, ": ", value, "\r\n"]);
        self
    }

    /// The status line and the header.
    pub(super) fn head(&self) -> Vec<u8> {
        let reason = match self.status {
            200 => "OK",
            401 => "Unauthorized",
            404 => "Not Found",
            405 => "Method Not Allowed",
            431 => "Request Header Fields Too Large",
            _ => "Bad Request",
        };
        let len = match &self.body {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::File { len, .. } => *len,
        };
        format!(
            "HTTP/1.1 {} {reason}\r\nDate: {}\r\nConnection: close\r\nContent-Length: {len}\r\n\
             X-Content-Type-Options: nosniff\r\n{}\r\n",
            self.status,
            Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT"),
            self.fields
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_basic_authentication() {
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(credentials(b"Basic dXNlcjpwYTpzcw=="), pair("user", "pa:ss"));
        assert_eq!(credentials(b"basic  Og=="), pair("", ""));
        for wrong in ["Basic", "Bearer dXNlcjpwYXNz", "Basic ???", "Basic dXNlcg==", "Basic /w=="] {
            assert_eq!(credentials(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
