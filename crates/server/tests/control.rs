//! Requests to the broker below `$CONTROL/`.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::sync::Arc;

use common::{Client, name_on, options, packet, puback, publish, publish_1};
use martlet_engine::ControlRequest;
use martlet_server::Broker;
use martlet_server::control::about::{About, ListenerFacts, ListenerProtocol, PluginFacts};
use martlet_server::control::{ControlHandler, ControlReply};

#[test]
fn what_clients_may_ask_about_the_broker() {
    let options = options(2);
    let about = About {
        listeners: vec![
            ListenerFacts { port: 1883, host: Some("localhost".into()), ..ListenerFacts::default() },
            ListenerFacts {
                path: Some("/a/socket".into()),
                protocol: ListenerProtocol::WebSocket,
                tls: true,
                ..ListenerFacts::default()
            },
        ],
        plugins: vec![PluginFacts {
            name: "p".into(),
            version: Some("1".into()),
            control_topics: vec!["$CONTROL/p/v1".into()],
        }],
    };
    options.control.set(About::TOPIC, Some(Arc::new(about)));
    let broker = Broker::start(options).unwrap();
    // On both shards there is someone who listens.
    let mut observer = Client::subscribed(&broker, &name_on(0, 2, "observer"), "$CONTROL/#", 0);
    let mut admin = Client::subscribed(&broker, &name_on(1, 2, "admin"), "$CONTROL/broker/v1/response", 0);
    let request =
        br#"{"commands":[{"command":"listListeners","correlationData":"c"},{"command":"listplugins"}]}"#;
    admin.send(&publish_1(About::TOPIC, 7, request));
    admin.expect(&puback(7));
    let expected = concat!(
        r#"{"responses":[{"command":"listListeners","data":{"listeners":["#,
        r#"{"port":1883,"protocol":"mqtt","bind-address":"localhost","tls":false},"#,
        r#"{"port":0,"protocol":"mqtt+websockets","socket-path":"/a/socket","tls":true}]},"#,
        r#""correlationData":"c"},{"command":"listplugins","data":{"plugins":["#,
        r#"{"name":"p","version":"1","control-endpoints":["$CONTROL/p/v1"]}]}}]}"#
    );
    let response = publish("$CONTROL/broker/v1/response", expected.as_bytes());
    admin.expect(&response);
    observer.expect(&response);
}

#[test]
fn what_nobody_handles_is_told_to_the_client_alone() {
    let broker = Broker::start(options(2)).unwrap();
    let mut observer = Client::subscribed(&broker, "observer", "$CONTROL/#", 0);
    let mut client = Client::connect(&broker, "client");
    client.send(&publish("$CONTROL/nobody/v1", b"{}"));
    client.expect(&publish("$CONTROL/nobody/v1/response", br#"{"error": "endpoint not available"}"#));
    observer.settle();
}

/// Answers with the payload, to the client alone, once for each name.
struct Echo;

impl ControlHandler for Echo {
    fn handle(&self, request: &ControlRequest) -> ControlReply {
        ControlReply::Alone { topic: "echo".into(), payload: request.payload.clone() }
    }
}

#[test]
fn handlers_come_and_go_and_answers_keep_the_order() {
    let options = options(2);
    let handlers = options.control.clone();
    handlers.set("$CONTROL/echo", Some(Arc::new(Echo)));
    let broker = Broker::start(options).unwrap();
    let mut client = Client::connect(&broker, "client");
    let all: Vec<u8> = (0..50_u16)
        .flat_map(|number| publish_1("$CONTROL/echo", number + 1, number.to_string().as_bytes()))
        .chain(packet(0xC0, &[]))
        .collect();
    client.send(&all);
    for number in 0..50_u16 {
        client.expect(&puback(number + 1));
        client.expect(&publish("echo", number.to_string().as_bytes()));
    }
    client.expect(common::PINGRESP);
    handlers.set("$CONTROL/echo", None);
    client.send(&publish("$CONTROL/echo", b""));
    client.expect(&publish("$CONTROL/echo/response", br#"{"error": "endpoint not available"}"#));
}
