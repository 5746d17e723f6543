//! One connection as bytes: what carries it, and what is on its way out.

use core::time::Duration;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::command::Reply;
use crate::error::PublishError;
use crate::publish::Published;

/// What carries a connection: a socket, or layers above one. See [`dial`](crate::dial).
pub trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

/// How many bytes one read takes at most.
const READ_BYTES_MAX: usize = 16 << 10;

/// Both directions of a connection.
pub(crate) struct Link {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
}

impl Link {
    pub(crate) fn new(carrier: Box<dyn Carrier>) -> Self {
        let (read, write) = tokio::io::split(carrier);
        Self {
            reader: Reader { half: read, buffer: vec![0; READ_BYTES_MAX].into() },
            writer: Writer {
                half: write,
                bytes: Vec::new(),
                sent: 0,
                is_unflushed: false,
                replies: Vec::new(),
            },
        }
    }

    /// Sends more behind what is on its way.
    pub(crate) fn append(&mut self, bytes: &[u8], replies: Vec<Reply<Published, PublishError>>) {
        self.writer.bytes.extend_from_slice(bytes);
        self.writer.is_unflushed = true;
        self.writer.replies.extend(replies);
    }

    /// Sends what is left, and closes; gives up after `patience`.
    pub(crate) async fn close(mut self, patience: Duration) -> bool {
        let farewell = async {
            while self.writer.is_busy() {
                self.writer.advance().await?;
            }
            self.writer.half.shutdown().await
        };
        matches!(tokio::time::timeout(patience, farewell).await, Ok(Ok(())))
    }
}

/// The bytes that come in.
pub(crate) struct Reader {
    half: ReadHalf<Box<dyn Carrier>>,
    buffer: Box<[u8]>,
}

impl Reader {
    /// Waits for bytes; none at the end. May be dropped while it waits.
    pub(crate) async fn read(&mut self) -> io::Result<&[u8]> {
        let len = self.half.read(&mut self.buffer).await?;
        Ok(self.buffer.get(..len).unwrap_or_default())
    }
}

/// The bytes that go out: one batch at a time.
pub(crate) struct Writer {
    half: WriteHalf<Box<dyn Carrier>>,
    bytes: Vec<u8>,
    sent: usize,
    is_unflushed: bool,
    /// Who waits for the batch: messages of QoS 0 that are in it.
    replies: Vec<Reply<Published, PublishError>>,
}

impl Writer {
    /// Whether a batch is on its way.
    pub(crate) const fn is_busy(&self) -> bool {
        self.sent < self.bytes.len() || self.is_unflushed
    }

    /// Begins a batch; only when none is on its way.
    pub(crate) fn begin(&mut self, bytes: Vec<u8>, replies: Vec<Reply<Published, PublishError>>) {
        self.bytes = bytes;
        self.sent = 0;
        self.is_unflushed = true;
        self.replies = replies;
    }

    /// Sends a part. May be dropped while it waits.
    pub(crate) async fn advance(&mut self) -> io::Result<()> {
        if let Some(rest) = self.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.half.write(rest).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                len => self.sent += len,
            }
        }
        if self.sent >= self.bytes.len() {
            self.half.flush().await?;
            self.is_unflushed = false;
            self.bytes = Vec::new();
            self.sent = 0;
            for reply in self.replies.drain(..) {
                // Nobody has to wait for it.
                let _ = reply.send(Ok(Published::sent()));
            }
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        for reply in self.replies.drain(..) {
            let _ = reply.send(Err(PublishError::ConnectionLost));
        }
    }
}
