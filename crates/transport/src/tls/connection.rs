//! The server's end of one TLS connection, without its socket.
//!
//! rustls is used by its unbuffered interface: records are decrypted from the caller's memory, and nothing but an
//! incomplete record is kept. An idle connection so has no buffer at all.

use core::fmt;
use std::sync::Arc;

use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError, UnbufferedStatus,
};
use rustls::{ProtocolVersion, ServerConfig};

use super::error::TlsFault;
use super::{ciphers, subject};
use crate::introduction::TlsFacts;
use crate::progress::{Progress, Stop};

/// What a record has around its content, at most: header, explicit nonce, content type, tag.
const RECORD_OVERHEAD_BYTES: usize = 5 + 8 + 1 + 16;
/// The most content of a record.
const RECORD_CONTENT_BYTES: usize = 1 << 14;
/// The first byte of a record tells its type.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// The server's end of a TLS connection.
pub(crate) struct Tls {
    connection: UnbufferedServerConnection,
    /// Received bytes that are no whole record, or no whole message of the handshake.
    partial: Vec<u8>,
    has_begun: bool,
    is_broken: bool,
}

impl Tls {
    /// Waits for the client's first message.
    pub(crate) fn new(config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let connection = UnbufferedServerConnection::new(config)?;
        Ok(Self { connection, partial: Vec::new(), has_begun: false, is_broken: false })
    }

    /// Puts what was kept of earlier bytes to the start of `raw`, and tells how much that is. The next ones belong
    /// behind it, and all together to [`Tls::receive`].
    pub(crate) fn restore(&self, raw: &mut [u8]) -> Result<usize, TlsFault> {
        let len = self.partial.len();
        if len >= raw.len() {
            return Err(TlsFault::TooLong);
        }
        raw[..len].copy_from_slice(&self.partial);
        Ok(len)
    }

    /// Takes raw bytes. What they hold for the reader comes into `plain`, which has as much room; what has to be answered
    /// is appended to `out`.
    pub(crate) fn receive(&mut self, raw: &mut [u8], plain: &mut [u8], out: &mut Vec<u8>) -> Progress {
        if let Some(first) = raw.first().copied().filter(|_| !self.has_begun) {
            self.has_begun = true;
            if first != HANDSHAKE {
                self.is_broken = true;
                return Progress::stopped(0, Stop::Failed(TlsFault::NotTls { first }.into()));
            }
        }
        let (mut used, mut bytes) = (0, 0);
        let stop = loop {
            let UnbufferedStatus { mut discard, state, .. } =
                self.connection.process_tls_records(&mut raw[used..]);
            let stop = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        let room = &mut plain[bytes..bytes + record.payload.len()];
                        room.copy_from_slice(record.payload);
                        bytes += record.payload.len();
                        discard += record.discard;
                    }
                    None
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    encode(&mut data, out);
                    None
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done(); // It is in `out`, and that is sent in order.
                    None
                }
                Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => Some(Some(Stop::Ended)),
                // The rest is no whole record. Early data is not offered.
                Ok(_) => Some(None),
                Err(error) => {
                    self.is_broken = true;
                    self.encode_alert(&mut raw[used + discard..], out);
                    Some(Some(Stop::Failed(TlsFault::Broken(error).into())))
                }
            };
            used += discard;
            if let Some(stop) = stop {
                break stop;
            }
        };
        self.keep(if stop.is_none() { &raw[used..] } else { &[] });
        Progress { bytes, stop }
    }

    /// Puts what tells the client of an error into `out`: all that rustls has ready, up to the alert, which is the last.
    /// After that it would look at `rest`, what follows the good bytes, once more, and find the same error.
    fn encode_alert(&mut self, rest: &mut [u8], out: &mut Vec<u8>) {
        while let UnbufferedStatus { state: Ok(ConnectionState::EncodeTlsData(mut data)), discard: 0 } =
            self.connection.process_tls_records(rest)
        {
            let begin = out.len();
            encode(&mut data, out);
            if is_alert(&out[begin..]) {
                return;
            }
        }
    }

    fn keep(&mut self, rest: &[u8]) {
        self.partial.clear();
        if rest.is_empty() {
            self.partial = Vec::new();
        } else {
            self.partial.extend_from_slice(rest);
        }
    }

    /// Appends bytes for the client to `out`, encrypted.
    pub(crate) fn send(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.write(&Content::Data(plain), out)
    }

    /// Appends to `out` what tells the client that nothing more will come.
    pub(crate) fn close(&mut self, out: &mut Vec<u8>) {
        if !self.is_handshaking() {
            // Whoever cannot be told sees the end of the connection.
            let _ = self.write(&Content::CloseNotify, out);
        }
    }

    fn write(&mut self, content: &Content<'_>, out: &mut Vec<u8>) -> Result<(), SendError> {
        if self.is_broken {
            return Err(SendError);
        }
        let mut room = content.sealed_bytes_max();
        loop {
            let UnbufferedStatus { discard, state, .. } =
                self.connection.process_tls_records(&mut self.partial);
            let is_done = match state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    encode(&mut data, out);
                    false
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    false
                }
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    let begin = out.len();
                    out.resize(begin + room, 0);
                    let written = match content {
                        Content::Data(plain) => traffic.encrypt(plain, &mut out[begin..]),
                        Content::CloseNotify => traffic.queue_close_notify(&mut out[begin..]),
                    };
                    out.truncate(begin + written.as_ref().map_or(0, |len| *len));
                    match written {
                        Ok(_) => true,
                        Err(EncryptError::InsufficientSize(InsufficientSizeError { required_size })) => {
                            room = required_size;
                            false
                        }
                        Err(EncryptError::EncryptExhausted) => return Err(SendError),
                    }
                }
                // Told once, by a read or here; sending goes on.
                Ok(ConnectionState::PeerClosed) => false,
                Ok(_) | Err(_) => return Err(SendError),
            };
            self.partial.drain(..discard);
            if is_done {
                return Ok(());
            }
        }
    }

    /// Whether the client has still to prove that it is there.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// What is known of the connection after the handshake.
    pub(crate) fn facts(&self) -> TlsFacts {
        let version = match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => Some("TLSv1.2"),
            Some(ProtocolVersion::TLSv1_3) => Some("TLSv1.3"),
            _ => None,
        };
        let cipher = self.connection.negotiated_cipher_suite().and_then(|suite| ciphers::name(suite.suite()));
        let protocol = self.connection.alpn_protocol().and_then(|protocol| str::from_utf8(protocol).ok());
        // Whoever shows a certificate that is not valid does not come so far.
        let certificate = self.connection.peer_certificates().and_then(<[_]>::first);
        TlsFacts {
            version: version.map(str::to_owned),
            cipher: cipher.map(str::to_owned),
            protocol: protocol.map(str::to_owned),
            certificate: certificate.map(|certificate| subject::describe(certificate, true)),
            psk_identity: None,
        }
    }
}

/// What is sent.
enum Content<'a> {
    Data(&'a [u8]),
    CloseNotify,
}

impl Content<'_> {
    /// The room that it takes encrypted, unless something else has to be sent before it.
    const fn sealed_bytes_max(&self) -> usize {
        let len = match self {
            Self::Data(plain) => plain.len(),
            Self::CloseNotify => 2,
        };
        len + RECORD_OVERHEAD_BYTES * (len / RECORD_CONTENT_BYTES + 1)
    }
}

/// Nothing can be sent: the connection is broken, or has sent as much as its keys are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SendError;

impl core::error::Error for SendError {}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing more can be sent on this TLS connection")
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("is_handshaking", &self.is_handshaking())
            .field("partial", &self.partial.len())
            .finish_non_exhaustive()
    }
}

/// Whether a record is an alert: by its type or, where that is encrypted, by its length. Nothing else is so short.
fn is_alert(record: &[u8]) -> bool {
    const SEALED_ALERT_BYTES: usize = 5 + 2 + 1 + 16;
    match record.first() {
        Some(&ALERT) => true,
        Some(&APPLICATION_DATA) => record.len() == SEALED_ALERT_BYTES,
        _ => false,
    }
}

fn encode<Data>(data: &mut EncodeTlsData<'_, Data>, out: &mut Vec<u8>) {
    let begin = out.len();
    if let Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) = data.encode(&mut [])
    {
        out.resize(begin + required_size, 0);
        let written = data.encode(&mut out[begin..]).unwrap_or(0);
        out.truncate(begin + written);
    }
}
