//! Memory for work that is done before a call returns.

/// Bytes that one read takes from a socket at most. It holds the longest TLS record (16 KiB and some) and the longest
/// message of a TLS handshake (64 KiB) that is accepted.
pub const READ_BYTES_MAX: usize = 64 << 10;

/// Memory that all streams of one event loop use in turn, so that a connection that is silent needs none.
///
/// Nothing of a stream is left in it between two calls.
#[derive(Debug)]
pub struct Scratch {
    /// What came from a socket.
    pub(crate) raw: Box<[u8]>,
    /// Bytes to be sent, put together.
    pub(crate) plain: Vec<u8>,
    /// The same, encrypted.
    pub(crate) sealed: Vec<u8>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { raw: vec![0; READ_BYTES_MAX].into(), plain: Vec::new(), sealed: Vec::new() }
    }
}
