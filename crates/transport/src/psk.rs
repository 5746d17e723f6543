//! TLS 1.2 with pre-shared keys, by OpenSSL, since rustls has none.

use core::fmt;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::{Arc, PoisonError, RwLock};

use openssl::error::ErrorStack;
use openssl::ssl::{
    ErrorCode, Ssl, SslContext, SslMethod, SslMode, SslOptions, SslRef, SslSessionCacheMode, SslStream,
    SslVersion,
};

use crate::introduction::TlsFacts;
use crate::progress::{Progress, Stop};
use crate::tls::{SendError, TlsFault};

/// The suites that are offered unless others are named: those with ephemeral keys first where they are as strong.
const CIPHERS_DEFAULT: &str = "kECDHEPSK:kPSK:!eNULL:@STRENGTH";

/// The key of an identity, if there is one. Asked in the middle of a handshake, so it has to answer at once.
pub type PskLookup = dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync;

/// How a listener uses TLS with pre-shared keys.
///
/// No hint is sent to clients.
#[derive(Clone)]
pub struct PskOptions {
    /// The suites in the notation of OpenSSL, the most wanted first. Without, all that need nothing but a key.
    pub ciphers: Option<String>,
    /// The keys.
    pub keys: Arc<PskLookup>,
}

impl PskOptions {
    /// Options with the keys of a table.
    pub fn new(table: Arc<PskTable>) -> Self {
        Self { ciphers: None, keys: Arc::new(move |identity| table.key(identity)) }
    }

    /// Makes what the connections of a listener have in common.
    ///
    /// # Errors
    /// The cipher suites cannot be used.
    pub fn load(&self) -> Result<PskConfig, PskError> {
        self.context().map(PskConfig).map_err(PskError)
    }

    fn context(&self) -> Result<SslContext, ErrorStack> {
        let mut builder = SslContext::builder(SslMethod::tls_server())?;
        // In TLS 1.3 pre-shared keys are another mechanism, which clients with a key only do not use.
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        builder.set_max_proto_version(Some(SslVersion::TLS1_2))?;
        // A session that is resumed asks for no key: one that was taken away would still be good.
        builder.set_options(
            SslOptions::NO_TICKET | SslOptions::NO_RENEGOTIATION | SslOptions::CIPHER_SERVER_PREFERENCE,
        );
        builder.set_session_cache_mode(SslSessionCacheMode::OFF);
        builder.set_mode(SslMode::RELEASE_BUFFERS);
        builder.set_cipher_list(self.ciphers.as_deref().unwrap_or(CIPHERS_DEFAULT))?;
        let keys = Arc::clone(&self.keys);
        builder.set_psk_server_callback(move |_: &mut SslRef, identity, room| {
            let key = identity.and_then(|identity| keys(str::from_utf8(identity).ok()?));
            let Some(key) = key.filter(|key| key.len() <= room.len()) else { return Ok(0) };
            room[..key.len()].copy_from_slice(&key);
            Ok(key.len())
        });
        Ok(builder.build())
    }
}

impl fmt::Debug for PskOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PskOptions").field("ciphers", &self.ciphers).finish_non_exhaustive()
    }
}

/// Identities and their keys. They may be replaced while connections are open, which go on.
#[derive(Default)]
pub struct PskTable {
    keys: RwLock<HashMap<String, Vec<u8>>>,
}

impl PskTable {
    /// Reads lines `identity:key` with the key in hexadecimal digits, as in Mosquitto's `psk_file`. Lines that are empty
    /// or begin with `#` say nothing. Of several keys of an identity the first counts.
    ///
    /// # Errors
    /// The number of the first line that is something else, counted from 1.
    pub fn parse(text: &str) -> Result<Self, PskLineError> {
        let table = Self::default();
        table.replace(text)?;
        Ok(table)
    }

    /// Takes the keys of another text in place of all that there are.
    ///
    /// # Errors
    /// As [`PskTable::parse`]; nothing is changed then.
    pub fn replace(&self, text: &str) -> Result<(), PskLineError> {
        let mut keys = HashMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (identity, key) = parse_line(line).ok_or(PskLineError { line: number })?;
            keys.entry(identity).or_insert(key);
        }
        // An assignment is whole or has not begun, so what a panicking thread left is sound.
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// The key of an identity.
    pub fn key(&self, identity: &str) -> Option<Vec<u8>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(identity).cloned()
    }
}

impl fmt::Debug for PskTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.keys.read().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("PskTable").field("identities", &count).finish_non_exhaustive()
    }
}

fn parse_line(line: &str) -> Option<(String, Vec<u8>)> {
    let (identity, digits) = line.split_once(':')?;
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let key: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
    let is_whole = rest.is_empty() && !pairs.is_empty() && !identity.is_empty();
    key.filter(|_| is_whole).map(|key| (identity.to_owned(), key))
}

/// A line of a table of keys that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PskLineError {
    /// Its number, counted from 1.
    pub line: usize,
}

impl core::error::Error for PskLineError {}

impl fmt::Display for PskLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} is not an identity, a colon and a key in hexadecimal digits", self.line)
    }
}

/// Options that have been found good.
#[derive(Clone)]
pub struct PskConfig(SslContext);

impl fmt::Debug for PskConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PskConfig").finish_non_exhaustive()
    }
}

/// What OpenSSL does not take.
#[derive(Debug)]
pub struct PskError(ErrorStack);

impl core::error::Error for PskError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl fmt::Display for PskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unable to set up TLS with pre-shared keys. ({})", self.0)
    }
}

/// The server's end of one connection, without its socket.
pub(crate) struct Psk {
    stream: SslStream<Pipe>,
    is_handshaking: bool,
    is_broken: bool,
}

impl Psk {
    /// How much OpenSSL may keep of earlier bytes: a record whose end has not come. So much less is to be read.
    pub(crate) const KEPT_BYTES_MAX: usize = 18 << 10;

    pub(crate) fn new(config: &PskConfig) -> Result<Self, PskError> {
        let make = || SslStream::new(Ssl::new(&config.0)?, Pipe::default());
        Ok(Self { stream: make().map_err(PskError)?, is_handshaking: true, is_broken: false })
    }

    /// Takes raw bytes. What they hold for the reader comes into `plain`, which has as much room and
    /// [`Psk::KEPT_BYTES_MAX`] more; what has to be answered is appended to `out`.
    pub(crate) fn receive(&mut self, raw: &[u8], plain: &mut [u8], out: &mut Vec<u8>) -> Progress {
        self.stream.get_mut().incoming.extend_from_slice(raw);
        let mut bytes = 0;
        let mut stop = None;
        if self.is_handshaking {
            match self.stream.accept() {
                Ok(()) => self.is_handshaking = false,
                Err(error) => stop = self.stop(&error),
            }
        }
        while !self.is_handshaking && stop.is_none() && bytes < plain.len() {
            match self.stream.ssl_read(&mut plain[bytes..]) {
                Ok(count) => bytes += count,
                Err(error) if error.code() == ErrorCode::WANT_READ => break,
                Err(error) => stop = self.stop(&error),
            }
        }
        self.take_outgoing(out);
        Progress { bytes, stop }
    }

    /// What an error means: that more has to come, or the end.
    fn stop(&mut self, error: &openssl::ssl::Error) -> Option<Stop> {
        match error.code() {
            ErrorCode::WANT_READ => None,
            ErrorCode::ZERO_RETURN => Some(Stop::Ended),
            _ => {
                self.is_broken = true;
                let errors = error.ssl_error().map_or(&[][..], ErrorStack::errors);
                let reason = errors.iter().find_map(openssl::error::Error::reason).unwrap_or("unknown error");
                Some(Stop::Failed(TlsFault::Psk { reason: reason.into() }.into()))
            }
        }
    }

    /// Appends bytes for the client to `out`, encrypted.
    pub(crate) fn send(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        if self.is_broken || self.is_handshaking {
            return Err(SendError);
        }
        let mut sent = 0;
        while sent < plain.len() {
            sent += self.stream.ssl_write(&plain[sent..]).map_err(|_| SendError)?;
        }
        self.take_outgoing(out);
        Ok(())
    }

    /// Appends to `out` what tells the client that nothing more will come.
    pub(crate) fn close(&mut self, out: &mut Vec<u8>) {
        if !self.is_broken && !self.is_handshaking {
            // Whoever cannot be told sees the end of the connection.
            let _ = self.stream.shutdown();
            self.take_outgoing(out);
        }
    }

    fn take_outgoing(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.stream.get_mut().outgoing);
    }

    /// Whether the client has still to prove that it has a key.
    pub(crate) const fn is_handshaking(&self) -> bool {
        self.is_handshaking
    }

    /// What is known of the connection after the handshake.
    pub(crate) fn facts(&self) -> TlsFacts {
        let ssl = self.stream.ssl();
        let identity = ssl.psk_identity().and_then(|identity| str::from_utf8(identity).ok());
        TlsFacts {
            version: Some(ssl.version_str().to_owned()),
            cipher: ssl.current_cipher().map(|cipher| cipher.name().to_owned()),
            protocol: None,
            certificate: None,
            psk_identity: identity.map(str::to_owned),
        }
    }
}

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Psk").field("is_handshaking", &self.is_handshaking).finish_non_exhaustive()
    }
}

/// What OpenSSL takes for a socket: memory that never makes it wait for room.
#[derive(Debug, Default)]
struct Pipe {
    incoming: Vec<u8>,
    /// How many bytes of `incoming` were read.
    read: usize,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = (&self.incoming[self.read..]).read(buffer)?;
        self.read += count;
        if self.read == self.incoming.len() {
            self.incoming = Vec::new();
            self.read = 0;
        }
        if count == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(count) }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
