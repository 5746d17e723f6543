//! A client of MQTT 3.1.1 that does as little as possible itself.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;

use martlet_wire::{
    Ack, Connect, Delivery, Packet, PacketId, PacketType, Properties, ProtocolVersion, Publish, QoS,
    Subscribe, SubscribeRequest, SubscribeRequests, SubscriptionOptions, TopicFilter, TopicName,
    fixed_header,
};
use mio::unix::SourceFd;
use mio::{Interest, Poll, Token};

use crate::carrier::{Carrier, Way};

const VERSION: ProtocolVersion = ProtocolVersion::Mqtt311;
/// Bytes read at once.
pub(crate) const READ_BYTES: usize = 256 << 10;

/// A client that does what its broker asks, and counts.
pub(crate) struct Client {
    stream: Carrier,
    out: Vec<u8>,
    received: Vec<u8>,
    /// Messages published, or received.
    pub(crate) messages: u64,
    /// QoS 1 and 2 messages whose end came back.
    pub(crate) acknowledged: u64,
    next_id: u16,
    /// What it publishes to, or subscribes to.
    pub(crate) topic: String,
    /// Whether CONNACK said that the Session was there.
    pub(crate) session_present: bool,
}

impl Client {
    /// Connects, and waits for CONNACK.
    pub(crate) fn open(way: &Way, name: &str, clean: bool, topic: String) -> io::Result<Self> {
        let stream = way.open()?;
        let mut client = Self {
            stream,
            out: Vec::new(),
            received: Vec::new(),
            messages: 0,
            acknowledged: 0,
            next_id: 1,
            topic,
            session_present: false,
        };
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
        client.session_present = client.exchange(4)?[2] & 1 == 1;
        Ok(client)
    }

    /// Subscribes to its topic, and waits for SUBACK.
    pub(crate) fn subscribe(&mut self, qos: QoS) -> io::Result<()> {
        let topic = self.topic.clone();
        let filter = TopicFilter::parse(&topic).map_err(io::Error::other)?;
        let options = SubscriptionOptions { maximum_qos: qos, ..SubscriptionOptions::default() };
        self.push(&Packet::Subscribe(Subscribe {
            id: PacketId::MIN,
            properties: Properties::EMPTY,
            requests: SubscribeRequests::list(&[SubscribeRequest { filter, options }]),
        }));
        self.exchange(5).map(drop)
    }

    /// Sends what there is, and waits for an answer of so many bytes. The socket still blocks.
    fn exchange(&mut self, answer: usize) -> io::Result<Vec<u8>> {
        self.stream.write_all(&self.out)?;
        self.stream.flush()?;
        self.out.clear();
        let mut bytes = vec![0; answer];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn push(&mut self, packet: &Packet<'_>) {
        let _ = packet.encode(VERSION, &mut self.out);
    }

    /// Publishes to its topic; [`Client::flush`] sends it.
    pub(crate) fn push_publish(&mut self, qos: QoS, retain: bool, payload: &[u8]) {
        let id = PacketId::new(self.next_id).unwrap_or(PacketId::MIN);
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        self.messages += 1;
        let topic = TopicName::parse(&self.topic).ok();
        let delivery = Delivery::new(qos, false, id);
        let packet = Publish { topic, delivery, retain, properties: Properties::EMPTY, payload };
        let _ = packet.encode(VERSION, &mut self.out);
    }

    /// Reads and writes from now on only when it can.
    pub(crate) fn register(&self, poll: &Poll, index: usize) -> io::Result<()> {
        self.stream.set_nonblocking()?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut SourceFd(&self.stream.as_raw_fd()), Token(index), interest)
    }

    /// Sends what the socket takes.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
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
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<u64> {
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
            Packet::PubAck(_) | Packet::PubComp(_) => self.acknowledged += 1,
            Packet::PubRec(Ack { id, .. }) => self.push(&Packet::PubRel(Ack::success(id))),
            Packet::PubRel(Ack { id, .. }) => self.push(&Packet::PubComp(Ack::success(id))),
            _ => {}
        }
        Ok(())
    }
}
