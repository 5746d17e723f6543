//! Nothing waits without a bound.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::num::NonZeroU16;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;

use common::{Proxy, address, broker, connect, next, next_text, options, within};
use martlet_client::{Client, Overflow, ProtocolVersion, PublishError, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PAYLOAD_BYTES: usize = 4000;

/// A client whose stream nobody reads, and how far reading went until it stopped: messages in the stream, and bytes that
/// came over the wire.
async fn flooded(version: ProtocolVersion, qos: QoS) -> (usize, usize) {
    const MESSAGES: usize = 4000;
    let broker = broker();
    let proxy = Proxy::before(address(&broker)).await;
    let options = options(proxy.address).version(version).subscription_messages_max(20);
    let options = options.keep_alive(Duration::from_secs(1)).receive_maximum(NonZeroU16::new(10).unwrap());
    let client = within(Client::connect(options)).await.unwrap();
    let mut stream = within(client.subscribe("flood").qos(qos)).await.unwrap();
    let publisher = connect(&broker).await;
    for number in 0..MESSAGES {
        let mut payload = number.to_string().into_bytes();
        payload.resize(PAYLOAD_BYTES, b' ');
        within(publisher.publish("flood", payload).qos(QoS::AtLeastOnce).enqueue()).await.unwrap();
    }
    within(publisher.publish("end", "").qos(QoS::AtLeastOnce)).await.unwrap();
    // The Keep Alive is over several times; the client lives, though it reads nothing.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let found = (stream.waiting_messages(), proxy.carried_bytes());
    assert!(client.connection().is_some());
    // Everything goes on where it stopped.
    let mut last = None;
    for _ in 0..found.0 + 50 {
        let message = next(&mut stream).await;
        let number: usize = message.text().unwrap().trim_end().parse().unwrap();
        assert!(last.is_none_or(|last| number > last), "{number} after {last:?}");
        last = Some(number);
    }
    assert_eq!(proxy.accepted(), 1, "there was no other connection");
    found
}

#[tokio::test]
async fn a_stream_that_nobody_reads_stops_the_reading_of_qos_0() {
    for version in [ProtocolVersion::Mqtt311, ProtocolVersion::Mqtt5] {
        let (messages, _) = flooded(version, QoS::AtMostOnce).await;
        // What one read brings may come on top.
        assert!((20..20 + 8).contains(&messages), "{messages}");
    }
}

#[tokio::test]
async fn receive_maximum_keeps_the_rest_at_the_server() {
    let (messages, bytes) = flooded(ProtocolVersion::Mqtt5, QoS::AtLeastOnce).await;
    assert_eq!(messages, 10);
    assert!(bytes < 12 * PAYLOAD_BYTES, "{bytes}");
}

#[tokio::test]
async fn messages_of_qos_1_that_nobody_takes_do_not_hold_up_anything() {
    let broker = broker();
    let client = connect(&broker).await;
    let mut busy = within(client.subscribe("busy").qos(QoS::AtLeastOnce)).await.unwrap();
    let publisher = connect(&broker).await;
    for number in 0..500 {
        within(publisher.publish("busy", number.to_string()).qos(QoS::AtLeastOnce)).await.unwrap();
    }
    // In the loop that reads the stream, as an application would.
    for number in 0..500 {
        assert_eq!(next_text(&mut busy).await, number.to_string());
        within(client.publish("other", "x").qos(QoS::ExactlyOnce)).await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_may_drop_what_it_has_no_room_for() {
    let broker = broker();
    let client = connect(&broker).await;
    let subscribe = client.subscribe("t").buffer_messages_max(5).overflow(Overflow::DropNewest);
    let mut stream = within(subscribe).await.unwrap();
    let mut other = within(client.subscribe("end")).await.unwrap();
    for number in 0..20 {
        within(client.publish("t", number.to_string())).await.unwrap();
    }
    within(client.publish("end", "")).await.unwrap();
    next(&mut other).await;
    assert_eq!((stream.waiting_messages(), stream.dropped_messages()), (5, 15));
    for number in 0..5 {
        assert_eq!(next_text(&mut stream).await, number.to_string());
    }
}

#[tokio::test]
async fn publishers_wait_for_room() {
    let broker = broker();
    let proxy = Proxy::before(address(&broker)).await;
    let options = options(proxy.address).unfinished_publishes_max(10);
    let client = within(Client::connect(options)).await.unwrap();
    proxy.shut(true);
    proxy.cut();
    common::disconnected(&client).await;
    let mut completions = Vec::new();
    let refused = loop {
        match client.publish("t", "x").qos(QoS::AtLeastOnce).try_enqueue() {
            Ok(completion) => completions.push(completion),
            // The task may not have come to it yet.
            Err(error) if completions.len() >= 20 => break error,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(refused, PublishError::QueueFull);
    assert_eq!(completions.len(), 20, "ten with the task, and ten on their way to it");
    proxy.shut(false);
    for completion in completions {
        within(completion).await.unwrap();
    }
}

#[tokio::test]
async fn a_large_batch_of_qos_0_does_not_pile_up() {
    let broker = broker();
    let client = connect(&broker).await;
    let counter = connect(&broker).await;
    let mut stream = within(counter.subscribe("t")).await.unwrap();
    let sending = async {
        for _ in 0..2000 {
            client.publish("t", vec![0; 10_000]).enqueue().await.unwrap();
        }
        client.publish("t", "end").qos(QoS::AtLeastOnce).await.unwrap();
    };
    let receiving = async { while stream.recv().await.unwrap().text() != Some("end") {} };
    within(async { tokio::join!(sending, receiving) }).await;
}

#[tokio::test]
async fn a_server_that_ignores_receive_maximum_is_read_as_long_as_there_is_room() {
    const MESSAGES: u16 = 20_000;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = options(listener.local_addr().unwrap()).manual_acknowledgement(true);
    let options = options.receive_maximum(NonZeroU16::new(10).unwrap()).subscription_messages_max(100);
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 1024];
        let _ = socket.read(&mut buffer).await; // CONNECT
        socket.write_all(b"\x20\x03\x00\x00\x00").await.unwrap();
        let _ = socket.read(&mut buffer).await; // SUBSCRIBE, whose identifier is the first
        socket.write_all(b"\x90\x04\x00\x01\x00\x01").await.unwrap();
        for id in 1..=MESSAGES {
            let mut packet = b"\x32\xF8\x07\x00\x01t".to_vec(); // PUBLISH of 1,019 bytes
            packet.extend(id.to_be_bytes());
            packet.push(0);
            packet.resize(3 + 1016, b'x');
            if socket.write_all(&packet).await.is_err() {
                break;
            }
            counter.fetch_add(1, Ordering::SeqCst);
        }
        while let Ok(1..) = socket.read(&mut buffer).await {}
    });
    let client = within(Client::connect(options)).await.unwrap();
    let mut stream = within(client.subscribe("t")).await.unwrap();
    let mut held = std::collections::VecDeque::new();
    for _ in 0..11 {
        held.push_back(next(&mut stream).await);
    }
    // What the sockets hold is sent, and what one read brought is here; the rest is not.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!((100..132).contains(&stream.waiting_messages()), "{}", stream.waiting_messages());
    assert!(sent.load(Ordering::SeqCst) < usize::from(MESSAGES));
    for _ in 11..MESSAGES {
        held.pop_front().unwrap().acknowledge();
        held.push_back(next(&mut stream).await);
    }
    assert!(client.connection().is_some());
}
