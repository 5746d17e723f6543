//! Load over real sockets: publishers that go as fast as the subscribers get their messages.
//!
//! At most a window of messages is on its way at any time, so a broker that drops QoS 0 under pressure is not pressed to.
//! Everything runs on one thread, apart from the broker.

use core::time::Duration;
use std::io;
use std::time::Instant;

use clap::Args;
use martlet_wire::QoS;
use mio::{Events, Poll};

use crate::carrier::Way;
use crate::client::{Client, READ_BYTES};

/// What to load a broker with.
#[derive(Args, Clone)]
pub(crate) struct Load {
    /// The broker's port on 127.0.0.1.
    #[arg(long, default_value_t = 1883)]
    pub(crate) port: u16,
    /// Clients that publish.
    #[arg(long, default_value_t = 1)]
    pub(crate) publishers: usize,
    /// Clients that subscribe.
    #[arg(long, default_value_t = 1)]
    pub(crate) subscribers: usize,
    /// Publisher n publishes to subscriber n alone, not to all.
    #[arg(long)]
    pub(crate) pairs: bool,
    /// 0, 1 or 2.
    #[arg(long, default_value_t = 0)]
    pub(crate) qos: u8,
    /// Subscribers whose Sessions survive, so that what is published has to be durable.
    #[arg(long)]
    pub(crate) durable: bool,
    /// Bytes of payload.
    #[arg(long, default_value_t = 16)]
    pub(crate) payload: usize,
    /// Messages of one publisher that may be on their way.
    #[arg(long, default_value_t = 1000)]
    pub(crate) window: u64,
    /// How long to measure.
    #[arg(long, default_value_t = 5)]
    pub(crate) seconds: u64,
}

impl Load {
    /// Loads a broker by TCP and prints what came of it.
    pub(crate) fn run(&self) -> io::Result<()> {
        let rate = self.measure(&Way { port: self.port, tls: None, websocket: false })?;
        println!(
            "{} publishers, {} subscribers{}, QoS {}, {} bytes: {rate:.0} messages/s delivered",
            self.publishers,
            self.subscribers,
            if self.pairs { " in pairs" } else { "" },
            self.qos,
            self.payload,
        );
        Ok(())
    }

    /// Loads a broker, and answers how many messages a second were delivered.
    pub(crate) fn measure(&self, way: &Way) -> io::Result<f64> {
        let qos = QoS::try_from(self.qos).map_err(|_| io::Error::other("--qos is 0, 1 or 2"))?;
        let mut poll = Poll::new()?;
        let mut clients = self.connect(&poll, way, qos)?;
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; READ_BYTES];
        let started = Instant::now();
        let duration = Duration::from_secs(self.seconds);
        let mut delivered = 0;
        while started.elapsed() < duration {
            self.publish(&mut clients, qos)?;
            poll.poll(&mut events, Some(Duration::from_millis(10)))?;
            for event in &events {
                let client = &mut clients[event.token().0];
                if event.is_readable() {
                    delivered += client.read(&mut buffer)?;
                }
                client.flush()?;
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        Ok(f64::from(u32::try_from(delivered).unwrap_or(u32::MAX)) / seconds)
    }

    fn connect(&self, poll: &Poll, way: &Way, qos: QoS) -> io::Result<Vec<Client>> {
        let mut clients = Vec::new();
        for index in 0..self.subscribers + self.publishers {
            let is_subscriber = index < self.subscribers;
            let number = if is_subscriber { index } else { index - self.subscribers };
            let topic = if self.pairs { format!("bench/{number:06}") } else { "bench/000000".to_owned() };
            let clean = !(self.durable && is_subscriber);
            let mut client = Client::open(way, &format!("bench-{index}"), clean, topic)?;
            if is_subscriber {
                client.subscribe(qos)?;
            }
            client.register(poll, index)?;
            clients.push(client);
        }
        Ok(clients)
    }

    fn publish(&self, clients: &mut [Client], qos: QoS) -> io::Result<()> {
        let payload = vec![b'x'; self.payload];
        let (subscribers, publishers) = clients.split_at_mut(self.subscribers);
        let slowest = subscribers.iter().map(|subscriber| subscriber.messages).min().unwrap_or(0);
        for (index, publisher) in publishers.iter_mut().enumerate() {
            let arrived = if self.pairs {
                subscribers.get(index).map_or(0, |subscriber| subscriber.messages)
            } else {
                slowest / self.publishers as u64
            };
            while publisher.messages < arrived + self.window {
                publisher.push_publish(qos, false, &payload);
            }
            publisher.flush()?;
        }
        Ok(())
    }
}
