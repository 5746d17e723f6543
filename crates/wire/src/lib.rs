//! MQTT 3.1, 3.1.1 and 5.0 control packets: bytes to packets and back.
//!
//! One packet model serves the three versions; the version is an argument of [`decode()`] and of `encode` and is seen
//! nowhere else. Packets borrow from the bytes they were decoded from, nothing is copied or allocated, and no input
//! makes this crate panic.
//!
//! What a packet means for a Session, whether a client or a server may send it, and in which order packets may come is
//! not known here: a decoded packet is one whose format is right, and no more.
//!
//! ```
//! use martlet_wire::{Packet, ProtocolVersion, decode, fixed_header};
//!
//! let received = [0x30, 0x05, 0x00, 0x01, b'a', b'h', b'i', 0xC0];
//! let header = fixed_header(Some(ProtocolVersion::Mqtt311), &received)?.expect("a whole header is here");
//! let packet = decode(ProtocolVersion::Mqtt311, &received[..header.packet_len()])?;
//! let Packet::Publish(publish) = packet else { panic!("a PUBLISH was sent") };
//! assert_eq!(publish.payload, b"hi");
//! # Ok::<(), martlet_wire::DecodeError>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "alloc"))]
extern crate alloc;

mod decode;
mod encode;
mod error;
mod packet;
mod primitive;
mod property;
mod reason;
mod topic;
mod version;

pub use decode::{FixedHeader, REMAINING_LENGTH_MAX, decode, fixed_header};
pub use encode::{Sink, SliceSink};
pub use error::{DecodeError, EncodeError};
pub use packet::ack::Ack;
pub use packet::auth::Auth;
pub use packet::connack::ConnAck;
pub use packet::connect::{Connect, ConnectPart, Will};
pub use packet::disconnect::Disconnect;
pub use packet::publish::{Delivery, Publish};
pub use packet::suback::SubAck;
pub use packet::subscribe::{
    RetainHandling, Subscribe, SubscribeRequest, SubscribeRequests, SubscriptionOptions,
};
pub use packet::unsuback::UnsubAck;
pub use packet::unsubscribe::{TopicFilters, Unsubscribe};
pub use packet::{Packet, PacketId, PacketType, QoS};
pub use property::properties::{Properties, PropertyIter};
pub use property::{Property, PropertyOwner, SubscriptionIdentifier};
pub use reason::{ReasonCode, ReasonCodes};
pub use topic::{TopicError, TopicFilter, TopicName};
pub use version::ProtocolVersion;
