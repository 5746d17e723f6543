//! The bytes on disk: the header of a file, and the frames behind it. `docs/store-format.md` draws them.
//!
//! A frame is sound only in the file that it was written to: its checksum begins with the salt of that file's header, which
//! no outsider knows, so bytes inside an entry cannot pass for a frame.

/// The newest version of the format that is written and understood.
pub const FORMAT_VERSION: u16 = 1;

/// Bytes that an entry or a record may have at most.
pub const ENTRY_BYTES_MAX: usize = (1 << 30) - 1;

/// The highest number of an entry or a file; sound files have none above it, so counting on never overflows.
pub(crate) const NUMBER_MAX: u64 = 1 << 62;
/// Bytes of the header of each file.
pub(crate) const HEADER_BYTES: usize = 64;
/// Bytes of a frame before its payload.
pub(crate) const FRAME_HEADER_BYTES: usize = 20;
/// Frames begin at multiples of this.
pub(crate) const FRAME_ALIGNMENT: usize = 8;
/// Bytes of the smallest frame.
pub(crate) const FRAME_BYTES_MIN: u64 = 24;

const MAGIC: [u8; 7] = *b"MARTLET";
/// The frame is no entry but ends a checkpoint or a segment.
const MARK: u32 = 1 << 30;
/// All that was written before the frame had been synced by then.
const PROOF: u32 = 1 << 31;

const _: () = assert!(ENTRY_BYTES_MAX < MARK as usize);
const _: () = assert!(HEADER_BYTES.is_multiple_of(FRAME_ALIGNMENT));

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Segment = b'S' as isize,
    Checkpoint = b'C' as isize,
    Meta = b'M' as isize,
}

/// Who a store belongs to. It is in its `meta` file, and in the header of each other file too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The node.
    pub node: u64,
    /// The number of shards of the node.
    pub shards: u16,
    /// When the store was made, in milliseconds since 1970 (UTC).
    pub created_ms: u64,
}

/// The first [`HEADER_BYTES`] of each file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: FileKind,
    pub(crate) shard: u16,
    pub(crate) identity: Identity,
    /// The number in the file's name.
    pub(crate) ordinal: u64,
    /// A segment's first entry; the first entry that is to be replayed on top of a checkpoint.
    pub(crate) seq: u64,
    /// What the checksums of the file's frames begin with.
    pub(crate) salt: u32,
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    Damaged,
    Newer(u16),
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..7].copy_from_slice(&MAGIC);
        bytes[7] = self.kind as u8;
        bytes[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[10..12].copy_from_slice(&self.shard.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.identity.shards.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.identity.node.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.identity.created_ms.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.ordinal.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.seq.to_le_bytes());
        bytes[48..52].copy_from_slice(&self.salt.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(kind: FileKind, bytes: &[u8]) -> Result<Self, HeaderError> {
        let bytes: &[u8; HEADER_BYTES] =
            bytes.get(..HEADER_BYTES).and_then(|bytes| bytes.try_into().ok()).ok_or(HeaderError::Damaged)?;
        let is_sound = crc32c::crc32c(&bytes[..60]) == u32_at(bytes, 60);
        if !is_sound || bytes[..7] != MAGIC || bytes[7] != kind as u8 {
            return Err(HeaderError::Damaged);
        }
        match u16_at(bytes, 8) {
            FORMAT_VERSION => {}
            0 => return Err(HeaderError::Damaged),
            newer => return Err(HeaderError::Newer(newer)),
        }
        let identity =
            Identity { node: u64_at(bytes, 16), shards: u16_at(bytes, 12), created_ms: u64_at(bytes, 24) };
        if u64_at(bytes, 32) > NUMBER_MAX || u64_at(bytes, 40) > NUMBER_MAX {
            return Err(HeaderError::Damaged);
        }
        Ok(Self {
            kind,
            shard: u16_at(bytes, 10),
            identity,
            ordinal: u64_at(bytes, 32),
            seq: u64_at(bytes, 40),
            salt: u32_at(bytes, 48),
        })
    }
}

/// The payload of the mark behind what a start has written anew.
pub(crate) const ANEW: &[u8] = b"anew";

/// What stands before the payload of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Bytes of the payload.
    pub(crate) length: usize,
    pub(crate) seq: u64,
    /// Whether the frame ends something, and is no entry.
    pub(crate) is_mark: bool,
    /// Whether all before the frame had been synced when it was written.
    pub(crate) is_proof: bool,
    checksum: u32,
}

impl Frame {
    pub(crate) fn entry(seq: u64, payload: &[u8]) -> Self {
        let checksum = crc32c::crc32c(payload);
        Self { length: payload.len(), seq, is_mark: false, is_proof: false, checksum }
    }

    /// The same frame, saying that all before it had been synced.
    pub(crate) const fn proving(self, is_proof: bool) -> Self {
        Self { is_proof, ..self }
    }

    /// A frame that ends something: in good order if it has no payload.
    pub(crate) fn mark(seq: u64, payload: &[u8]) -> Self {
        Self { is_mark: true, is_proof: true, ..Self::entry(seq, payload) }
    }

    /// Appends the frame of a payload that is no longer than [`ENTRY_BYTES_MAX`].
    pub(crate) fn encode(&self, salt: u32, payload: &[u8], out: &mut Vec<u8>) {
        let mut header = [0; FRAME_HEADER_BYTES];
        let mut length = u32::try_from(self.length).expect("the caller checks ENTRY_BYTES_MAX");
        length |= if self.is_mark { MARK } else { 0 };
        length |= if self.is_proof { PROOF } else { 0 };
        header[4..8].copy_from_slice(&length.to_le_bytes());
        header[8..16].copy_from_slice(&self.seq.to_le_bytes());
        header[16..].copy_from_slice(&self.checksum.to_le_bytes());
        let checksum = crc32c::crc32c_append(salt, &header[4..]);
        header[..4].copy_from_slice(&checksum.to_le_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(payload);
        out.resize(out.len().next_multiple_of(FRAME_ALIGNMENT), 0);
    }

    /// Reads what stands before a payload; `None` when it is not sound. No frame has the number 0, so zeros are never one.
    pub(crate) fn decode(salt: u32, bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; FRAME_HEADER_BYTES] = bytes.get(..FRAME_HEADER_BYTES)?.try_into().ok()?;
        let seq = u64_at(bytes, 8);
        if seq == 0 || seq > NUMBER_MAX || crc32c::crc32c_append(salt, &bytes[4..]) != u32_at(bytes, 0) {
            return None;
        }
        let length = u32_at(bytes, 4);
        Some(Self {
            length: usize::try_from(length & !(MARK | PROOF)).ok()?,
            seq,
            is_mark: length & MARK != 0,
            is_proof: length & PROOF != 0,
            checksum: u32_at(bytes, 16),
        })
    }

    /// Bytes of the whole frame, to the beginning of the next.
    pub(crate) fn bytes(&self) -> u64 {
        frame_bytes(self.length)
    }

    pub(crate) fn is_payload(&self, payload: &[u8]) -> bool {
        payload.len() == self.length && crc32c::crc32c(payload) == self.checksum
    }
}

/// Bytes of a frame with a payload of so many.
pub(crate) const fn frame_bytes(payload: usize) -> u64 {
    (payload as u64 + FRAME_HEADER_BYTES as u64).next_multiple_of(FRAME_ALIGNMENT as u64)
}

/// The salt of a file: different for each, and unknown to those who do not know the seed.
pub(crate) fn salt(seed: u64, kind: FileKind, shard: u16, ordinal: u64) -> u32 {
    // SplitMix64's last steps, which spread each bit of the input over all of the output.
    let file = ordinal ^ (u64::from(shard) << 48) ^ (u64::from(kind as u8) << 40);
    let mut z = seed ^ file.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    u32_at(&(z ^ (z >> 31)).to_le_bytes(), 0)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | (u64::from(u32_at(bytes, at + 4)) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        kind: FileKind::Segment,
        shard: 3,
        identity: Identity { node: 7, shards: 4, created_ms: 1_700_000_000_000 },
        ordinal: 2,
        seq: 1001,
        salt: 0x1234_5678,
    };

    #[test]
    fn a_header_comes_back() {
        assert_eq!(Header::decode(FileKind::Segment, &HEADER.encode()), Ok(HEADER));
        assert_eq!(Header::decode(FileKind::Checkpoint, &HEADER.encode()), Err(HeaderError::Damaged));
    }

    #[test]
    fn each_changed_bit_of_a_header_is_noticed() {
        let sound = HEADER.encode();
        for bit in 0..HEADER_BYTES * 8 {
            let mut bytes = sound;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(FileKind::Segment, &bytes), Err(HeaderError::Damaged), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_version_is_not_damage() {
        let mut bytes = HEADER.encode();
        bytes[8] = 2;
        let checksum = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(Header::decode(FileKind::Segment, &bytes), Err(HeaderError::Newer(2)));
    }

    #[test]
    fn a_frame_comes_back_in_its_own_file_alone() {
        for payload in [&b""[..], b"four", b"fifth", &[7; 1000]] {
            let mut bytes = Vec::new();
            let frame = Frame { is_proof: true, ..Frame::entry(9, payload) };
            frame.encode(5, payload, &mut bytes);
            assert_eq!(bytes.len() as u64, frame.bytes());
            assert_eq!(Frame::decode(5, &bytes), Some(frame));
            assert!(frame.is_payload(payload));
            assert_eq!(Frame::decode(6, &bytes), None);
        }
    }

    #[test]
    fn each_changed_bit_of_a_frame_is_noticed() {
        let payload = b"payload of 20 bytes.";
        let mut sound = Vec::new();
        Frame::entry(9, payload).encode(5, payload, &mut sound);
        for bit in 0..sound.len() * 8 {
            let mut bytes = sound.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let frame = Frame::decode(5, &bytes);
            assert!(frame.is_none_or(|frame| !frame.is_payload(&bytes[FRAME_HEADER_BYTES..])), "bit {bit}");
        }
    }

    #[test]
    fn zeros_are_no_frame() {
        // The one salt for which the checksum of zeros is zero must not make a frame of them either.
        for salt in [0, 1, u32::MAX] {
            assert_eq!(Frame::decode(salt, &[0; 64]), None);
        }
    }
}
