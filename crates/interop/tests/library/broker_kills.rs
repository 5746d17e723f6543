//! Our own broker, killed again and again while messages are on their way: what it acknowledged it still has.

use core::time::Duration;

use interop::KeptBroker;
use martlet_client::{Client, Options, ProtocolVersion, QoS, Subscription};
use tokio::sync::Notify;

use crate::chance::{Chance, messages};
use crate::client::{connect, options, runtime, within};

const KILLS: usize = 10;

/// A client whose Session survives, with a name.
fn kept(port: u16, version: ProtocolVersion, name: &str) -> Options {
    options(port, version).client_identifier(name).clean_start(false).session_expiry(Duration::from_hours(1))
}

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

/// Counts how often each message came until all did, and has the broker killed on the way.
async fn count(stream: &mut Subscription, counts: &mut [u32], mut on_the_way: impl FnMut(usize)) {
    let mut missing = counts.len();
    while missing > 0 {
        let number: usize = within(stream.recv()).await.unwrap().text().unwrap().parse().unwrap();
        missing -= usize::from(counts[number] == 0);
        counts[number] += 1;
        on_the_way(counts.len() - missing);
    }
}

async fn through_kills(version: ProtocolVersion, messages: usize, name: &str) {
    let mut broker = KeptBroker::start(name, "max_queued_messages 0\n");
    let watcher = connect(kept(broker.port(), version, "watcher")).await;
    let mut once = within(watcher.subscribe("exactly-once").qos(QoS::ExactlyOnce)).await.unwrap();
    let mut more = within(watcher.subscribe("at-least-once").qos(QoS::ExactlyOnce)).await.unwrap();
    let client = connect(kept(broker.port(), version, "publisher")).await;
    let (mut once_counts, mut more_counts) = (vec![0; messages], vec![0; messages]);
    let mut chance = Chance::new();
    let mut moments: Vec<usize> = (0..KILLS).map(|_| 1 + chance.below(messages - 1)).collect();
    moments.sort_unstable();
    moments.dedup();
    let mut left = moments.into_iter().peekable();
    let kill = |done: usize| {
        if left.next_if(|moment| *moment <= done).is_some() {
            broker.kill_and_restart();
        }
    };
    let publishing = async {
        tokio::join!(
            publish_all(&client, "exactly-once", QoS::ExactlyOnce, messages),
            publish_all(&client, "at-least-once", QoS::AtLeastOnce, messages),
        )
    };
    let more_came = Notify::new();
    // It goes on taking messages to the very end: those that come again after a kill would stand before all others.
    let taking_more = async {
        count(&mut more, &mut more_counts, |_| {}).await;
        more_came.notify_one();
        while more.recv().await.is_some() {}
    };
    let all_the_rest = async {
        tokio::join!(publishing, count(&mut once, &mut once_counts, kill));
        more_came.notified().await;
        // Nothing comes behind the last one.
        within(client.publish("exactly-once", "end").qos(QoS::ExactlyOnce)).await.unwrap();
        assert_eq!(within(once.recv()).await.unwrap().text(), Some("end"));
    };
    tokio::select! {
        () = all_the_rest => {}
        () = taking_more => panic!("the subscription lasts"),
    }
    let twice = once_counts.iter().filter(|count| **count > 1).count();
    assert_eq!(twice, 0, "messages of QoS 2 that came more than once");
}

#[test]
fn what_a_killed_broker_acknowledged_arrives_and_once_at_qos_2() {
    runtime().block_on(through_kills(ProtocolVersion::Mqtt5, messages(5_000), "kills-5"));
}

#[test]
fn what_a_killed_broker_acknowledged_arrives_in_mqtt_311_too() {
    runtime().block_on(through_kills(ProtocolVersion::Mqtt311, messages(5_000), "kills-311"));
}
