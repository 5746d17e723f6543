//! Clients of the library, and patience with an end.

use core::time::Duration;

use interop::{DEADLINE, Mosquitto, Peer};
use martlet_client::{Client, Message, Options, ProtocolVersion, QoS, Reconnect, Subscription};
use tokio::runtime::{Builder, Runtime};

pub(crate) const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::Mqtt311, ProtocolVersion::Mqtt5];
pub(crate) const EACH_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// Plays a test, if the broker is here.
pub(crate) fn play<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    if Peer::MosquittoBroker.is_here() {
        runtime().block_on(test());
    }
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts")
}

/// Options for a broker on this port, with which a reconnect comes soon.
pub(crate) fn options(port: u16, version: ProtocolVersion) -> Options {
    let soon = Reconnect::default().delay_min(Duration::from_millis(5)).delay_max(Duration::from_millis(50));
    Options::tcp("127.0.0.1", port).version(version).reconnect(soon)
}

pub(crate) async fn connect(options: Options) -> Client {
    within(Client::connect(options)).await.expect("the broker lets the client in")
}

/// A client in a broker of everybody.
pub(crate) async fn connect_to(broker: &Mosquitto, version: ProtocolVersion) -> Client {
    connect(options(broker.port(), version)).await
}

pub(crate) async fn subscribe(client: &Client, filter: &str) -> Subscription {
    within(client.subscribe(filter)).await.expect("the broker takes the subscription")
}

pub(crate) async fn publish(client: &Client, topic: &str, payload: &str, qos: QoS) {
    within(client.publish(topic, payload).qos(qos)).await.expect("the broker takes the message");
}

pub(crate) async fn next(stream: &mut Subscription) -> Message {
    within(stream.recv()).await.expect("the subscription lasts")
}

pub(crate) async fn next_text(stream: &mut Subscription) -> String {
    next(stream).await.text().expect("it is text").to_owned()
}

/// Fails when it takes too long.
pub(crate) async fn within<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future.into_future()).await.expect("it takes too long")
}
