//! What carries the bytes of a client: TCP, TLS, WebSocket, or WebSocket over TLS.

use core::fmt;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// How long a broker may take for each step of a handshake.
const OPEN_TIME_MAX: Duration = Duration::from_secs(10);

/// Changes every byte, so that the broker has to take it off.
const MASK: [u8; 4] = [0x5A, 0xA5, 0x3C, 0xC3];
/// Bytes that go into one frame.
const FRAME_BYTES_MAX: usize = 64 << 10;

/// How clients reach a broker on this machine.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) port: u16,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) websocket: bool,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.tls.is_some(), self.websocket) {
            (false, false) => "TCP",
            (true, false) => "TLS",
            (false, true) => "WebSocket",
            (true, true) => "WebSocket over TLS",
        })
    }
}

trait ReadWrite: Read + Write + Send {}

impl<T: Read + Write + Send> ReadWrite for T {}

/// A client's end of a connection.
pub(crate) struct Carrier {
    /// The socket beneath, to wait for and to set options of.
    socket: TcpStream,
    stream: Box<dyn ReadWrite>,
}

impl Way {
    /// Connects, with all handshakes that there are. The socket blocks.
    pub(crate) fn open(&self) -> io::Result<Carrier> {
        let socket = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(OPEN_TIME_MAX))?;
        let mut stream: Box<dyn ReadWrite> = Box::new(socket.try_clone()?);
        if let Some(config) = &self.tls {
            let name = "localhost".try_into().map_err(io::Error::other)?;
            let connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
            let mut tls = StreamOwned::new(connection, socket.try_clone()?);
            while tls.conn.is_handshaking() {
                tls.conn.complete_io(&mut tls.sock)?;
            }
            stream = Box::new(tls);
        }
        if self.websocket {
            stream = Box::new(WebSocket::open(stream)?);
        }
        socket.set_read_timeout(None)?;
        Ok(Carrier { socket, stream })
    }
}

impl Carrier {
    pub(crate) fn set_nonblocking(&self) -> io::Result<()> {
        self.socket.set_nonblocking(true)
    }
}

impl AsRawFd for Carrier {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Read for Carrier {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Carrier {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Just as much of WebSocket as a load needs: each write is a frame, and frames of the broker are data.
struct WebSocket {
    stream: Box<dyn ReadWrite>,
    /// A frame, or what is left of it.
    unsent: Vec<u8>,
    /// The head of a received frame as far as it came.
    head: Vec<u8>,
    /// Bytes of its content still to come.
    left: usize,
}

impl WebSocket {
    fn open(mut stream: Box<dyn ReadWrite>) -> io::Result<Self> {
        stream.write_all(
            b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\
              Sec-WebSocket-Protocol: mqtt\r\n\r\n",
        )?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            answer.push(byte[0]);
        }
        if !answer.starts_with(b"HTTP/1.1 101 ") {
            return Err(io::Error::other("the broker refused WebSocket"));
        }
        Ok(Self { stream, unsent: Vec::new(), head: Vec::new(), left: 0 })
    }

    fn send_rest(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let sent = self.stream.write(&self.unsent)?;
            self.unsent.drain(..sent);
        }
        self.stream.flush()
    }
}

impl Write for WebSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send_rest()?;
        let bytes = &bytes[..bytes.len().min(FRAME_BYTES_MAX)];
        match u16::try_from(bytes.len()) {
            Ok(len) if len < 126 => self.unsent.extend([0x82, 0x80 | len.to_be_bytes()[1]]),
            Ok(len) => self.unsent.extend([&[0x82, 0xFE][..], &len.to_be_bytes()].concat()),
            Err(_) => self.unsent.extend([&[0x82, 0xFF][..], &(bytes.len() as u64).to_be_bytes()].concat()),
        }
        self.unsent.extend(MASK);
        self.unsent.extend(bytes.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        match self.send_rest() {
            Ok(()) => Ok(bytes.len()),
            // It is taken all the same.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(bytes.len()),
            Err(error) => Err(error),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_rest()
    }
}

impl Read for WebSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            let wanted = match self.head.get(1) {
                Some(126) => 4,
                Some(127) => 10,
                _ => 2,
            };
            if self.head.len() == wanted {
                self.left = match self.head[..] {
                    [_, len] => usize::from(len),
                    [_, _, ref len @ ..] => len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)),
                    _ => 0,
                };
                self.head.clear();
                continue;
            }
            let mut rest = vec![0; wanted - self.head.len()];
            match self.stream.read(&mut rest)? {
                0 => return Ok(0),
                count => self.head.extend(&rest[..count]),
            }
        }
        let room = buffer.len().min(self.left);
        let count = self.stream.read(&mut buffer[..room])?;
        self.left -= count;
        Ok(count)
    }
}
