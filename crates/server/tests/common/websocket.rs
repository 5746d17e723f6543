//! Clients that use WebSocket.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use martlet_server::{ListenerOptions, WebSocketOptions};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Response;
use tungstenite::{ClientRequestBuilder, Error, Message, WebSocket};

/// A WebSocket connection as a stream of bytes: each write is a message.
pub(crate) struct WebStream<S = TcpStream> {
    pub(crate) socket: WebSocket<S>,
    received: io::Cursor<Vec<u8>>,
}

/// Options for MQTT.
pub(crate) fn server() -> WebSocketOptions {
    WebSocketOptions::new(ListenerOptions::WEB_SOCKET_PROTOCOLS)
}

/// Asks for WebSocket, with further lines in the head of the request.
pub(crate) fn open<S: Read + Write>(stream: S, lines: &[(&str, &str)]) -> (WebStream<S>, Response) {
    let uri = "ws://localhost/mqtt".parse().unwrap();
    let builder = ClientRequestBuilder::new(uri).with_sub_protocol("mqtt");
    let builder = lines.iter().fold(builder, |builder, (name, value)| builder.with_header(*name, *value));
    let request = builder.into_client_request().unwrap();
    let (socket, response) = tungstenite::client(request, stream).map_err(|error| error.to_string()).unwrap();
    (WebStream { socket, received: io::Cursor::default() }, response)
}

impl<S: Read + Write> Read for WebStream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.received.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => self.received = io::Cursor::new(bytes.into()),
                Ok(Message::Close(_)) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Ok(0),
                Ok(_) => {}
                Err(Error::Io(error)) => return Err(error),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl<S: Read + Write> Write for WebStream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.send(Message::Binary(bytes.to_vec().into())).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush().map_err(io::Error::other)
    }
}
