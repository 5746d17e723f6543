//! More of what a test does with a client again and again, made of what [`Client`] offers.

use core::num::{NonZeroU16, NonZeroU32};

use martlet_wire::{Property, ProtocolVersion, ReasonCode};

use crate::broker::Broker;
use crate::build::ConnectBuilder;
use crate::client::Client;
use crate::owned::{OwnedPacket, OwnedPublish};

/// The payloads as text, to be compared with what was published.
pub fn texts(publishes: &[OwnedPublish]) -> Vec<String> {
    publishes.iter().map(|publish| String::from_utf8_lossy(&publish.payload).into_owned()).collect()
}

impl ConnectBuilder<'_> {
    /// The version that it is of.
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// Adds a Receive Maximum (MQTT 5.0).
    ///
    /// # Panics
    /// If it is 0.
    #[must_use]
    pub fn receive_maximum(self, maximum: u16) -> Self {
        self.property(Property::ReceiveMaximum(NonZeroU16::new(maximum).expect("not 0")))
    }

    /// Adds a Maximum Packet Size in bytes (MQTT 5.0).
    ///
    /// # Panics
    /// If it is 0 or more than the property holds.
    #[must_use]
    pub fn maximum_packet_size(self, bytes: usize) -> Self {
        let bytes = u32::try_from(bytes).ok().and_then(NonZeroU32::new).expect("1 to 4,294,967,295");
        self.property(Property::MaximumPacketSize(bytes))
    }
}

impl Client {
    /// Expects a DISCONNECT with one of these reasons, and the end of the connection. For violations to which
    /// more than one code fits.
    ///
    /// # Panics
    /// If anything else came.
    pub fn expect_disconnect_among(&mut self, reasons: &[ReasonCode]) -> ReasonCode {
        match self.receive_or_closed() {
            Some(OwnedPacket::Disconnect(disconnect)) => {
                assert!(reasons.contains(&disconnect.reason), "{} is none of {reasons:?}", disconnect.reason);
                self.expect_closed();
                disconnect.reason
            }
            Some(packet) => panic!("DISCONNECT was expected, but there came {packet:?}"),
            None => panic!("DISCONNECT was expected, but the connection was closed"),
        }
    }

    /// Expects a DISCONNECT as for bytes that break the format: Malformed Packet or Protocol Error.
    ///
    /// # Panics
    /// If anything else came.
    pub fn expect_format_error(&mut self) {
        self.expect_disconnect_among(&[ReasonCode::MalformedPacket, ReasonCode::ProtocolError]);
    }

    /// Expects the SUBACK with this Packet Identifier, and returns its reason codes.
    ///
    /// # Panics
    /// If anything else came.
    pub fn expect_suback_of(&mut self, id: u16) -> Vec<ReasonCode> {
        let suback = self.expect_suback();
        assert_eq!(suback.id, id, "the Packet Identifier of SUBACK");
        suback.codes
    }

    /// Expects the UNSUBACK with this Packet Identifier, and returns its reason codes.
    ///
    /// # Panics
    /// If anything else came.
    pub fn expect_unsuback_of(&mut self, id: u16) -> Vec<ReasonCode> {
        let unsuback = self.expect_unsuback();
        assert_eq!(unsuback.id, id, "the Packet Identifier of UNSUBACK");
        unsuback.codes
    }

    /// Receives so many PUBLISH packets and completes the handshake of each before it takes the next.
    ///
    /// # Panics
    /// If another packet comes, or none.
    pub fn take(&mut self, count: usize) -> Vec<OwnedPublish> {
        (0..count)
            .map(|_| {
                let publish = self.expect_publish();
                self.acknowledge(&publish);
                publish
            })
            .collect()
    }

    /// All packets that come of what this client has sent so far. An acknowledgement may wait for the log, and
    /// then comes behind the PINGRESP that ends [`Client::drain`].
    ///
    /// # Panics
    /// If the connection is closed.
    pub fn drain_settled(&mut self, broker: &mut Broker) -> Vec<OwnedPacket> {
        let mut packets = self.drain();
        broker.settle();
        packets.extend(self.drain());
        packets
    }

    /// The PUBLISH packets that have arrived, and those that come when they are acknowledged.
    ///
    /// # Panics
    /// As [`Client::drain_publishes`].
    pub fn take_all(&mut self) -> Vec<OwnedPublish> {
        let mut all = Vec::new();
        loop {
            let some = self.drain_publishes();
            if some.is_empty() {
                return all;
            }
            for publish in &some {
                self.acknowledge(publish);
            }
            all.extend(some);
        }
    }

    /// The PUBLISH packets that have arrived, none of them acknowledged.
    ///
    /// What other clients caused is waited for by [`Broker::settle`] before.
    ///
    /// # Panics
    /// If there is another packet among them.
    pub fn drain_publishes(&mut self) -> Vec<OwnedPublish> {
        self.drain()
            .into_iter()
            .map(|packet| match packet {
                OwnedPacket::Publish(publish) => publish,
                other => panic!("PUBLISH packets only were expected, but there came {other:?}"),
            })
            .collect()
    }
}

impl Broker {
    /// A client whose Maximum Packet Size is no more than its CONNACK needs, and that size in bytes.
    ///
    /// # Panics
    /// If the CONNECT is not accepted.
    pub fn connect_tight(&mut self, connect: ConnectBuilder<'_>) -> (Client, usize) {
        let mut probe = self.open();
        probe.send(&connect.packet());
        let bytes = probe.receive_raw().len();
        probe.disconnect();
        (self.connect(connect.maximum_packet_size(bytes)), bytes)
    }
}
