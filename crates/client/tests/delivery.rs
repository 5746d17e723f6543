//! Publishing and subscribing with a real broker.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;

use common::{address, broker, connect, next, next_text, options, within};
use martlet_client::{
    Client, Property, ProtocolVersion, PublishError, QoS, ReasonCode, RetainHandling, SubscriptionEnd, Will,
};

const VERSIONS: [ProtocolVersion; 3] =
    [ProtocolVersion::Mqtt31, ProtocolVersion::Mqtt311, ProtocolVersion::Mqtt5];
const QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

#[tokio::test]
async fn every_qos_in_every_version() {
    let broker = broker();
    for version in VERSIONS {
        let client = Client::connect(options(address(&broker)).version(version)).await.unwrap();
        for qos in QOS {
            let topic = format!("{}/{}", version.level(), qos as u8);
            let mut stream = within(client.subscribe(&topic).qos(qos)).await.unwrap();
            assert_eq!(stream.granted_qos(), qos);
            let published = within(client.publish(&topic, "text").qos(qos)).await.unwrap();
            assert_eq!(published.code, ReasonCode::Success);
            let message = next(&mut stream).await;
            assert_eq!((message.topic(), message.payload()), (topic.as_str(), &b"text"[..]));
            assert_eq!((message.qos(), message.retain(), message.dup()), (qos, false, false));
            within(stream.unsubscribe()).await.unwrap();
        }
        within(client.disconnect()).await.unwrap();
    }
}

#[tokio::test]
async fn many_messages_keep_their_order() {
    let broker = broker();
    let sender = connect(&broker).await;
    let receiver = connect(&broker).await;
    for qos in QOS {
        // A broker may drop messages of QoS 0 that come too fast.
        let messages = if qos == QoS::AtMostOnce { 200 } else { 2000 };
        let mut stream = receiver.subscribe("many").await.unwrap();
        let sending = async {
            let mut completions = Vec::new();
            for number in 0..messages {
                completions
                    .push(sender.publish("many", number.to_string()).qos(qos).enqueue().await.unwrap());
            }
            for completion in completions {
                completion.await.unwrap();
            }
        };
        let receiving = async {
            for number in 0..messages {
                assert_eq!(next_text(&mut stream).await, number.to_string());
            }
        };
        within(async { tokio::join!(sending, receiving) }).await;
        within(stream.unsubscribe()).await.unwrap();
    }
}

#[tokio::test]
async fn each_subscription_gets_its_own_messages() {
    let broker = broker();
    for version in VERSIONS {
        let client = Client::connect(options(address(&broker)).version(version)).await.unwrap();
        let mut one = within(client.subscribe("one/+")).await.unwrap();
        let mut two = within(client.subscribe("two/#")).await.unwrap();
        within(client.publish("two/x", "2").qos(QoS::AtLeastOnce)).await.unwrap();
        within(client.publish("one/x", "1").qos(QoS::AtLeastOnce)).await.unwrap();
        assert_eq!(next_text(&mut one).await, "1");
        assert_eq!(next_text(&mut two).await, "2");
        assert!(one.try_recv().is_none() && two.try_recv().is_none());
    }
}

#[tokio::test]
async fn overlapping_subscriptions_get_a_message_once_each() {
    let broker = broker();
    let client = connect(&broker).await;
    let mut all = within(client.subscribe("a/#")).await.unwrap();
    let mut level = within(client.subscribe("a/+")).await.unwrap();
    let mut same = within(client.subscribe("a/+")).await.unwrap();
    for payload in ["1", "2"] {
        within(client.publish("a/b", payload).qos(QoS::ExactlyOnce)).await.unwrap();
    }
    for stream in [&mut all, &mut level, &mut same] {
        assert_eq!(next_text(stream).await, "1");
        assert_eq!(next_text(stream).await, "2");
    }
    drop(level);
    within(client.publish("a/b", "3")).await.unwrap();
    assert_eq!(next_text(&mut same).await, "3");
    assert_eq!(next_text(&mut all).await, "3");
    assert!(all.try_recv().is_none());
}

#[tokio::test]
async fn a_dropped_subscription_is_unsubscribed() {
    let broker = broker();
    let client = connect(&broker).await;
    let stream = within(client.subscribe("t")).await.unwrap();
    drop(stream);
    let code = |published: martlet_client::Published| published.code;
    // PUBACK says so once the UNSUBSCRIBE came through.
    let gone = async {
        while within(client.publish("t", "").qos(QoS::AtLeastOnce)).await.map(code)
            != Ok(ReasonCode::NoMatchingSubscribers)
        {}
    };
    within(gone).await;
    let stream = within(client.subscribe("t")).await.unwrap();
    within(client.unsubscribe("t")).await.unwrap();
    assert_eq!(stream.ended(), Some(SubscriptionEnd::Unsubscribed));
}

#[tokio::test]
async fn the_reason_code_of_puback_comes_back() {
    let broker = broker();
    let client = connect(&broker).await;
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let published = within(client.publish("nobody", "x").qos(qos)).await.unwrap();
        assert!(matches!(published.code, ReasonCode::Success | ReasonCode::NoMatchingSubscribers));
    }
}

#[tokio::test]
async fn properties_and_options_go_through() {
    let broker = broker();
    let client = connect(&broker).await;
    let publish = client
        .publish("t", "x")
        .retain(true)
        .property(&Property::ContentType("text/plain"))
        .property(&Property::UserProperty("unit", "K"))
        .property(&Property::UserProperty("unit", "C"))
        .property(&Property::MessageExpiryInterval(60));
    within(publish.qos(QoS::AtLeastOnce)).await.unwrap();
    let other = connect(&broker).await;
    let mut own = within(other.subscribe("t").no_local(true)).await.unwrap();
    let message = next(&mut own).await;
    assert!(message.retain());
    assert_eq!(message.properties().content_type(), Some("text/plain"));
    assert_eq!(message.user_properties().collect::<Vec<_>>(), [("unit", "K"), ("unit", "C")]);
    let quiet = client.subscribe("t").retain_handling(RetainHandling::DoNotSend).retain_as_published(true);
    let mut quiet = within(quiet).await.unwrap();
    within(other.publish("t", "other").retain(true).qos(QoS::AtLeastOnce)).await.unwrap();
    let message = next(&mut quiet).await;
    assert_eq!((message.text(), message.retain()), (Some("other"), true));
    within(client.publish("t", "end").qos(QoS::AtLeastOnce)).await.unwrap();
    assert_eq!(next_text(&mut own).await, "end", "No Local");
}

#[tokio::test]
async fn a_will_is_published_when_the_client_wants_it() {
    let broker = broker();
    let watcher = connect(&broker).await;
    let mut wills = within(watcher.subscribe("will")).await.unwrap();
    let will = Will::new("will", "gone").qos(QoS::AtLeastOnce).property(&Property::UserProperty("a", "b"));
    for wanted in [false, true] {
        let client = Client::connect(options(address(&broker)).will(will.clone())).await.unwrap();
        let reason =
            if wanted { ReasonCode::DisconnectWithWillMessage } else { ReasonCode::NORMAL_DISCONNECTION };
        within(client.disconnect_with(reason)).await.unwrap();
    }
    let message = next(&mut wills).await;
    assert_eq!(message.text(), Some("gone"));
    assert_eq!(message.user_properties().collect::<Vec<_>>(), [("a", "b")]);
    within(watcher.publish("will", "end").qos(QoS::AtLeastOnce)).await.unwrap();
    assert_eq!(next_text(&mut wills).await, "end", "one Will, not two");
}

#[tokio::test]
async fn disconnect_waits_for_what_was_published() {
    let broker = broker();
    let watcher = connect(&broker).await;
    let mut stream = within(watcher.subscribe("t")).await.unwrap();
    let client = connect(&broker).await;
    let mut completions = Vec::new();
    for number in 0..200 {
        let qos = QOS[number % 3];
        let publish = client.publish("t", number.to_string()).qos(qos);
        completions.push(publish.enqueue().await.unwrap());
    }
    within(client.disconnect()).await.unwrap();
    for completion in completions {
        within(completion).await.unwrap();
    }
    assert_eq!(within(client.publish("t", "late")).await, Err(PublishError::Closed));
    // Between messages of different QoS there is no order.
    let mut received: [Vec<usize>; 3] = Default::default();
    for _ in 0..200 {
        let number: usize = next_text(&mut stream).await.parse().unwrap();
        received[number % 3].push(number);
    }
    assert!(received.iter().all(|numbers| numbers.is_sorted()));
    assert!(received.concat().len() == 200);
}

#[tokio::test]
async fn the_last_handle_disconnects_in_good_order() {
    let broker = broker();
    let watcher = connect(&broker).await;
    let mut wills = within(watcher.subscribe("#")).await.unwrap();
    let options = options(address(&broker)).will(Will::new("will", "not in good order"));
    let client = Client::connect(options).await.unwrap();
    let clone = client.clone();
    drop(client);
    let completion = clone.publish("t", "last").qos(QoS::ExactlyOnce).enqueue().await.unwrap();
    let mut state = clone.state();
    drop(clone);
    within(completion).await.unwrap();
    within(state.wait_for(|_| false)).await;
    assert_eq!(next_text(&mut wills).await, "last");
    common::wait_until("one connection is left", || broker.connections() == 1).await;
    within(watcher.publish("end", "end").qos(QoS::AtLeastOnce)).await.unwrap();
    assert_eq!(next_text(&mut wills).await, "end", "no Will");
}

#[tokio::test]
async fn a_subscription_keeps_the_client() {
    let broker = broker();
    let mut stream = within(connect(&broker).await.subscribe("t")).await.unwrap();
    let other = connect(&broker).await;
    within(other.publish("t", "x").qos(QoS::AtLeastOnce)).await.unwrap();
    assert_eq!(next_text(&mut stream).await, "x");
    drop(stream);
    common::wait_until("one connection is left", || broker.connections() == 1).await;
}

#[tokio::test]
async fn an_idle_client_keeps_its_connection() {
    let broker = broker();
    let quick = options(address(&broker)).keep_alive(Duration::from_secs(1));
    let client = Client::connect(quick).await.unwrap();
    let mut state = client.state();
    let change = tokio::time::timeout(Duration::from_secs(4), async {
        state.changed().await;
        state.changed().await
    });
    let change = change.await;
    assert!(change.is_err(), "{change:?}");
}

#[tokio::test]
async fn a_large_message_goes_through() {
    let broker = broker();
    let client = connect(&broker).await;
    let payload: Vec<u8> = (0_u32..1 << 18).flat_map(u32::to_be_bytes).collect();
    let mut stream = within(client.subscribe("large")).await.unwrap();
    for qos in QOS {
        within(client.publish("large", payload.clone()).qos(qos)).await.unwrap();
        assert!(next(&mut stream).await.payload() == payload);
    }
}
