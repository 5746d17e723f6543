//! Load over real sockets: publishers that go as fast as the subscribers get their messages.
//!
//! At most a window of messages is on its way at any time, so a broker that drops QoS 0 under pressure is not pressed to.
//! Everything runs on one thread, apart from the broker.

use core::time::Duration;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::time::Instant;

use clap::Args;
use martlet_wire::{
    Ack, Connect, Delivery, Packet, PacketId, PacketType, Properties, ProtocolVersion, Publish, QoS,
    Subscribe, SubscribeRequest, SubscribeRequests, SubscriptionOptions, TopicFilter, TopicName,
    fixed_header,
};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::carrier::{Carrier, Way};

const VERSION: ProtocolVersion = ProtocolVersion::Mqtt311;
/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

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

struct Client {
    stream: Carrier,
    out: Vec<u8>,
    received: Vec<u8>,
    /// Messages published, or received.
    messages: u64,
    next_id: u16,
    topic: String,
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
            client.stream.set_nonblocking()?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut SourceFd(&client.stream.as_raw_fd()), Token(index), interest)?;
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
                publisher.push_publish(qos, &payload);
            }
            publisher.flush()?;
        }
        Ok(())
    }
}

impl Client {
    fn open(way: &Way, name: &str, clean: bool, topic: String) -> io::Result<Self> {
        let stream = way.open()?;
        let mut client =
            Self { stream, out: Vec::new(), received: Vec::new(), messages: 0, next_id: 1, topic };
        client.push(&Packet::Connect(Connect {
            version: VERSION,
            bridge: false,
            clean_start: clean,
            keep_alive: 0,
            properties: Properties::EMPTY,
            client_identifier: name,
            will: None,
            user_name: None,
            password: None,
        }));
        client.exchange(4)?;
        Ok(client)
    }

    fn subscribe(&mut self, qos: QoS) -> io::Result<()> {
        let topic = self.topic.clone();
        let filter = TopicFilter::parse(&topic).map_err(io::Error::other)?;
        let options = SubscriptionOptions { maximum_qos: qos, ..SubscriptionOptions::default() };
        self.push(&Packet::Subscribe(Subscribe {
            id: PacketId::MIN,
            properties: Properties::EMPTY,
            requests: SubscribeRequests::list(&[SubscribeRequest { filter, options }]),
        }));
        self.exchange(5)
    }

    /// Sends what there is, and waits for an answer of so many bytes. The socket still blocks.
    fn exchange(&mut self, answer: usize) -> io::Result<()> {
        self.stream.write_all(&self.out)?;
        self.stream.flush()?;
        self.out.clear();
        self.stream.read_exact(&mut vec![0; answer])?;
        Ok(())
    }

    fn push(&mut self, packet: &Packet<'_>) {
        let _ = packet.encode(VERSION, &mut self.out);
    }

    fn push_publish(&mut self, qos: QoS, payload: &[u8]) {
        let id = PacketId::new(self.next_id).unwrap_or(PacketId::MIN);
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        self.messages += 1;
        let topic = TopicName::parse(&self.topic).ok();
        let delivery = Delivery::new(qos, false, id);
        let packet = Publish { topic, delivery, retain: false, properties: Properties::EMPTY, payload };
        let _ = packet.encode(VERSION, &mut self.out);
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(sent) => {
                    self.out.drain(..sent);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        // What layers above the socket hold; what does not fit goes with the next write.
        match self.stream.flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads all there is; tells how many messages came.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<u64> {
        let before = self.messages;
        let mut delivered = 0;
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(io::Error::other("the broker closed a connection")),
                Ok(len) => {
                    self.received.extend_from_slice(&buffer[..len]);
                    delivered += self.take_packets()?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.messages = before + delivered;
        Ok(delivered)
    }

    fn take_packets(&mut self) -> io::Result<u64> {
        let mut delivered = 0;
        let mut at = 0;
        let received = core::mem::take(&mut self.received);
        while let Some(header) = fixed_header(Some(VERSION), &received[at..]).map_err(io::Error::other)? {
            let Some(packet) = received.get(at..at + header.packet_len()) else { break };
            at += header.packet_len();
            delivered += u64::from(header.packet_type == PacketType::Publish);
            if header.packet_type != PacketType::Publish || header.flags & 0b110 != 0 {
                self.answer(packet)?;
            }
        }
        self.received = received;
        self.received.drain(..at);
        Ok(delivered)
    }

    fn answer(&mut self, packet: &[u8]) -> io::Result<()> {
        match martlet_wire::decode(VERSION, packet).map_err(io::Error::other)? {
            Packet::Publish(Publish { delivery: Delivery::AtLeastOnce { id, .. }, .. }) => {
                self.push(&Packet::PubAck(Ack::success(id)));
            }
            Packet::Publish(Publish { delivery: Delivery::ExactlyOnce { id, .. }, .. }) => {
                self.push(&Packet::PubRec(Ack::success(id)));
            }
            Packet::PubRec(Ack { id, .. }) => self.push(&Packet::PubRel(Ack::success(id))),
            Packet::PubRel(Ack { id, .. }) => self.push(&Packet::PubComp(Ack::success(id))),
            _ => {}
        }
        Ok(())
    }
}
