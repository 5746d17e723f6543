//! `$CONTROL/broker/v1`: what clients may ask about the broker.

use std::path::PathBuf;

use martlet_engine::ControlRequest;
use martlet_json::Json;

use super::commands::{self, Command, Outcome};
use super::{ControlHandler, ControlReply};

/// What clients may ask about the broker.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Where it listens, in the order of the configuration.
    pub listeners: Vec<ListenerFacts>,
    /// The extensions that are at work, in the order of the configuration.
    pub plugins: Vec<PluginFacts>,
}

/// What is told of a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerFacts {
    /// The port; 0 for a Unix socket.
    pub port: u16,
    /// The host that it is bound to, as the configuration has it.
    pub host: Option<String>,
    /// The path of a Unix socket.
    pub path: Option<PathBuf>,
    /// What is spoken there.
    pub protocol: ListenerProtocol,
    /// Whether connections are encrypted.
    pub tls: bool,
    /// Whether clients have to show a certificate.
    pub needs_certificate: bool,
    /// Whether clients without a user name may connect.
    pub allows_anonymous: bool,
}

/// What is spoken at a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListenerProtocol {
    /// MQTT.
    #[default]
    Mqtt,
    /// MQTT over WebSocket.
    WebSocket,
    /// The HTTP API.
    HttpApi,
}

/// What is told of an extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginFacts {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// The `$CONTROL` topics that it handles.
    pub control_topics: Vec<String>,
}

impl About {
    /// The topic of the requests.
    pub const TOPIC: &str = "$CONTROL/broker/v1";
    const RESPONSE_TOPIC: &str = "$CONTROL/broker/v1/response";

    fn run(&self, command: Command<'_>) -> Outcome {
        let (client, user) = (&command.request.client_identifier, command.request.user_name.as_deref());
        let name = command.name.to_ascii_lowercase();
        let (name, data) = match name.as_str() {
            "listlisteners" => ("listListeners", ("listeners", array(&self.listeners, listener))),
            "listplugins" => ("listPlugins", ("plugins", array(&self.plugins, plugin))),
            _ => return Err("Unknown command".into()),
        };
        tracing::info!(
            "Broker: {}/{} | {name}",
            client.escape_debug(),
            user.unwrap_or("(null)").escape_debug()
        );
        Ok(Some(Json::object([data])))
    }
}

impl ControlHandler for About {
    fn handle(&self, request: &ControlRequest) -> ControlReply {
        ControlReply::Published {
            topic: Self::RESPONSE_TOPIC.into(),
            payload: commands::answer(request, |command| self.run(command)),
        }
    }
}

fn array<T>(items: &[T], one: impl Fn(&T) -> Json) -> Json {
    Json::Array(items.iter().map(one).collect())
}

fn listener(listener: &ListenerFacts) -> Json {
    let mut members = vec![("port", Json::from(listener.port))];
    match listener.protocol {
        ListenerProtocol::Mqtt => members.push(("protocol", Json::from("mqtt"))),
        ListenerProtocol::WebSocket => members.push(("protocol", Json::from("mqtt+websockets"))),
        ListenerProtocol::HttpApi => {}
    }
    members.extend(listener.host.as_deref().map(|host| ("bind-address", Json::from(host))));
    let path = listener.path.as_ref().map(|path| path.display().to_string());
    members.extend(path.map(|path| ("socket-path", Json::from(path.as_str()))));
    members.push(("tls", Json::from(listener.tls)));
    Json::object(members)
}

fn plugin(plugin: &PluginFacts) -> Json {
    let mut members = vec![("name", Json::from(plugin.name.as_str()))];
    members.extend(plugin.version.as_deref().map(|version| ("version", Json::from(version))));
    let topics = plugin.control_topics.iter().map(|topic| Json::from(topic.as_str()));
    members.push(("control-endpoints", Json::Array(topics.collect())));
    Json::object(members)
}
