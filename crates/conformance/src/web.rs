//! A broker that is reached by WebSocket, and a client that writes its frames by hand.

use core::time::Duration;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use martlet_server::{Broker, Host, ListenerOptions, Options, WebSocketOptions};

use crate::build::ConnectBuilder;
use crate::raw;

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// A mask that changes every byte.
const MASK: [u8; 4] = [0x5A, 0x01, 0xFF, 0x80];

/// A broker on the loopback interface with one listener, for WebSocket.
pub struct WebBroker(Broker);

impl WebBroker {
    /// Starts it.
    ///
    /// # Panics
    /// If that fails.
    #[expect(clippy::new_without_default, reason = "it starts a broker")]
    pub fn new() -> Self {
        let mut options = Options::listening_on(Host::Named("127.0.0.1".into()), 0);
        let websocket = WebSocketOptions::new(ListenerOptions::WEB_SOCKET_PROTOCOLS);
        options.listeners[0].websocket = Some(websocket);
        Self(Broker::start(options).expect("a broker starts on the loopback interface"))
    }

    /// Asks for WebSocket at a path, with these lines in the head of the request besides what every request has.
    ///
    /// # Panics
    /// If the broker does not answer.
    pub fn request(&self, path: &str, lines: &[&str]) -> WebClient {
        let stream = TcpStream::connect(self.0.local_addrs()[0]).expect("the broker accepts connections");
        stream.set_nodelay(true).expect("a TCP option");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket option");
        let mut client = WebClient { stream, head: String::new(), bytes: Vec::new(), data: Vec::new() };
        let lines: Vec<&str> = lines.iter().flat_map(|line| [*line, "\r\n"]).collect();
        let lines = lines.concat();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{lines}\r\n"
        );
        client.write(request.as_bytes());
        while !client.head.ends_with("\r\n\r\n") {
            match client.take(1) {
                Some(byte) => client.head.push(char::from(byte[0])),
                None => break,
            }
        }
        client
    }

    /// A client that offered the sub-protocol `mqtt` and was let in.
    ///
    /// # Panics
    /// If it was not.
    pub fn open(&self) -> WebClient {
        let client = self.request("/mqtt", &["Sec-WebSocket-Protocol: mqtt"]);
        assert!(client.is_open(), "the broker answered {}", client.head);
        client
    }
}

/// A client's end of a WebSocket connection.
pub struct WebClient {
    stream: TcpStream,
    /// The head of the broker's answer to the request.
    pub head: String,
    /// What arrived and was not taken.
    bytes: Vec<u8>,
    /// What came in binary messages and was not taken.
    data: Vec<u8>,
}

impl WebClient {
    /// Whether the request was granted.
    pub fn is_open(&self) -> bool {
        self.head.starts_with("HTTP/1.1 101 ")
    }

    /// The value of a line in the head of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Sends a frame with this first byte: its flags and its opcode.
    ///
    /// # Panics
    /// If the content has more than 65,535 bytes.
    pub fn send_frame(&mut self, first: u8, content: &[u8]) {
        let len = u16::try_from(content.len()).expect("a short frame");
        let head = match u8::try_from(len) {
            Ok(len) if len < 126 => vec![first, 0x80 | len],
            _ => [&[first, 0x80 | 0x7E][..], &len.to_be_bytes()].concat(),
        };
        let masked = content.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        let frame: Vec<u8> = head.into_iter().chain(MASK).chain(masked).collect();
        self.write(&frame);
    }

    /// Sends a whole binary message.
    pub fn send(&mut self, content: &[u8]) {
        self.send_frame(0x82, content);
    }

    /// The next frame: its first byte and its content; `None` at the end of the connection.
    ///
    /// # Panics
    /// If the broker masks it.
    pub fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = self.take(2)?;
        assert_eq!(head[1] & 0x80, 0, "a server does not mask");
        let len = match head[1] {
            126 => self.take(2)?.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)),
            127 => self.take(8)?.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)),
            len => usize::from(len),
        };
        Some((head[0], self.take(len)?))
    }

    /// The next packet, out of whatever frames.
    ///
    /// # Panics
    /// If there comes anything but binary messages.
    pub fn packet(&mut self) -> Vec<u8> {
        loop {
            if let Some((length, size)) = self.data.get(1..).and_then(raw::read_variable_byte_integer)
                && self.data.len() > size + length
            {
                let rest = self.data.split_off(1 + size + length);
                return core::mem::replace(&mut self.data, rest);
            }
            match self.frame() {
                Some((0x82, content)) => self.data.extend(content),
                other => panic!("a binary message was expected, but there came {other:02x?}"),
            }
        }
    }

    /// Says CONNECT of this version and has to be let in.
    ///
    /// # Panics
    /// If it is not.
    pub fn connect(&mut self, connect: &ConnectBuilder<'_>) {
        self.send(&raw::encode(connect.version, &connect.packet()));
        self.expect_connack();
    }

    /// The next packet has to be a CONNACK without Session and of success.
    ///
    /// # Panics
    /// If it is another.
    pub fn expect_connack(&mut self) {
        let connack = self.packet();
        assert_eq!((connack[0], &connack[2..4]), (0x20, &[0, 0][..]), "{connack:02x?}");
    }

    /// The broker has to close the connection with this code.
    ///
    /// # Panics
    /// If anything else came.
    pub fn expect_closed(&mut self, code: u16) {
        assert_eq!(self.frame(), Some((0x88, code.to_be_bytes().to_vec())));
        assert_eq!(self.frame(), None);
    }

    fn write(&mut self, bytes: &[u8]) {
        // An error means that the broker has closed; reading tells so.
        let _ = self.stream.write_all(bytes);
    }

    fn take(&mut self, len: usize) -> Option<Vec<u8>> {
        let mut chunk = [0; 4096];
        while self.bytes.len() < len {
            match self.stream.read(&mut chunk) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.bytes.extend_from_slice(&chunk[..count]),
            }
        }
        let rest = self.bytes.split_off(len);
        Some(core::mem::replace(&mut self.bytes, rest))
    }
}

impl Drop for WebClient {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
