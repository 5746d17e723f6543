//! A broker, a proxy that cuts connections, and patience with an end.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use core::net::SocketAddr;
use core::num::NonZeroU16;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use martlet_client::{Client, Message, Options, Reconnect, State, Subscription};
use martlet_server::{Broker, Host};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long anything may take before a test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) fn broker() -> Broker {
    Broker::start(broker_options()).unwrap()
}

pub(crate) fn broker_options() -> martlet_server::Options {
    let host = Host::Named("127.0.0.1".into());
    let mut options = martlet_server::Options::listening_on(host, 0);
    options.shards = NonZeroU16::new(2);
    // A subscriber that is behind for a moment loses nothing.
    options.engine.limits.queued_messages_max = 100_000;
    options
}

pub(crate) fn address(broker: &Broker) -> SocketAddr {
    broker.local_addrs()[0]
}

/// Options for a server at this address, with which a reconnect comes soon.
pub(crate) fn options(address: SocketAddr) -> Options {
    let soon = Reconnect::default().delay_min(Duration::from_millis(5)).delay_max(Duration::from_millis(50));
    Options::tcp(address.ip().to_string(), address.port()).reconnect(soon)
}

pub(crate) async fn connect(broker: &Broker) -> Client {
    within(Client::connect(options(address(broker)))).await.unwrap()
}

/// Fails when it takes too long.
pub(crate) async fn within<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future.into_future()).await.expect("it takes too long")
}

pub(crate) async fn next(subscription: &mut Subscription) -> Message {
    within(subscription.recv()).await.expect("the subscription lasts")
}

pub(crate) async fn next_text(subscription: &mut Subscription) -> String {
    next(subscription).await.text().unwrap().to_owned()
}

/// Waits until the client is connected anew.
pub(crate) async fn connected(client: &Client) {
    let state = within(client.state().wait_for(|state| matches!(state, State::Connected(_)))).await;
    assert!(matches!(state, State::Connected(_)), "{state:?}");
}

/// Waits until the client has noticed that its connection is gone.
pub(crate) async fn disconnected(client: &Client) {
    let state = within(client.state().wait_for(|state| !matches!(state, State::Connected(_)))).await;
    assert!(matches!(state, State::Reconnecting { .. }), "{state:?}");
}

/// A folder of its own, gone at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("martlet-client-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Waits until a condition holds.
pub(crate) async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "still not so: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Stands between clients and a broker, and cuts their connections.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    cuts: watch::Sender<()>,
}

struct Shared {
    accepted: AtomicUsize,
    carried_bytes: AtomicUsize,
    is_shut: AtomicBool,
    broker: std::sync::Mutex<SocketAddr>,
}

impl Proxy {
    pub(crate) async fn before(broker: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cuts, _) = watch::channel(());
        let shared = Arc::new(Shared {
            accepted: AtomicUsize::new(0),
            carried_bytes: AtomicUsize::new(0),
            is_shut: AtomicBool::new(false),
            broker: broker.into(),
        });
        tokio::spawn(accept(listener, Arc::clone(&shared), cuts.clone()));
        Self { address, shared, cuts }
    }

    /// Ends all connections at once.
    pub(crate) fn cut(&self) {
        self.cuts.send_replace(());
    }

    /// From here on new connections end as soon as they come.
    pub(crate) fn shut(&self, is_shut: bool) {
        self.shared.is_shut.store(is_shut, Ordering::SeqCst);
    }

    /// New connections lead to another broker.
    pub(crate) fn lead_to(&self, broker: SocketAddr) {
        *self.shared.broker.lock().unwrap() = broker;
    }

    /// How many connections came.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many bytes went from the broker to clients.
    pub(crate) fn carried_bytes(&self) -> usize {
        self.shared.carried_bytes.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, cuts: watch::Sender<()>) {
    while let Ok((client, _)) = listener.accept().await {
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        if shared.is_shut.load(Ordering::SeqCst) {
            continue;
        }
        let mut cut = cuts.subscribe();
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let broker = *shared.broker.lock().unwrap();
            let carried = async {
                if let Ok(broker) = TcpStream::connect(broker).await {
                    carry(client, broker, &shared.carried_bytes).await;
                }
            };
            tokio::select! {
                () = carried => {}
                _ = cut.changed() => {}
            }
        });
    }
}

async fn carry(mut client: TcpStream, mut broker: TcpStream, carried_bytes: &AtomicUsize) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (mut from_client, mut to_client) = client.split();
    let (mut from_broker, mut to_broker) = broker.split();
    let up = tokio::io::copy(&mut from_client, &mut to_broker);
    let down = async {
        let mut buffer = vec![0; 4096];
        while let Ok(len @ 1..) = from_broker.read(&mut buffer).await {
            carried_bytes.fetch_add(len, Ordering::SeqCst);
            if to_client.write_all(&buffer[..len]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        _ = up => {}
        () = down => {}
    }
}
