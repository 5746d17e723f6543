//! Connections end, the client goes on.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;
use std::sync::Arc;

use common::{Proxy, address, broker, connect, connected, disconnected, next, next_text, options, within};
use martlet_client::{
    Client, Closed, DisconnectError, Lost, ProtocolVersion, PublishError, QoS, ReasonCode, Reconnect, State,
};

/// Publishes numbers from one client to another, and cuts both connections again and again. Tells the numbers received.
async fn through_cuts(qos: QoS, cuts: usize) -> Vec<u32> {
    const MESSAGES_PER_CUT: u32 = 50;
    let broker = broker();
    let (up, down) = (Proxy::before(address(&broker)).await, Proxy::before(address(&broker)).await);
    let sender = within(Client::connect(options(up.address))).await.unwrap();
    let receiver = within(Client::connect(options(down.address))).await.unwrap();
    let mut stream = within(receiver.subscribe("numbers").qos(qos)).await.unwrap();
    let last = u32::try_from(cuts).unwrap() * MESSAGES_PER_CUT;
    let sending = async {
        let mut completions = Vec::new();
        for number in 1..=last {
            let publish = sender.publish("numbers", number.to_string()).qos(qos);
            completions.push(publish.enqueue().await.unwrap());
            if number % MESSAGES_PER_CUT == 0 {
                // In the midst of what is on its way, of which one side or the other has seen a part.
                let proxy = if number % 3 > 0 { &up } else { &down };
                let before = proxy.accepted();
                proxy.cut();
                common::wait_until("the client is back", || proxy.accepted() > before).await;
            }
        }
        for completion in completions {
            completion.await.unwrap();
        }
    };
    let receiving = async {
        let mut numbers: Vec<u32> = Vec::new();
        while numbers.last() != Some(&last) {
            let message = stream.recv().await.unwrap();
            numbers.push(message.text().unwrap().parse().unwrap());
            if numbers.len().is_multiple_of(70) {
                down.cut();
            }
        }
        numbers
    };
    let ((), numbers) = within(async { tokio::join!(sending, receiving) }).await;
    assert!(up.accepted() + down.accepted() >= cuts + 2, "each cut was noticed");
    numbers
}

#[tokio::test]
async fn qos_2_comes_exactly_once_and_in_order_through_20_cuts() {
    let numbers = through_cuts(QoS::ExactlyOnce, 20).await;
    assert_eq!(numbers, (1..=1000).collect::<Vec<_>>());
}

#[tokio::test]
async fn qos_1_comes_at_least_once_and_in_order_through_20_cuts() {
    let numbers = through_cuts(QoS::AtLeastOnce, 20).await;
    let mut firsts = Vec::new();
    for number in numbers {
        if firsts.last().is_none_or(|last| number > *last) {
            firsts.push(number);
        }
    }
    assert_eq!(firsts, (1..=1000).collect::<Vec<_>>());
}

#[tokio::test]
async fn publishes_wait_for_the_next_connection() {
    let broker = broker();
    let proxy = Proxy::before(address(&broker)).await;
    let watcher = connect(&broker).await;
    let mut stream = within(watcher.subscribe("t")).await.unwrap();
    let client = within(Client::connect(options(proxy.address))).await.unwrap();
    proxy.shut(true);
    proxy.cut();
    disconnected(&client).await;
    let mut completions = Vec::new();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        completions.push(client.publish("t", "x").qos(qos).enqueue().await.unwrap());
    }
    assert!(client.connection().is_none());
    proxy.shut(false);
    for completion in completions {
        within(completion).await.unwrap();
        next(&mut stream).await;
    }
}

#[tokio::test]
async fn a_client_may_start_before_its_server() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let proxy = Proxy::before(nobody).await;
    let client = within(Client::start(options(proxy.address))).await.unwrap();
    let mut completions = Vec::new();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let publish = client.publish("t", "x").qos(qos).retain(true);
        completions.push(within(publish.enqueue()).await.unwrap());
    }
    let is_third = |state: &State| matches!(state, State::Reconnecting { attempts: 3.., .. });
    within(client.state().wait_for(is_third)).await;
    let broker = broker();
    proxy.lead_to(address(&broker));
    for completion in completions {
        within(completion).await.unwrap();
    }
    let mut stream = within(client.subscribe("t")).await.unwrap();
    assert_eq!(next_text(&mut stream).await, "x");
}

#[tokio::test]
async fn a_client_that_cannot_start_says_so() {
    let broker = broker();
    let client =
        Client::start(options(address(&broker)).will(martlet_client::Will::new("#", ""))).await.unwrap();
    let state = within(client.state().wait_for(|_| false)).await;
    let State::Closed(Closed::Lost(lost)) = state else { panic!("{state:?}") };
    assert!(matches!(&*lost, Lost::Connect(martlet_client::ConnectError::WillTopic(_))), "{lost}");
}

#[tokio::test]
async fn subscriptions_live_on_in_the_session() {
    let broker = broker();
    let proxy = Proxy::before(address(&broker)).await;
    let watcher = connect(&broker).await;
    let client = within(Client::connect(options(proxy.address))).await.unwrap();
    let mut stream = within(client.subscribe("t")).await.unwrap();
    proxy.shut(true);
    proxy.cut();
    disconnected(&client).await;
    within(watcher.publish("t", "meanwhile").qos(QoS::AtLeastOnce)).await.unwrap();
    proxy.shut(false);
    assert_eq!(next_text(&mut stream).await, "meanwhile");
    assert!(client.connection().unwrap().session_present);
}

#[tokio::test]
async fn lost_subscriptions_are_made_again() {
    for version in [ProtocolVersion::Mqtt311, ProtocolVersion::Mqtt5] {
        let (first, second) = (broker(), broker());
        let proxy = Proxy::before(address(&first)).await;
        let client = within(Client::connect(options(proxy.address).version(version))).await.unwrap();
        let mut one = within(client.subscribe("one")).await.unwrap();
        let mut two = within(client.subscribe("two/+")).await.unwrap();
        let gone = within(client.subscribe("gone")).await.unwrap();
        drop(gone);
        proxy.lead_to(address(&second));
        drop(first);
        disconnected(&client).await;
        connected(&client).await;
        // Retained, so that it does not matter who is first.
        let other = connect(&second).await;
        for topic in ["one", "two/x", "gone"] {
            within(other.publish(topic, topic).retain(true).qos(QoS::AtLeastOnce)).await.unwrap();
        }
        assert_eq!(next_text(&mut one).await, "one");
        assert_eq!(next_text(&mut two).await, "two/x");
        assert!(!client.connection().unwrap().session_present);
    }
}

#[tokio::test]
async fn a_request_whose_answer_was_lost_is_repeated() {
    let broker = broker();
    let proxy = Proxy::before(address(&broker)).await;
    let client = within(Client::connect(options(proxy.address))).await.unwrap();
    for round in 0..20 {
        let cutting = async {
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            proxy.cut();
        };
        let topic = format!("t/{round}");
        let (stream, ()) =
            within(async { tokio::join!(client.subscribe(&topic).into_future(), cutting) }).await;
        let mut stream = stream.unwrap();
        let publish = client.publish(&topic, "x").qos(QoS::AtLeastOnce);
        within(publish).await.unwrap();
        assert_eq!(next_text(&mut stream).await, "x");
        within(stream.unsubscribe()).await.unwrap();
    }
}

#[tokio::test]
async fn the_state_tells_what_happens() {
    let broker = broker();
    let proxy = Proxy::before(address(&broker)).await;
    let client = within(Client::connect(options(proxy.address))).await.unwrap();
    let state = client.state().current();
    assert!(matches!(state, State::Connected(connection) if !connection.session_present));
    proxy.shut(true);
    proxy.cut();
    let is_third = |state: &State| matches!(state, State::Reconnecting { attempts, .. } if *attempts >= 3);
    within(client.state().wait_for(is_third)).await;
    proxy.shut(false);
    connected(&client).await;
    within(client.disconnect()).await.unwrap();
    let state = within(client.state().wait_for(|_| false)).await;
    assert!(matches!(state, State::Closed(Closed::ByApplication)), "{state:?}");
}

#[tokio::test]
async fn attempts_may_be_few() {
    let broker = broker();
    let proxy = Proxy::before(address(&broker)).await;
    for attempts in [0, 3] {
        let few = Reconnect::default().delay_min(Duration::from_millis(1)).attempts_max(attempts);
        let client = within(Client::connect(options(proxy.address).reconnect(few))).await.unwrap();
        let mut stream = within(client.subscribe("t")).await.unwrap();
        let before = proxy.accepted();
        proxy.shut(true);
        proxy.cut();
        assert!(within(stream.recv()).await.is_none());
        let state = within(client.state().wait_for(|_| false)).await;
        assert!(matches!(state, State::Closed(Closed::Lost(_))), "{state:?}");
        assert_eq!(proxy.accepted() - before, attempts as usize);
        assert_eq!(within(client.publish("t", "")).await, Err(PublishError::Closed));
        proxy.shut(false);
    }
}

#[tokio::test]
async fn a_client_that_was_taken_over_does_not_fight() {
    let broker = broker();
    let named = || options(address(&broker)).client_identifier("one");
    let first = within(Client::connect(named())).await.unwrap();
    let second = within(Client::connect(named())).await.unwrap();
    let state = within(first.state().wait_for(|_| false)).await;
    let State::Closed(Closed::Lost(lost)) = state else { panic!("{state:?}") };
    assert!(matches!(&*lost, Lost::Disconnected(reason) if reason.code == ReasonCode::SessionTakenOver));
    within(second.publish("t", "").qos(QoS::AtLeastOnce)).await.unwrap();
}

#[tokio::test]
async fn disconnecting_without_a_connection_is_told() {
    let broker = broker();
    let proxy = Proxy::before(address(&broker)).await;
    let client = within(Client::connect(options(proxy.address))).await.unwrap();
    proxy.shut(true);
    proxy.cut();
    disconnected(&client).await;
    let completion = client.publish("t", "").qos(QoS::AtLeastOnce).enqueue().await.unwrap();
    assert_eq!(within(client.disconnect()).await, Err(DisconnectError::NotConnected));
    assert_eq!(within(completion).await, Err(PublishError::Closed));
}

#[tokio::test]
async fn the_name_that_the_server_chose_is_kept() {
    let broker = broker();
    let proxy = Proxy::before(address(&broker)).await;
    let client = within(Client::connect(options(proxy.address).client_identifier(""))).await.unwrap();
    let before = client.connection().unwrap();
    assert!(!before.client_identifier.is_empty());
    proxy.cut();
    disconnected(&client).await;
    connected(&client).await;
    let after = client.connection().unwrap();
    assert_eq!(after.client_identifier, before.client_identifier);
    assert!(after.session_present && !Arc::ptr_eq(&before, &after));
}

#[tokio::test]
async fn a_session_of_an_earlier_process_is_resumed() {
    let broker = broker();
    let kept = || options(address(&broker)).client_identifier("kept").clean_start(false);
    let (client, rest) = within(Client::resume(kept())).await.unwrap();
    let stream = within(client.subscribe("t")).await.unwrap();
    // Ends without a word to the server, as a process that crashes.
    let crash = Client::connect(kept()).await.unwrap();
    within(client.state().wait_for(|_| false)).await;
    within(crash.disconnect()).await.unwrap();
    drop((stream, rest));
    let other = connect(&broker).await;
    within(other.publish("t", "kept for you").qos(QoS::ExactlyOnce)).await.unwrap();
    let (client, mut rest) = within(Client::resume(kept())).await.unwrap();
    assert!(client.connection().unwrap().session_present);
    assert_eq!(next_text(&mut rest).await, "kept for you");
    within(client.unsubscribe("t")).await.unwrap();
}
