//! What goes wrong is told by type.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;
use std::sync::Arc;

use common::{address, broker, broker_options, connect, options, within};
use martlet_client::{
    AuthenticateError, Client, ConnectError, DisconnectError, InvalidProperties, Property, ProtocolVersion,
    PublishError, QoS, ReasonCode, SubscribeError, TopicError, TopicFilter, TopicName, UnsubscribeError,
    Will,
};
use martlet_engine::{Access, Decision, Newcomer};
use martlet_server::Broker;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

async fn connect_error(options: martlet_client::Options) -> ConnectError {
    within(Client::connect(options)).await.unwrap_err()
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = connect_error(options(address)).await;
    assert!(
        matches!(&error, ConnectError::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused)
    );
}

#[tokio::test]
async fn nobody_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let timeout = Duration::from_millis(50);
    let error = connect_error(options(listener.local_addr().unwrap()).connect_timeout(timeout)).await;
    assert!(matches!(error, ConnectError::Timeout { after } if after == timeout), "{error:?}");
}

/// Answers each connection with these bytes.
async fn answering(bytes: &'static [u8]) -> core::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut connect = [0; 256];
            let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut connect).await;
            let _ = socket.write_all(bytes).await;
            let _ = socket.shutdown().await;
        }
    });
    address
}

#[tokio::test]
async fn the_server_hangs_up() {
    assert!(matches!(connect_error(options(answering(&[]).await)).await, ConnectError::Closed));
}

#[tokio::test]
async fn the_server_speaks_something_else() {
    let error = connect_error(options(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n").await)).await;
    assert!(matches!(error, ConnectError::Misbehaved(_)), "{error:?}");
}

#[tokio::test]
async fn the_server_refuses() {
    // CONNACK with Server moved, a Server Reference and a Reason String.
    let connack = b"\x20\x0E\x00\x9D\x0B\x1C\x00\x03b:1\x1F\x00\x02no";
    let error = connect_error(options(answering(connack).await)).await;
    let ConnectError::Refused(reason) = error else { panic!("{error:?}") };
    assert_eq!(reason.code, ReasonCode::ServerMoved);
    assert_eq!((reason.server_reference.as_deref(), reason.text.as_deref()), (Some("b:1"), Some("no")));
    // The return code 5 of MQTT 3.1.1.
    let old = options(answering(b"\x20\x02\x00\x05").await).version(ProtocolVersion::Mqtt311);
    let error = connect_error(old).await;
    assert!(matches!(&error, ConnectError::Refused(reason) if reason.code == ReasonCode::NotAuthorized));
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_before() {
    let broker = broker();
    let good = || options(address(&broker));
    let error = connect_error(good().will(Will::new("a/#", ""))).await;
    assert!(matches!(error, ConnectError::WillTopic(TopicError::WildcardInName)), "{error:?}");
    let error = connect_error(good().will(Will::new("a", "").property(&Property::TopicAlias(1)))).await;
    assert!(matches!(error, ConnectError::WillProperties(_)), "{error:?}");
    let error = connect_error(good().property(&Property::ContentType("a"))).await;
    assert!(matches!(error, ConnectError::Properties(InvalidProperties::Section(_))), "{error:?}");
    let long = "x".repeat(70_000);
    for (options, wrong) in [
        (good().client_identifier(&long), "client_identifier"),
        (good().user_name(&long), "user_name"),
        (good().credentials("name", &*long), "credentials"),
        (good().will(Will::new("a", &*long)), "will"),
    ] {
        let error = connect_error(options).await;
        assert!(matches!(error, ConnectError::TooLong { option } if option == wrong), "{error:?}");
    }
}

#[tokio::test]
async fn publishes_that_cannot_be() {
    let broker = broker();
    let client = connect(&broker).await;
    let error = within(client.publish("a/+", "")).await.unwrap_err();
    assert_eq!(error, PublishError::TopicName(TopicError::WildcardInName));
    let error = within(client.publish("a", "").property(&Property::TopicAlias(1))).await.unwrap_err();
    assert_eq!(error, PublishError::Properties(InvalidProperties::Reserved));
}

#[tokio::test]
async fn publishes_that_the_server_does_not_take() {
    let mut options = broker_options();
    options.engine.limits.packet_size_bytes_max = 1000;
    let broker = Broker::start(options).unwrap();
    let client = connect(&broker).await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let error = within(client.publish("a", vec![0; 1000]).qos(qos)).await.unwrap_err();
        assert_eq!(error, PublishError::TooLarge);
        within(client.publish("a", vec![0; 900]).qos(qos)).await.unwrap();
    }
}

#[tokio::test]
async fn subscriptions_that_cannot_be() {
    let broker = broker();
    let client = connect(&broker).await;
    let error = within(client.subscribe("a#")).await.unwrap_err();
    assert_eq!(error, SubscribeError::TopicFilter(TopicError::WildcardPlace));
    let error = within(client.subscribe("$share/a/b").no_local(true)).await.unwrap_err();
    assert_eq!(error, SubscribeError::NoLocalOnSharedSubscription);
    let error = within(client.subscribe("a").property(&Property::ContentType("x"))).await.unwrap_err();
    assert!(matches!(error, SubscribeError::Properties(InvalidProperties::Section(_))));
    let error = within(client.unsubscribe("")).await.unwrap_err();
    assert_eq!(error, UnsubscribeError::TopicFilter(TopicError::Empty));
}

/// Lets nobody near `closed/...`.
struct Doorkeeper;

impl Access for Doorkeeper {
    fn connect(&mut self, _: &Newcomer<'_>) -> Decision {
        Decision::Accept
    }

    fn publish(&mut self, _: martlet_engine::Client<'_>, topic: TopicName<'_>) -> bool {
        !topic.as_str().starts_with("closed/")
    }

    fn subscribe(&mut self, _: martlet_engine::Client<'_>, filter: TopicFilter<'_>) -> bool {
        !filter.as_str().starts_with("closed/")
    }
}

#[tokio::test]
async fn refusals_of_the_server() {
    let mut options = broker_options();
    options.rules.access = Some(Arc::new(|_| Box::new(Doorkeeper)));
    let broker = Broker::start(options).unwrap();
    let client = connect(&broker).await;
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let error = within(client.publish("closed/door", "").qos(qos)).await.unwrap_err();
        assert_eq!(error, PublishError::Refused { code: ReasonCode::NotAuthorized });
    }
    let error = within(client.subscribe("closed/door")).await.unwrap_err();
    assert_eq!(error, SubscribeError::Refused { code: ReasonCode::NotAuthorized });
}

#[tokio::test]
async fn a_client_that_has_ended_says_so() {
    let broker = broker();
    let client = connect(&broker).await;
    assert_eq!(within(client.reauthenticate()).await, Err(AuthenticateError::NoAuthenticator));
    within(client.disconnect()).await.unwrap();
    assert_eq!(within(client.publish("a", "")).await, Err(PublishError::Closed));
    assert_eq!(within(client.subscribe("a")).await.unwrap_err(), SubscribeError::Closed);
    assert_eq!(within(client.unsubscribe("a")).await, Err(UnsubscribeError::Closed));
    assert_eq!(within(client.disconnect()).await, Err(DisconnectError::Closed));
    assert_eq!(within(client.reauthenticate()).await, Err(AuthenticateError::Closed));
}

#[tokio::test]
async fn a_text_says_what_to_look_at() {
    let broker = broker();
    let good = || options(address(&broker));
    let long = "x".repeat(70_000);
    let wrong = [
        (good().client_identifier(&long), "the option `client_identifier` has more than 65,535 bytes"),
        (
            good().will(Will::new("a/#", "")),
            "the Topic Name of the option `will` is wrong: it holds a wildcard",
        ),
        (
            good().property(&Property::UserProperty("k", &long)),
            "the option `property` cannot be sent: the value of property 0x26 cannot be sent",
        ),
    ];
    for (options, text) in wrong {
        assert_eq!(connect_error(options).await.to_string(), text);
    }
    let refused = connect_error(options(answering(b"\x20\x03\x00\x87\x00").await)).await;
    assert_eq!(refused.to_string(), "the server refuses the connection: Not authorized (0x87)");
}

/// What an application may move to another task or thread, and wait for there.
#[test]
fn everything_can_be_shared_between_threads() {
    fn is_send<T: Send>(_: fn() -> T) {}
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Client>();
    is_send_and_sync::<martlet_client::Options>();
    is_send_and_sync::<martlet_client::Subscription>();
    is_send_and_sync::<martlet_client::Message>();
    is_send_and_sync::<martlet_client::Publish>();
    is_send_and_sync::<martlet_client::Subscribe>();
    is_send_and_sync::<martlet_client::Completion>();
    is_send_and_sync::<martlet_client::RestoredPublish>();
    is_send_and_sync::<martlet_client::Requester>();
    is_send_and_sync::<martlet_client::Request>();
    is_send_and_sync::<martlet_client::StateWatch>();
    is_send_and_sync::<martlet_client::blocking::Client>();
    is_send_and_sync::<martlet_client::blocking::Subscription>();
    is_send_and_sync::<ConnectError>();
    is_send_and_sync::<PublishError>();
    is_send_and_sync::<martlet_client::Lost>();
    is_send_and_sync::<martlet_client::store::StoreError>();
    is_send_and_sync::<martlet_client::store::DirectoryStore>();
    is_send(|| Client::connect(martlet_client::Options::tcp("", 0)));
}
