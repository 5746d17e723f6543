//! The rules of one connection of a bridge, without sockets: bytes of two ends in, bytes for two ends out.
//!
//! The far end is a client of the other broker, the near end one of this broker, which speaks MQTT 5.0. A PUBLISH and its
//! answers pass under one Packet Identifier; what the far end needs for itself (SUBSCRIBE, UNSUBSCRIBE, the message that
//! tells that it is connected) takes identifiers of the same row, and a PUBLISH that meets one of these waits.

mod inward;
mod memory;
mod opening;
mod outward;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use martlet_proto::connection::ClientConnection;
use martlet_proto::{KeepAlive, PeerMisbehaved};
use martlet_wire::{
    Ack, Disconnect, EncodeError, Packet, PacketId, PacketType, ProtocolVersion, ReasonCode, fixed_header,
};

pub(crate) use self::memory::Memory;
pub(crate) use self::opening::{CONNECTED, NOT_CONNECTED, NearOpening};
use crate::bridges::NearEnd;
use crate::notice::{Notice, Refusal};
use crate::options::BridgeOptions;

/// What the near end speaks.
const NEAR: ProtocolVersion = ProtocolVersion::Mqtt5;
/// Bytes of messages that wait for an identifier; while there are more, nothing is taken from the near end.
const HELD_BYTES_MAX: usize = 1 << 20;

/// PINGREQ and PINGRESP, which look alike in all versions.
const PING_REQUEST: [u8; 2] = [0xC0, 0];
const PING_RESPONSE: [u8; 2] = [0xD0, 0];

/// Why a connection ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The other broker refused it.
    Refused { reason: ReasonCode, remedy: Option<Refusal> },
    /// The other broker did what the standard does not allow.
    FarMisbehaved(PeerMisbehaved),
    /// The other broker said good-bye.
    FarLeft(ReasonCode),
    /// This broker did not let the near end in, or sent it away.
    NearLeft(ReasonCode),
    /// This broker cannot keep a message at present. It was not acknowledged, and comes again.
    NearFull(ReasonCode),
    /// What the configuration says cannot be said in MQTT.
    Unsayable(EncodeError),
}

impl From<PeerMisbehaved> for End {
    fn from(error: PeerMisbehaved) -> Self {
        Self::FarMisbehaved(error)
    }
}

impl From<EncodeError> for End {
    fn from(error: EncodeError) -> Self {
        Self::Unsayable(error)
    }
}

/// What the far end has asked for itself.
#[derive(Debug)]
enum Own {
    Subscribe(String),
    Unsubscribe,
    Notification,
}

/// A message that went out with a lower QoS than the near end has it, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lowered {
    /// QoS 2 at the near end, QoS 1 at the far end: PUBACK is due.
    AwaitsPubAck,
    /// The near end has its PUBREC; its PUBREL is answered here.
    AwaitsPubRel,
}

/// One connection of a bridge.
#[derive(Debug)]
pub(crate) struct Relay {
    options: Arc<BridgeOptions>,
    memory: Memory,
    /// What the other broker allows.
    far: ClientConnection,
    /// What came and is no whole packet yet.
    far_part: Vec<u8>,
    near_part: Vec<u8>,
    /// The near end only listens: the other broker has not let the bridge in yet.
    is_early: bool,
    /// The near end has subscribed.
    has_subscribed: bool,
    to_far: Vec<u8>,
    to_near: Vec<u8>,
    /// The near end that has to be opened.
    near_end: Option<NearEnd>,
    own: BTreeMap<PacketId, Own>,
    /// Messages of the near end that wait.
    held: VecDeque<Vec<u8>>,
    held_bytes: usize,
    lowered: BTreeMap<PacketId, Lowered>,
    awaits_ping: bool,
    /// Messages that went over the bridge, in both directions.
    passed: u64,
    notices: Vec<Notice>,
}

impl Relay {
    /// Begins a connection: the near end listens from here on, and when it does, the CONNECT is there for the far end.
    ///
    /// # Errors
    /// [`End::Unsayable`].
    pub(crate) fn begin(options: Arc<BridgeOptions>, memory: Memory) -> Result<Self, End> {
        let version = memory.version(&options);
        let mut far = ClientConnection::new(version, KeepAlive::new(options.keep_alive));
        far.topic_alias_maximum = options.topic_alias_maximum;
        far.own_packet_size_bytes_max = options.incoming_packet_bytes_max;
        let mut relay = Self {
            options,
            memory,
            far,
            far_part: Vec::new(),
            near_part: Vec::new(),
            is_early: true,
            has_subscribed: false,
            to_far: Vec::new(),
            to_near: Vec::new(),
            near_end: None,
            own: BTreeMap::new(),
            held: VecDeque::new(),
            held_bytes: 0,
            lowered: BTreeMap::new(),
            awaits_ping: false,
            passed: 0,
            notices: Vec::new(),
        };
        relay.listen()?;
        Ok(relay)
    }

    /// Takes bytes of the other broker.
    ///
    /// # Errors
    /// The connection is over. What is to be sent is still there.
    pub(crate) fn take_far(&mut self, bytes: &[u8]) -> Result<(), End> {
        let mut part = core::mem::take(&mut self.far_part);
        part.extend_from_slice(bytes);
        let mut rest = part.as_slice();
        loop {
            // No server sends it, but who tries bridges out does, and Mosquitto answers.
            if let Some(behind) = rest.strip_prefix(&PING_REQUEST).filter(|_| self.far.is_open) {
                self.to_far.extend_from_slice(&PING_RESPONSE);
                rest = behind;
                continue;
            }
            let Some(len) = self.far.first_packet(rest)? else { break };
            let (packet, behind) = rest.split_at(len);
            rest = behind;
            self.far_packet(packet)?;
        }
        let taken = part.len() - rest.len();
        part.drain(..taken);
        self.far_part = part;
        Ok(())
    }

    /// Takes bytes of this broker.
    ///
    /// # Errors
    /// The connection is over. What is to be sent is still there.
    pub(crate) fn take_near(&mut self, bytes: &[u8]) -> Result<(), End> {
        let mut part = core::mem::take(&mut self.near_part);
        part.extend_from_slice(bytes);
        let mut rest = part.as_slice();
        while let Some(header) =
            fixed_header(Some(NEAR), rest).map_err(|_| End::NearLeft(ReasonCode::MalformedPacket))?
            && rest.len() >= header.packet_len()
        {
            let (packet, behind) = rest.split_at(header.packet_len());
            rest = behind;
            self.near_packet(packet)?;
        }
        let taken = part.len() - rest.len();
        part.drain(..taken);
        self.near_part = part;
        Ok(())
    }

    /// The near end that only listened has ended: what comes from here on is from the other one.
    pub(crate) fn early_end_is_over(&mut self) {
        self.is_early = false;
        self.near_part.clear();
    }

    /// The near end that has to be opened before [`Relay::near_bytes`] can go anywhere: first one that only listens, then, when
    /// the other broker has let the bridge in, one that takes the place of the first.
    pub(crate) const fn take_near_end(&mut self) -> Option<NearEnd> {
        self.near_end.take()
    }

    /// What is to be sent to the other broker; whoever sends it takes it out.
    pub(crate) const fn far_bytes(&mut self) -> &mut Vec<u8> {
        &mut self.to_far
    }

    /// What is to be sent to this broker; whoever sends it takes it out.
    pub(crate) const fn near_bytes(&mut self) -> &mut Vec<u8> {
        &mut self.to_near
    }

    /// Whether more may be taken from the near end.
    pub(crate) const fn takes_from_near(&self) -> bool {
        self.held_bytes < HELD_BYTES_MAX
    }

    /// What there is to tell.
    pub(crate) fn notices(&mut self) -> impl Iterator<Item = Notice> {
        self.notices.drain(..)
    }

    /// How many messages went over the bridge, in both directions.
    pub(crate) const fn passed(&self) -> u64 {
        self.passed
    }

    /// Whether the other broker has let it in.
    pub(crate) const fn is_open(&self) -> bool {
        self.far.is_open
    }

    /// After how many seconds without a packet to the other broker one is due; 0 for never.
    pub(crate) const fn keep_alive(&self) -> u16 {
        self.far.keep_alive.seconds()
    }

    /// Keep Alive: a PINGREQ is due. `false` if the one before was not answered: the connection is dead.
    pub(crate) fn ping(&mut self) -> bool {
        if core::mem::replace(&mut self.awaits_ping, true) {
            return false;
        }
        self.to_far.extend_from_slice(&PING_REQUEST);
        true
    }

    /// Ends the connection in good order, as far as that can be said: where the other broker is to tell that the bridge is gone,
    /// its Will has to be published, which before 5.0 only a connection without an end does.
    pub(crate) fn leave(&mut self) {
        let has_will = self.options.far_notifications().is_some();
        let reason = match (self.far.version.has_properties(), has_will) {
            (false, true) => return,
            (true, true) => ReasonCode::DisconnectWithWillMessage,
            (_, false) => ReasonCode::NORMAL_DISCONNECTION,
        };
        let disconnect = Disconnect { reason, properties: martlet_wire::Properties::EMPTY };
        // It cannot fail: the reason belongs there.
        let _ = Packet::Disconnect(disconnect).encode(self.far.version, &mut self.to_far);
    }

    /// What the next connection has to know.
    pub(crate) fn into_memory(self) -> Memory {
        self.memory
    }

    fn ack_far(&mut self, kind: PacketType, ack: Ack<'_>) -> Result<(), End> {
        Ok(ack.encode(kind, self.far.version, &mut self.to_far)?)
    }

    fn ack_near(&mut self, kind: PacketType, ack: Ack<'_>) -> Result<(), End> {
        Ok(ack.encode(kind, NEAR, &mut self.to_near)?)
    }
}

#[cfg(test)]
mod tests;
