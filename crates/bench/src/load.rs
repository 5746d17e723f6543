//! Load over real sockets: publishers that go as fast as the subscribers get their messages.
//!
//! At most a window of messages is on its way at any time, so a broker that drops QoS 0 under pressure is not pressed to.
//! Everything runs on one thread, apart from the broker.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::TcpStream;
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

const VERSION: ProtocolVersion = ProtocolVersion::Mqtt311;
/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

/// What to load a broker with.
#[derive(Args)]
pub(crate) struct Load {
    /// The broker's port on 127.0.0.1.
    #[arg(long, default_value_t = 1883)]
    port: u16,
    /// Clients that publish.
    #[arg(long, default_value_t = 1)]
    publishers: usize,
    /// Clients that subscribe.
    #[arg(long, default_value_t = 1)]
    subscribers: usize,
    /// Publisher n publishes to subscriber n alone, not to all.
    #[arg(long)]
    pairs: bool,
    /// 0, 1 or 2.
    #[arg(long, default_value_t = 0)]
    qos: u8,
    /// Subscribers whose Sessions survive, so that what is published has to be durable.
    #[arg(long)]
    durable: bool,
    /// Bytes of payload.
    #[arg(long, default_value_t = 16)]
    payload: usize,
    /// Messages of one publisher that may be on their way.
    #[arg(long, default_value_t = 1000)]
    window: u64,
    /// How long to measure.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

struct Client {
    stream: TcpStream,
    out: Vec<u8>,
    received: Vec<u8>,
    /// Messages published, or received.
    messages: u64,
    next_id: u16,
    topic: String,
}

impl Load {
    pub(crate) fn run(&self) -> io::Result<()> {
        let qos = QoS::try_from(self.qos).map_err(|_| io::Error::other("--qos is 0, 1 or 2"))?;
        let mut poll = Poll::new()?;
        let mut clients = self.connect(&poll, qos)?;
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
        println!(
            "{} publishers, {} {}subscribers{}, QoS {}, {} bytes: {:.0} messages/s delivered",
            self.publishers,
            self.subscribers,
            if self.durable { "durable " } else { "" },
            if self.pairs { " in pairs" } else { "" },
            self.qos,
            self.payload,
            f64::from(u32::try_from(delivered / 1000).unwrap_or(u32::MAX)) * 1000.0 / seconds
        );
        Ok(())
    }

    fn connect(&self, poll: &Poll, qos: QoS) -> io::Result<Vec<Client>> {
        let mut clients = Vec::new();
        for index in 0..self.subscribers + self.publishers {
            let is_subscriber = index < self.subscribers;
            let number = if is_subscriber { index } else { index - self.subscribers };
            let topic = if self.pairs { format!("bench/{number:06}") } else { "bench/000000".to_owned() };
            let clean = !(self.durable && is_subscriber);
            let mut client = Client::open(self.port, &format!("bench-{index}"), clean, topic)?;
            if is_subscriber {
                client.subscribe(qos)?;
            }
            client.stream.set_nonblocking(true)?;
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
    fn open(port: u16, name: &str, clean: bool, topic: String) -> io::Result<Self> {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        stream.set_nodelay(true)?;
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
        Ok(())
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
