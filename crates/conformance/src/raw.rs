//! Packets as bytes, for what no well-behaved encoder writes.

use martlet_wire::{Packet, ProtocolVersion};

/// The bytes of a well-formed packet.
///
/// # Panics
/// If the packet cannot be written in this version.
pub fn encode(version: ProtocolVersion, packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(version, &mut bytes).expect("a packet that can be written");
    bytes
}

/// A packet from its first byte and all that follows the Remaining Length.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    bytes.extend(variable_byte_integer(body.len()));
    bytes.extend_from_slice(body);
    bytes
}

/// A Variable Byte Integer in as few bytes as possible.
///
/// # Panics
/// If the value needs more than four bytes.
pub fn variable_byte_integer(value: usize) -> Vec<u8> {
    assert!(value < 1 << 28, "the value fits in four bytes");
    let mut bytes = Vec::new();
    let mut rest = value;
    loop {
        let low = u8::try_from(rest % 128).expect("less than 128");
        rest /= 128;
        if rest == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Reads a Variable Byte Integer: its value and its length, or `None` if bytes are missing.
///
/// # Panics
/// If it is longer than four bytes.
pub fn read_variable_byte_integer(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate() {
        assert!(index < 4, "a Variable Byte Integer of more than four bytes: {bytes:02x?}");
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

/// A UTF-8 Encoded String or Binary Data: two bytes of length, then the bytes, whatever they are.
///
/// # Panics
/// If they are more than 65,535.
pub fn string(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let length = u16::try_from(bytes.len()).expect("at most 65,535 bytes");
    [&length.to_be_bytes(), bytes].concat()
}

/// A property section: the Property Length and these bytes.
pub fn properties(section: &[u8]) -> Vec<u8> {
    [variable_byte_integer(section.len()), section.to_vec()].concat()
}

/// A CONNECT of which every field can be wrong.
#[derive(Clone, Debug)]
pub struct RawConnect {
    /// The first byte; 0x10.
    pub first: u8,
    /// The Protocol Name.
    pub name: Vec<u8>,
    /// The Protocol Level.
    pub level: u8,
    /// The Connect Flags; 0x02.
    pub flags: u8,
    /// Keep Alive in seconds.
    pub keep_alive: u16,
    /// The bytes of the property section without its length; left out with its length below level 5.
    pub properties: Vec<u8>,
    /// The payload: Client Identifier and what the flags promise.
    pub payload: Vec<u8>,
}

impl RawConnect {
    /// A good CONNECT of MQTT 5.0 with Clean Start.
    pub fn v5(client_identifier: &str) -> Self {
        Self {
            first: 0x10,
            name: b"MQTT".to_vec(),
            level: 5,
            flags: 0x02,
            keep_alive: 0,
            properties: Vec::new(),
            payload: string(client_identifier),
        }
    }

    /// A good CONNECT of MQTT 3.1.1 with Clean Session.
    pub fn v311(client_identifier: &str) -> Self {
        Self { level: 4, ..Self::v5(client_identifier) }
    }

    /// A good CONNECT of MQTT 3.1 with Clean Session.
    pub fn v31(client_identifier: &str) -> Self {
        Self { level: 3, name: b"MQIsdp".to_vec(), ..Self::v5(client_identifier) }
    }

    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut body = string(&self.name);
        body.extend([self.level, self.flags]);
        body.extend(self.keep_alive.to_be_bytes());
        if self.level >= 5 {
            body.extend(properties(&self.properties));
        }
        body.extend_from_slice(&self.payload);
        packet(self.first, &body)
    }
}
