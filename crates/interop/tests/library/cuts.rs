//! A client whose connection is cut again and again.

use interop::Mosquitto;
use martlet_client::store::DirectoryStore;
use martlet_client::{Client, ProtocolVersion, QoS, Subscription};

use crate::chance::{Chance, messages};
use crate::client::{connect_to, options, play, within};
use crate::proxy::Proxy;

const CUTS: usize = 50;
/// What a message takes on the wire, both ways: PUBLISH and its acknowledgements, and what is sent again.
const MESSAGE_BYTES: usize = 28;

async fn publish_all(client: &Client, topic: &str, qos: QoS, messages: usize) {
    let mut completions = Vec::new();
    for number in 0..messages {
        completions.push(client.publish(topic, number.to_string()).qos(qos).enqueue().await.unwrap());
    }
    for (number, completion) in completions.into_iter().enumerate() {
        let published = completion.await;
        assert!(published.is_ok(), "message {number}: {published:?}");
    }
}

/// How often each number came, until the last one did.
async fn counts(stream: &mut Subscription, messages: usize) -> Vec<u32> {
    let mut counts = vec![0; messages];
    while counts.contains(&0) {
        // A whole look for a gap only now and then.
        for _ in 0..counts.iter().filter(|count| **count == 0).count() {
            let number: usize = stream.recv().await.unwrap().text().unwrap().parse().unwrap();
            counts[number] += 1;
        }
    }
    counts
}

async fn through_cuts(version: ProtocolVersion, messages: usize, has_store: bool) {
    let broker = Mosquitto::with("persistence false\nmax_queued_messages 1000000");
    let bytes = 2 * messages * MESSAGE_BYTES / CUTS;
    let proxy = Proxy::cutting(broker.port(), CUTS, bytes * 2 / 3, Chance::new()).await;
    let watcher = connect_to(&broker, version).await;
    let mut once = within(watcher.subscribe("exactly-once")).await.unwrap();
    let mut more = within(watcher.subscribe("at-least-once")).await.unwrap();
    let kept = options(proxy.port, version).client_identifier("publisher").clean_start(false);
    let store = DirectoryStore::new(broker.place().folder.join("store")).sync(false);
    let kept = if has_store { kept.session_store(store) } else { kept };
    let client = within(Client::connect(kept)).await.unwrap();
    let publishing = async {
        tokio::join!(
            publish_all(&client, "exactly-once", QoS::ExactlyOnce, messages),
            publish_all(&client, "at-least-once", QoS::AtLeastOnce, messages),
        )
    };
    let counting = async { tokio::join!(counts(&mut once, messages), counts(&mut more, messages)) };
    let (_, (once_counts, more_counts)) = within(async { tokio::join!(publishing, counting) }).await;
    assert_eq!(proxy.cuts_left(), 0, "the connection was cut as often as it should be");
    let twice = once_counts.iter().filter(|count| **count > 1).count();
    assert_eq!(twice, 0, "messages of QoS 2 that came more than once");
    assert!(more_counts.iter().all(|count| *count > 0));
    // Nothing comes behind the last one.
    within(client.publish("exactly-once", "end").qos(QoS::ExactlyOnce)).await.unwrap();
    assert_eq!(within(once.recv()).await.unwrap().text(), Some("end"));
}

#[test]
fn nothing_is_lost_in_50_cuts_and_nothing_of_qos_2_comes_twice() {
    play(|| through_cuts(ProtocolVersion::Mqtt5, messages(10_000), false));
}

#[test]
fn nothing_is_lost_in_50_cuts_with_a_session_store() {
    play(|| through_cuts(ProtocolVersion::Mqtt5, messages(10_000), true));
}

#[test]
fn nothing_is_lost_in_50_cuts_of_mqtt_311() {
    play(|| through_cuts(ProtocolVersion::Mqtt311, messages(5_000), false));
}
