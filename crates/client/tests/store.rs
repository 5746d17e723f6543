//! A Session that outlives its process.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;

use common::{Folder, Proxy, address, broker, connect, connected, disconnected, next, next_text, within};
use martlet_client::store::{
    DirectoryStore, MemoryStore, SessionChange, SessionStore, StoreError, StoredSession,
};
use martlet_client::{
    Client, Closed, ConnectError, Lost, Options, ProtocolVersion, PublishError, QoS, State, blocking,
};
use martlet_wire::{
    Ack, ConnAck, Delivery, Packet, PacketId, Properties, Publish, ReasonCode, ReasonCodes, SubAck,
    TopicName, decode, fixed_header,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Options of a client whose Session is kept on both sides.
fn options(address: SocketAddr) -> Options {
    common::options(address).client_identifier("kept").clean_start(false)
}

/// A process of its own, as far as the client can tell: it ends between two instructions, and nothing is tidied up.
struct Doomed(Option<tokio::runtime::Runtime>);

impl Doomed {
    fn new() -> Self {
        Self(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().ok())
    }

    async fn run<F: Future<Output: Send + 'static> + Send + 'static>(&self, future: F) -> F::Output {
        within(self.0.as_ref().unwrap().spawn(future)).await.unwrap()
    }

    async fn end(mut self) {
        let runtime = self.0.take().unwrap();
        // Waits for tasks to be dropped, which must not be done on a thread of a runtime.
        let ending = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(common::DEADLINE));
        within(ending).await.unwrap();
    }
}

#[tokio::test]
async fn what_waited_for_a_connection_is_published_by_the_next_process() {
    for version in [ProtocolVersion::Mqtt311, ProtocolVersion::Mqtt5] {
        let broker = broker();
        let proxy = Proxy::before(address(&broker)).await;
        let folder = Folder::new("offline");
        let watcher = connect(&broker).await;
        let mut stream = within(watcher.subscribe("t")).await.unwrap();
        let process = Doomed::new();
        let store = || DirectoryStore::new(&folder.0).sync(false);
        let first = options(proxy.address).version(version).session_store(store());
        let client = process.run(Client::connect(first)).await.unwrap();
        assert_eq!(client.take_restored().len(), 0);
        proxy.shut(true);
        proxy.cut();
        disconnected(&client).await;
        let mut completions = Vec::new();
        for (text, qos) in [("0", QoS::AtMostOnce), ("1", QoS::AtLeastOnce), ("2", QoS::ExactlyOnce)] {
            let completion = client.publish("t", text).qos(qos).retain(true).enqueue().await.unwrap();
            completions.push(completion);
        }
        let unsupported = PublishError::NotStored { kind: io::ErrorKind::Unsupported };
        assert_eq!(completions[0].stored().await, Err(unsupported), "QoS 0 is not stored");
        for completion in &mut completions[1..] {
            within(completion.stored()).await.unwrap();
            within(completion.stored()).await.unwrap();
        }
        process.end().await;
        for completion in completions {
            assert_eq!(within(completion).await, Err(PublishError::Closed));
        }
        drop(client);
        proxy.shut(false);
        let second = options(proxy.address).version(version).session_store(store());
        let client = within(Client::connect(second)).await.unwrap();
        let restored = client.take_restored();
        assert_eq!(client.take_restored().len(), 0);
        let texts: Vec<_> = restored.iter().map(|it| (it.topic().unwrap(), it.payload().unwrap())).collect();
        assert_eq!(texts, [("t", &b"1"[..]), ("t", b"2")]);
        assert_eq!((restored[0].qos(), restored[1].qos()), (QoS::AtLeastOnce, QoS::ExactlyOnce));
        for publish in restored {
            assert!(!publish.is_received());
            within(publish.into_completion()).await.unwrap();
        }
        assert_eq!(next_text(&mut stream).await, "1");
        assert_eq!(next_text(&mut stream).await, "2");
        within(client.disconnect()).await.unwrap();
    }
}

#[test]
fn the_blocking_face_has_it_too() {
    let broker = broker();
    let folder = Folder::new("blocking");
    let store = || DirectoryStore::new(&folder.0).sync(false);
    // Closed before it is sent: the time allowed for the end is none.
    let hasty = options(address(&broker)).session_store(store()).disconnect_timeout(Duration::ZERO);
    let client = blocking::Client::connect(hasty).unwrap();
    let mut completion = client.publish("t", "x").qos(QoS::AtLeastOnce).enqueue().unwrap();
    completion.wait_stored().unwrap();
    let is_published = completion.wait().is_ok();
    drop(client);
    let client = blocking::Client::connect(options(address(&broker)).session_store(store())).unwrap();
    let restored = client.take_restored();
    assert!(is_published || restored.len() == 1);
    for publish in restored {
        assert_eq!(publish.topic(), Some("t"));
        publish.into_completion().wait().unwrap();
    }
}

#[tokio::test]
async fn a_store_in_memory_serves_one_client_after_the_other() {
    let broker = broker();
    let proxy = Proxy::before(address(&broker)).await;
    let options = options(proxy.address).session_store(MemoryStore::default());
    let first = within(Client::connect(options.clone())).await.unwrap();
    let error = within(Client::connect(options.clone())).await.unwrap_err();
    assert!(matches!(error, ConnectError::Store(StoreError::HasClient)), "{error}");
    proxy.shut(true);
    proxy.cut();
    disconnected(&first).await;
    let completion = first.publish("t", "x").qos(QoS::ExactlyOnce).enqueue().await.unwrap();
    within(first.disconnect()).await.unwrap_err();
    assert_eq!(within(completion).await, Err(PublishError::Closed));
    within(first.state().wait_for(|state| matches!(state, State::Closed(_)))).await;
    proxy.shut(false);
    let second = within(Client::connect(options)).await.unwrap();
    let [publish] = second.take_restored().try_into().unwrap();
    within(publish.into_completion()).await.unwrap();
}

#[tokio::test]
async fn a_lost_session_is_published_anew() {
    let (first, second) = (broker(), broker());
    let proxy = Proxy::before(address(&first)).await;
    let options = options(proxy.address).session_store(MemoryStore::default());
    let client = within(Client::connect(options.clone())).await.unwrap();
    proxy.shut(true);
    proxy.cut();
    disconnected(&client).await;
    let completion = client.publish("t", "x").qos(QoS::ExactlyOnce).retain(true).enqueue().await.unwrap();
    within(client.disconnect()).await.unwrap_err();
    within(client.state().wait_for(|state| matches!(state, State::Closed(_)))).await;
    drop(completion);
    proxy.lead_to(address(&second));
    proxy.shut(false);
    let client = within(Client::connect(options)).await.unwrap();
    assert!(!client.connection().unwrap().session_present);
    let [publish] = client.take_restored().try_into().unwrap();
    within(publish.into_completion()).await.unwrap();
    let mut stream = within(connect(&second).await.subscribe("t")).await.unwrap();
    assert_eq!(next_text(&mut stream).await, "x");
}

#[tokio::test]
async fn a_store_wants_a_client_identifier() {
    let broker = broker();
    for options in [common::options(address(&broker)), options(address(&broker)).client_identifier("")] {
        let error = within(Client::connect(options.session_store(MemoryStore::default()))).await.unwrap_err();
        assert!(matches!(error, ConnectError::Store(StoreError::NoClientIdentifier)), "{error}");
    }
}

/// A store that the test looks into.
#[derive(Clone, Default)]
struct Watched(Arc<Shared>);

#[derive(Default)]
struct Shared {
    session: Mutex<StoredSession>,
    is_full: AtomicBool,
    is_slow: bool,
    batches: Mutex<Vec<usize>>,
}

impl SessionStore for Watched {
    fn load(&mut self, _client_identifier: &str) -> Result<StoredSession, StoreError> {
        Ok(self.session())
    }

    fn commit(&mut self, changes: &[SessionChange]) -> Result<(), StoreError> {
        if self.0.is_slow {
            thread::sleep(Duration::from_millis(2)); // so that whoever does not wait is found out
        }
        if self.0.is_full.load(Ordering::SeqCst) {
            return Err(StoreError::other(io::Error::from(io::ErrorKind::StorageFull)));
        }
        let mut session = self.0.session.lock().unwrap();
        for change in changes {
            session.apply(change);
        }
        self.0.batches.lock().unwrap().push(changes.len());
        Ok(())
    }
}

impl Watched {
    fn slow() -> Self {
        Self(Arc::new(Shared { is_slow: true, ..Shared::default() }))
    }

    fn fill(&self, is_full: bool) {
        self.0.is_full.store(is_full, Ordering::SeqCst);
    }

    fn session(&self) -> StoredSession {
        self.0.session.lock().unwrap().clone()
    }

    /// Whether a message to the server is stored under this identifier, as received or not.
    fn has_outgoing(&self, id: PacketId, is_received: bool) -> bool {
        self.session().publishes().any(|(stored, message)| stored == id && message.is_none() == is_received)
    }

    fn has_received(&self, id: PacketId) -> bool {
        self.session().received().any(|received| received == (id, true))
    }
}

const VERSION: ProtocolVersion = ProtocolVersion::Mqtt5;

/// A server that sends messages of QoS 2 to whoever subscribes, and looks into the store at each packet. It answers only every
/// other PUBLISH, and ends each connection after some packets.
async fn suspicious_server(store: Watched, messages: u16) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut is_first = true;
        while let Ok((socket, _)) = listener.accept().await {
            serve(socket, &store, messages, is_first).await;
            is_first = false;
        }
    });
    address
}

async fn serve(mut socket: TcpStream, store: &Watched, messages: u16, is_first: bool) -> Option<()> {
    let mut received = Vec::new();
    let mut acknowledged = 0;
    loop {
        let Some(header) = fixed_header(Some(VERSION), &received).unwrap() else {
            socket.read_buf(&mut received).await.ok().filter(|len| *len > 0)?;
            continue;
        };
        if received.len() < header.packet_len() {
            socket.read_buf(&mut received).await.ok().filter(|len| *len > 0)?;
            continue;
        }
        let packet: Vec<u8> = received.drain(..header.packet_len()).collect();
        let mut out = Vec::new();
        let mut send = |packet: Packet<'_>| packet.encode(VERSION, &mut out).unwrap();
        match decode(VERSION, &packet).unwrap() {
            Packet::Connect(_) => {
                let (session_present, reason) = (!is_first, ReasonCode::Success);
                send(Packet::ConnAck(ConnAck { session_present, reason, properties: Properties::EMPTY }));
            }
            Packet::Subscribe(subscribe) => {
                let codes = ReasonCodes::list(&[ReasonCode::GrantedQos2]);
                send(Packet::SubAck(SubAck { id: subscribe.id, properties: Properties::EMPTY, codes }));
                for id in (1..=messages).filter_map(PacketId::new) {
                    send(message(id));
                }
            }
            Packet::Publish(publish) => {
                let id = publish.delivery.packet_id()?;
                assert!(store.has_outgoing(id, false), "PUBLISH {id:?} was sent before it was stored");
                if id.get() % 2 == 0 || publish.delivery.dup() {
                    send(Packet::PubRec(Ack::success(id)));
                }
            }
            Packet::PubRel(ack) => {
                assert!(
                    store.has_outgoing(ack.id, true),
                    "PUBREL {:?} was sent before it was stored",
                    ack.id
                );
                send(Packet::PubComp(Ack::success(ack.id)));
            }
            Packet::PubRec(ack) => {
                assert!(store.has_received(ack.id), "PUBREC {:?} was sent before it was stored", ack.id);
                send(Packet::PubRel(Ack::success(ack.id)));
            }
            Packet::PubComp(ack) => {
                assert!(!store.has_received(ack.id), "PUBCOMP {:?} was sent before it was stored", ack.id);
                acknowledged += 1;
                if is_first && acknowledged == messages {
                    return None; // the end of the first connection
                }
            }
            Packet::Disconnect(_) => return None,
            other => panic!("{other:?}"),
        }
        socket.write_all(&out).await.ok()?;
    }
}

fn message(id: PacketId) -> Packet<'static> {
    let delivery = Delivery::new(QoS::ExactlyOnce, false, id);
    let (topic, properties) = (TopicName::parse("t").ok(), Properties::EMPTY);
    Packet::Publish(Publish { topic, delivery, retain: false, properties, payload: b"x" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_before_it_is_stored() {
    const MESSAGES: u16 = 100;
    let store = Watched::slow();
    let address = suspicious_server(store.clone(), MESSAGES).await;
    let client = within(Client::connect(options(address).session_store(store.clone()))).await.unwrap();
    let mut stream = within(client.subscribe("t")).await.unwrap();
    let mut completions = Vec::new();
    for number in 0..MESSAGES {
        completions
            .push(client.publish("t", number.to_string()).qos(QoS::ExactlyOnce).enqueue().await.unwrap());
        next(&mut stream).await;
    }
    for completion in completions {
        within(completion).await.unwrap();
    }
    within(client.disconnect()).await.unwrap();
    assert!(store.session().is_empty());
    let batches = store.0.batches.lock().unwrap();
    assert!(batches.len() < usize::from(MESSAGES) * 6 / 2, "many changes share a batch: {batches:?}");
}

#[tokio::test]
async fn what_the_store_does_not_take_is_not_published() {
    let broker = broker();
    let store = Watched::default();
    let client =
        within(Client::connect(options(address(&broker)).session_store(store.clone()))).await.unwrap();
    let watcher = connect(&broker).await;
    let mut stream = within(watcher.subscribe("t")).await.unwrap();
    let mut own = within(client.subscribe("own")).await.unwrap();
    store.fill(true);
    let mut state = client.state();
    let full = PublishError::NotStored { kind: io::ErrorKind::StorageFull };
    let mut completion = client.publish("t", "lost").qos(QoS::AtLeastOnce).enqueue().await.unwrap();
    assert_eq!(within(completion.stored()).await, Err(full.clone()));
    assert_eq!(within(completion).await, Err(full.clone()));
    let is_store = |state: &State| matches!(state, State::Reconnecting { cause, .. } if matches!(&**cause, Lost::Store(_)));
    within(state.wait_for(is_store)).await;
    assert_eq!(within(client.publish("t", "lost").qos(QoS::ExactlyOnce)).await, Err(full));
    store.fill(false);
    within(client.publish("t", "stored").qos(QoS::ExactlyOnce)).await.unwrap();
    assert_eq!(next_text(&mut stream).await, "stored");
    within(watcher.publish("own", "still there").qos(QoS::ExactlyOnce)).await.unwrap();
    assert_eq!(next_text(&mut own).await, "still there");
    within(client.disconnect()).await.unwrap();
    assert_eq!(store.session().publishes().count(), 0);
}

#[tokio::test]
async fn what_the_store_missed_is_stored_before_the_client_goes_on() {
    let broker = broker();
    let proxy = Proxy::before(address(&broker)).await;
    let store = Watched::default();
    let options = options(proxy.address).session_store(store.clone()).manual_acknowledgement(true);
    let client = within(Client::connect(options)).await.unwrap();
    let mut stream = within(client.subscribe("t")).await.unwrap();
    within(connect(&broker).await.publish("t", "x").qos(QoS::ExactlyOnce)).await.unwrap();
    let mut message = next(&mut stream).await;
    store.fill(true);
    // PUBREC has to wait for the store, which fails; then so does CONNECT.
    message.acknowledge();
    let is_third = |state: &State| matches!(state, State::Reconnecting { attempts: 3.., .. });
    within(client.state().wait_for(is_third)).await;
    assert!(store.session().is_empty());
    store.fill(false);
    connected(&client).await;
    within(client.publish("t", "y").qos(QoS::ExactlyOnce)).await.unwrap();
    assert_eq!(next_text(&mut stream).await, "y", "x does not come again");
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_told() {
    struct Unreadable;
    impl SessionStore for Unreadable {
        fn load(&mut self, _: &str) -> Result<StoredSession, StoreError> {
            panic!("this panic is part of the test")
        }

        fn commit(&mut self, _: &[SessionChange]) -> Result<(), StoreError> {
            Ok(())
        }
    }
    let broker = broker();
    let options = options(address(&broker)).session_store(Unreadable);
    for _ in 0..2 {
        let error = within(Client::connect(options.clone())).await.unwrap_err();
        assert!(matches!(error, ConnectError::Store(StoreError::Panicked)), "{error}");
    }
}

#[tokio::test]
async fn a_client_that_gives_up_says_that_it_was_the_store() {
    let broker = broker();
    let store = Watched::default();
    let never = options(address(&broker)).reconnect(martlet_client::Reconnect::never());
    let client = within(Client::connect(never.session_store(store.clone()))).await.unwrap();
    store.fill(true);
    within(client.publish("t", "").qos(QoS::AtLeastOnce)).await.unwrap_err();
    let state = within(client.state().wait_for(|_| false)).await;
    let State::Closed(Closed::Lost(lost)) = state else { panic!("{state:?}") };
    assert!(matches!(&*lost, Lost::Store(error) if error.kind() == io::ErrorKind::StorageFull), "{lost}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_the_store_when_the_connection_ends_is_not_sent_on_the_next_one() {
    const CUTS: usize = 20;
    let broker = broker();
    let proxy = Proxy::before(address(&broker)).await;
    let client =
        within(Client::connect(options(proxy.address).session_store(Watched::slow()))).await.unwrap();
    let mut completions = Vec::new();
    for cut in 1..=CUTS {
        let before = proxy.carried_bytes();
        for number in 0..20 {
            let publish = client.publish("t", number.to_string()).qos(QoS::ExactlyOnce);
            completions.push(within(publish.enqueue()).await.unwrap());
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
        // In the midst of the handshakes, while a batch is being stored.
        common::wait_until("answers come", || proxy.carried_bytes() > before + 4 * cut).await;
        proxy.cut();
        common::wait_until("the client is back", || proxy.accepted() > cut).await;
    }
    for completion in completions {
        within(completion).await.unwrap();
    }
    assert_eq!(proxy.accepted(), CUTS + 1, "the server had no reason to end a connection");
}
