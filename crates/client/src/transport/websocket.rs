//! WebSocket, with the sub-protocol `mqtt` [MQTT-6.0.0-3]: MQTT in binary messages, whose limits mean nothing
//! [MQTT-6.0.0-2].

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Uri};
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::error::ConnectError;
use crate::link::Carrier;
use crate::options::Options;

/// How many bytes go into one WebSocket message at most.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Asks the server at the other end for WebSocket.
pub(super) async fn open<S: Carrier>(
    options: &Options,
    scheme: &str,
    (host, port, path): (&str, u16, &str),
    carrier: S,
) -> Result<impl Carrier + use<S>, ConnectError> {
    let failed = |error: Error| ConnectError::WebSocket(Box::new(error));
    // An IPv6 address stands in brackets.
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let uri: Uri = format!("{scheme}://{host}:{port}{path}").parse().map_err(|error| {
        let error: tokio_tungstenite::tungstenite::http::uri::InvalidUri = error;
        failed(Error::HttpFormat(error.into()))
    })?;
    let builder = ClientRequestBuilder::new(uri).with_sub_protocol("mqtt");
    let mut request = builder.into_client_request().map_err(failed)?;
    for (name, value) in &options.websocket_headers {
        let name = HeaderName::try_from(name).map_err(|error| failed(Error::HttpFormat(error.into())))?;
        let value = HeaderValue::try_from(value).map_err(|error| failed(Error::HttpFormat(error.into())))?;
        request.headers_mut().append(name, value);
    }
    let (socket, _response) = client_async(request, carrier).await.map_err(failed)?;
    Ok(WebSocket { socket, received: Vec::new(), taken: 0 })
}

/// A WebSocket connection as a stream of bytes.
struct WebSocket<S> {
    socket: WebSocketStream<S>,
    received: Vec<u8>,
    /// How much of `received` was taken.
    taken: usize,
}

impl<S: Carrier> AsyncRead for WebSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let rest = self.received.get(self.taken..).unwrap_or_default();
            if !rest.is_empty() {
                let len = rest.len().min(buffer.remaining());
                buffer.put_slice(&rest[..len]);
                self.taken += len;
                return Poll::Ready(Ok(()));
            }
            match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => {
                    self.received = bytes.into();
                    self.taken = 0;
                }
                // Only binary messages may carry MQTT [MQTT-6.0.0-1].
                Some(Ok(Message::Text(_))) => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(end_or_error(error)),
            }
        }
    }
}

impl<S: Carrier> AsyncWrite for WebSocket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.socket).poll_ready(context)).map_err(io_error)?;
        let part = bytes.get(..MESSAGE_BYTES_MAX).unwrap_or(bytes);
        let message = Message::Binary(part.to_vec().into());
        Pin::new(&mut self.socket).start_send(message).map_err(io_error)?;
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context).map_err(io_error)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.socket).poll_close(context)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(end_or_error(error)),
        }
    }
}

fn end_or_error(error: Error) -> io::Result<()> {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Ok(()),
        other => Err(io_error(other)),
    }
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}
