//! The HTTP request that asks for WebSocket, and the answer to it.

use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use httparse::{EMPTY_HEADER, Header, Request, Status};
use sha1::{Digest, Sha1};

use super::fault::{RequestFault, WebSocketFault};
use super::{Refusal, WebSocketOptions};

/// Lines that the head of a request may have.
const HEADERS_MAX: usize = 100;
/// What the standard has a server append to the key.
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes in a key, decoded.
const KEY_BYTES: usize = 16;

/// A request that is being read.
#[derive(Debug)]
pub(crate) struct Upgrade {
    options: Arc<WebSocketOptions>,
    /// What came so far. At most as much as a head may have, and what one read brought behind it.
    head: Vec<u8>,
}

/// A request that is granted.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// How many of the bytes that came last belong to it.
    pub(crate) used: usize,
    /// The answer.
    pub(crate) response: String,
    /// Where the client is, if trusted proxies told.
    pub(crate) address: Option<SocketAddr>,
}

/// A request that is not granted.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) fault: WebSocketFault,
    /// The answer; empty where none is wanted.
    pub(crate) response: String,
}

impl Upgrade {
    pub(crate) const fn new(options: Arc<WebSocketOptions>) -> Self {
        Self { options, head: Vec::new() }
    }

    /// The options that it began with.
    pub(crate) fn options(&self) -> &WebSocketOptions {
        &self.options
    }

    /// Takes further bytes. `None`: the head is not complete.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Result<Option<Accepted>, Refused> {
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        self.judge(before).map_err(|fault| self.refuse(fault))
    }

    fn judge(&self, before: usize) -> Result<Option<Accepted>, RequestFault> {
        // Methods of HTTP are words of capital letters. Who speaks something else may wait for an answer.
        if let Some(&first) = self.head.first()
            && !first.is_ascii_uppercase()
        {
            return Err(RequestFault::NotHttp { first });
        }
        let too_long = RequestFault::LongHead { bytes_max: self.options.head_bytes_max };
        let Some(len) = head_len(&self.head, before) else {
            return if self.head.len() < self.options.head_bytes_max { Ok(None) } else { Err(too_long) };
        };
        if len > self.options.head_bytes_max {
            return Err(too_long);
        }
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut request = Request::new(&mut headers);
        match request.parse(&self.head[..len]) {
            Ok(Status::Complete(_)) => {}
            Ok(Status::Partial) => return Err(RequestFault::Malformed(httparse::Error::NewLine)),
            Err(httparse::Error::TooManyHeaders) => return Err(too_long),
            Err(error) => return Err(RequestFault::Malformed(error)),
        }
        let request = Head { request: &request };
        let response = request.response(&self.options)?;
        let address = request.forwarded_for(self.options.trusted_proxies);
        Ok(Some(Accepted { used: len - before, response, address }))
    }

    fn refuse(&self, fault: RequestFault) -> Refused {
        let response = match (&fault, self.options.refusal) {
            (RequestFault::NotHttp { .. }, _) | (_, Refusal::Close) => String::new(),
            (_, Refusal::Answer) => {
                let (status, lines, text) = (fault.status(), fault.head_lines(), fault.to_string());
                let len = text.len() + 1;
                format!(
                    "HTTP/1.1 {status}\r\n{lines}Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\
                     Content-Length: {len}\r\n\r\n{text}\n"
                )
            }
        };
        Refused { fault: WebSocketFault::Request(fault), response }
    }
}

/// The length of a head with the empty line at its end; `before` is what was looked at already.
fn head_len(bytes: &[u8], before: usize) -> Option<usize> {
    let begin = before.saturating_sub(2);
    (begin..bytes.len()).find_map(|at| match bytes[at..] {
        [b'\n', b'\n', ..] => Some(at + 2),
        [b'\n', b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

/// The head of a request.
struct Head<'a> {
    request: &'a Request<'a, 'a>,
}

impl<'a> Head<'a> {
    /// The values of all lines with this name, in their order. What is no text is left out.
    fn values(&self, name: &'static str) -> impl DoubleEndedIterator<Item = &'a str> {
        let is_it = move |header: &&Header<'a>| header.name.eq_ignore_ascii_case(name);
        let headers: &'a [Header<'a>] = self.request.headers;
        headers.iter().filter(is_it).filter_map(|header| str::from_utf8(header.value).ok()).map(str::trim)
    }

    /// The elements of all lines with this name whose value is a list.
    fn elements(&self, name: &'static str) -> impl DoubleEndedIterator<Item = &'a str> {
        self.values(name).flat_map(|value| value.split(',')).map(str::trim)
    }

    /// The value of the only line with this name.
    fn only(&self, name: &'static str) -> Option<&'a str> {
        let mut values = self.values(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// Grants the request, or says what speaks against it.
    fn response(&self, options: &WebSocketOptions) -> Result<String, RequestFault> {
        if self.request.method != Some("GET") {
            return Err(RequestFault::Method);
        }
        if self.request.version != Some(1) {
            return Err(RequestFault::HttpVersion);
        }
        let path = self.request.path.and_then(|path| path.split('?').next()).unwrap_or_default();
        if options.path.as_ref().is_some_and(|only| only != path) {
            return Err(RequestFault::Path);
        }
        let has = |name, element: &str| self.elements(name).any(|found| found.eq_ignore_ascii_case(element));
        if !has("Upgrade", "websocket") || !has("Connection", "upgrade") {
            return Err(RequestFault::NoUpgrade);
        }
        if self.only("Sec-WebSocket-Version") != Some("13") {
            return Err(RequestFault::Version);
        }
        if let Some(origin) = self.values("Origin").next()
            && !options.origins.is_empty()
            && !options.origins.iter().any(|allowed| allowed == origin)
        {
            let origin = origin.chars().take(RequestFault::ORIGIN_SHOWN_MAX).collect();
            return Err(RequestFault::Origin { origin });
        }
        let offers = |protocol: &&String| self.elements("Sec-WebSocket-Protocol").any(|one| one == *protocol);
        let protocol = options.protocols.iter().find(offers).ok_or(RequestFault::Protocol)?;
        let key = self.only("Sec-WebSocket-Key").ok_or(RequestFault::Key)?;
        if STANDARD.decode(key).map(|key| key.len()) != Ok(KEY_BYTES) {
            return Err(RequestFault::Key);
        }
        let accept = STANDARD.encode(Sha1::new().chain_update(key).chain_update(KEY_SUFFIX).finalize());
        // Letter by letter what Mosquitto sends, whose tests compare it.
        Ok(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
        ))
    }

    /// Where the client is in the view of the outermost of the trusted proxies: each appends where its request came
    /// from, and what stands before that may be invented.
    fn forwarded_for(&self, trusted_proxies: usize) -> Option<SocketAddr> {
        let last = trusted_proxies.checked_sub(1)?;
        let hops: Vec<&str> = self.elements("X-Forwarded-For").collect();
        address(hops.get(hops.len().saturating_sub(1).saturating_sub(last))?)
    }
}

/// An address with or without a port, IPv6 with or without brackets. Without a port it is 0.
fn address(text: &str) -> Option<SocketAddr> {
    let ip = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let ip: Option<IpAddr> = ip.parse().ok();
    ip.map(|ip| SocketAddr::new(ip, 0)).or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests;
