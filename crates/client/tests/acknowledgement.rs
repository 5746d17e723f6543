//! Acknowledging by hand.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::num::NonZeroU16;

use common::{Proxy, address, broker, connect, connected, disconnected, next, next_text, options, within};
use martlet_client::{Client, QoS};

#[tokio::test]
async fn what_is_not_acknowledged_holds_up_the_server() {
    let broker = broker();
    let two = NonZeroU16::new(2).unwrap();
    let options = options(address(&broker)).manual_acknowledgement(true).receive_maximum(two);
    let client = within(Client::connect(options)).await.unwrap();
    let mut stream = within(client.subscribe("t")).await.unwrap();
    let publisher = connect(&broker).await;
    for number in 0..4 {
        within(publisher.publish("t", number.to_string()).qos(QoS::AtLeastOnce)).await.unwrap();
    }
    let mut first = next(&mut stream).await;
    let mut second = next(&mut stream).await;
    // An answer of the server, behind which nothing came.
    within(client.publish("other", "").qos(QoS::AtLeastOnce)).await.unwrap();
    assert!(stream.try_recv().is_none());
    second.acknowledge();
    within(client.publish("other", "").qos(QoS::AtLeastOnce)).await.unwrap();
    assert!(stream.try_recv().is_none(), "acknowledgements keep the order of the messages");
    first.acknowledge();
    for text in ["2", "3"] {
        let mut message = next(&mut stream).await;
        assert_eq!(message.text(), Some(text));
        message.acknowledge();
    }
}

#[tokio::test]
async fn what_was_let_go_of_comes_again_and_what_is_held_does_not() {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let broker = broker();
        let proxy = Proxy::before(address(&broker)).await;
        let options = options(proxy.address).manual_acknowledgement(true);
        let client = within(Client::connect(options)).await.unwrap();
        let mut stream = within(client.subscribe("t")).await.unwrap();
        let publisher = connect(&broker).await;
        for text in ["held", "dropped", "acknowledged"] {
            within(publisher.publish("t", text).qos(qos)).await.unwrap();
        }
        let mut held = next(&mut stream).await;
        drop(next(&mut stream).await);
        next(&mut stream).await.acknowledge();
        proxy.cut();
        disconnected(&client).await;
        connected(&client).await;
        let mut again = next(&mut stream).await;
        assert_eq!((again.text(), again.dup()), (Some("dropped"), true));
        again.acknowledge();
        held.acknowledge();
        within(publisher.publish("t", "end").qos(qos)).await.unwrap();
        assert_eq!(next_text(&mut stream).await, "end");
    }
}

#[tokio::test]
async fn a_message_that_the_process_never_took_comes_to_the_next_one() {
    let broker = broker();
    let kept = || options(address(&broker)).client_identifier("kept").clean_start(false);
    let client = within(Client::connect(kept())).await.unwrap();
    let mut stream = within(client.subscribe("t")).await.unwrap();
    let publisher = connect(&broker).await;
    for text in ["taken", "waiting"] {
        within(publisher.publish("t", text).qos(QoS::AtLeastOnce)).await.unwrap();
    }
    assert_eq!(next_text(&mut stream).await, "taken");
    common::wait_until("the second one is there", || stream.waiting_messages() == 1).await;
    within(client.publish("other", "").qos(QoS::AtLeastOnce)).await.unwrap();
    // A new process takes the Session over.
    let (_client, mut rest) = within(Client::resume(kept())).await.unwrap();
    assert_eq!(next_text(&mut rest).await, "waiting");
}
