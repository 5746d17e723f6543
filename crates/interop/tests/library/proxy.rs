//! A proxy that cuts connections in the midst of what they carry.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::chance::Chance;

/// Stands between a client and a broker.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    broker: SocketAddr,
    chance: Mutex<Chance>,
    cuts_left: AtomicUsize,
    /// How many bytes a connection carries on average before it is cut.
    bytes: usize,
}

impl Proxy {
    /// Cuts the first connections, as many as `cuts`, each when it has carried some bytes: `bytes` on average.
    pub(crate) async fn cutting(broker: u16, cuts: usize, bytes: usize, chance: Chance) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let broker = SocketAddr::from(([127, 0, 0, 1], broker));
        let shared = Arc::new(Shared { broker, chance: Mutex::new(chance), cuts_left: cuts.into(), bytes });
        let acceptor = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, Arc::clone(&acceptor)));
            }
        });
        Self { port, shared }
    }

    /// How many cuts are still to come.
    pub(crate) fn cuts_left(&self) -> usize {
        self.shared.cuts_left.load(Ordering::SeqCst)
    }
}

/// Carries bytes both ways until one side ends, or the time for the cut has come.
async fn carry(mut client: TcpStream, shared: Arc<Shared>) {
    let Ok(mut broker) = TcpStream::connect(shared.broker).await else { return };
    let is_to_be_cut = shared.cuts_left.load(Ordering::SeqCst) > 0;
    let mut left =
        if is_to_be_cut { shared.chance.lock().unwrap().below(2 * shared.bytes) } else { usize::MAX };
    let (mut up, mut down) = (vec![0; 2048], vec![0; 2048]);
    while left > 0 {
        let (to, bytes) = tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(len @ 1..) => (&mut broker, &up[..len]),
                _ => return,
            },
            read = broker.read(&mut down) => match read {
                Ok(len @ 1..) => (&mut client, &down[..len]),
                _ => return,
            },
        };
        let bytes = &bytes[..bytes.len().min(left)];
        left -= bytes.len();
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
    shared.cuts_left.fetch_sub(1, Ordering::SeqCst);
}
