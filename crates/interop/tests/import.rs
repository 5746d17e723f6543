//! What Mosquitto has kept is imported, and our broker goes on with it as Mosquitto would have.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "import/client.rs"]
mod client;

use std::fs;
use std::path::Path;
use std::process::Command;

use client::{Client, Received, Terms};
use interop::{Broker, Mosquitto, Peer, martlet};
use martlet_wire::{Property, ProtocolVersion, QoS, RetainHandling, SubscriptionIdentifier, TopicName};

const V3: ProtocolVersion = ProtocolVersion::Mqtt311;
const V5: ProtocolVersion = ProtocolVersion::Mqtt5;

const TERMS: Terms = Terms {
    qos: QoS::ExactlyOnce,
    no_local: false,
    retain_as_published: false,
    retain_handling: RetainHandling::DoNotSend,
    identifier: None,
};

/// Makes Sessions with something of everything.
fn fill(port: u16) {
    let identifier = SubscriptionIdentifier::new(7);
    let mut alice = Client::connect(port, "alice", V5, 1_000);
    alice.subscribe("a/#", Terms { qos: QoS::AtLeastOnce, identifier, ..TERMS });
    alice.subscribe("own", Terms { no_local: true, ..TERMS });
    alice.subscribe("flag", Terms { retain_as_published: true, ..TERMS });
    alice.leave();
    let mut bob = Client::connect(port, "bob", V3, 0);
    bob.subscribe("a/+", TERMS);
    bob.subscribe("/slash/#", TERMS);
    bob.leave();
    // It takes three messages and acknowledges none, but for one PUBREC.
    let mut slow = Client::with_receive_maximum(port, "slow", 3);
    slow.subscribe("s/#", TERMS);
    let mut publisher = Client::connect(port, "publisher", V5, 1_000);
    for number in 0..6 {
        let qos = if number % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
        publisher.publish(&format!("s/{number}"), b"slow", qos, false, &[]);
    }
    slow.receive_and_answer_pubrec(3, "s/1");
    let properties = [
        Property::PayloadFormatIndicator(true),
        Property::MessageExpiryInterval(1_000),
        Property::ContentType("text/plain"),
        Property::ResponseTopic(TopicName::parse("answer").unwrap()),
        Property::CorrelationData(b"\x00\xff"),
        Property::UserProperty("k", "v"),
        Property::UserProperty("k", "w"),
    ];
    publisher.publish("a/1", b"one", QoS::AtLeastOnce, false, &properties);
    publisher.publish("a/2", b"\xff\x00", QoS::ExactlyOnce, true, &[]);
    publisher.publish("a/3/4", b"", QoS::AtLeastOnce, false, &[]);
    publisher.publish("a/0", b"not kept", QoS::AtMostOnce, false, &[]);
    publisher.publish("/slash/x", b"slash", QoS::ExactlyOnce, false, &[]);
    publisher.publish("flag", b"flag", QoS::AtLeastOnce, true, &[]);
    publisher.publish("r/empty/level//x", b"r", QoS::AtMostOnce, true, &[Property::UserProperty("a", "b")]);
    publisher.publish("r/deleted", b"r", QoS::AtLeastOnce, true, &[]);
    publisher.publish("r/deleted", b"", QoS::AtLeastOnce, true, &[]);
    publisher.publish_without_release("q/held", b"held", 77);
    // The Session of this one ends with its connection.
    let mut passing = Client::connect(port, "passing", V5, 0);
    passing.subscribe("a/#", TERMS);
    publisher.ping();
}

/// What all of these clients get when they come back.
fn come_back(port: u16) -> Vec<String> {
    let mut story = Vec::new();
    let mut witness = Client::connect(port, "witness", V5, 0);
    witness.subscribe("#", Terms { retain_handling: RetainHandling::SendAtSubscribe, ..TERMS });
    let mut retained = witness.drain();
    retained.sort();
    tell(&mut story, "retained", &witness, retained);
    let mut publisher = Client::connect(port, "publisher", V5, 1_000);
    publisher.release(77);
    publisher.publish("q/end", b"", QoS::AtLeastOnce, false, &[]);
    let held = publisher.drain();
    tell(&mut story, "publisher", &publisher, held);
    let released = witness.drain();
    tell(&mut story, "released", &witness, released);
    for (name, version) in [("alice", V5), ("bob", V3), ("slow", V5), ("passing", V5)] {
        let mut client = Client::connect(port, name, version, 1_000);
        let kept = client.drain();
        tell(&mut story, name, &client, kept);
        for topic in ["a/live", "own", "/slash/live", "s/live", "flag"] {
            client.publish(topic, b"live", QoS::ExactlyOnce, true, &[]);
        }
        let live = client.drain();
        tell(&mut story, "live", &client, live);
    }
    story
}

fn tell(story: &mut Vec<String>, what: &str, client: &Client, received: Vec<Received>) {
    story.push(format!("{what}, Session present: {}", client.session_present()));
    story.extend(received.into_iter().map(|received| format!("  {received}")));
}

fn martlet_db(arguments: &[&str]) -> String {
    let output = Command::new(martlet()).arg("db").args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Our broker on a store in a folder.
fn broker_on(folder: &Path) -> Broker {
    let configuration = folder.join("martlet.conf");
    fs::write(&configuration, format!("persistence_location {}\n", folder.display())).unwrap();
    Broker::configured(&configuration)
}

#[test]
fn clients_get_what_mosquitto_would_have_given() {
    if !Peer::MosquittoBroker.is_here() {
        return;
    }
    let mut mosquitto = Mosquitto::start(|place| {
        let (port, folder) = (place.ports[0], place.folder.display());
        format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
        )
    });
    fill(mosquitto.port());
    mosquitto.restart();
    let folder = mosquitto.place().folder.clone();
    let file = folder.join("mosquitto.db").display().to_string();
    let expected = come_back(mosquitto.port());
    for shards in ["1", "3"] {
        let place = folder.join(shards);
        let store = place.join("martlet").display().to_string();
        let report = martlet_db(&["import", &file, &store, "--shards", shards]);
        assert!(report.contains("Sessions 4, subscriptions 6, "), "{report}");
        let before = martlet_db(&["dump", &store]);
        let other = if shards == "1" { "2" } else { "1" };
        martlet_db(&["repartition", &store, "--shards", other]);
        assert_eq!(martlet_db(&["dump", &store]), before);
        let broker = broker_on(&place);
        let found = come_back(broker.port());
        assert_eq!(found, expected, "{shards} shards\n{}", found.join("\n"));
    }
}
