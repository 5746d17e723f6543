//! One end of a bridge as bytes.

use std::io;

use martlet_client::Carrier;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

/// How many bytes one read takes at most.
const READ_BYTES_MAX: usize = 64 << 10;

/// Both directions of one end.
pub(super) struct Pipe {
    reader: Reader,
    writer: Writer,
}

impl Pipe {
    pub(super) fn new(carrier: Box<dyn Carrier>) -> Self {
        let (read, write) = tokio::io::split(carrier);
        Self {
            reader: Reader { half: read, buffer: vec![0; READ_BYTES_MAX].into() },
            writer: Writer { half: write, bytes: Vec::new(), sent: 0, is_unflushed: false },
        }
    }

    /// Takes bytes that are to be sent.
    pub(super) fn put(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let writer = &mut self.writer;
        if writer.sent >= READ_BYTES_MAX {
            writer.bytes.drain(..core::mem::take(&mut writer.sent));
        }
        if writer.bytes.is_empty() {
            core::mem::swap(&mut writer.bytes, bytes);
        } else {
            writer.bytes.append(bytes);
        }
        writer.is_unflushed = true;
    }

    /// How many bytes wait to be sent.
    pub(super) const fn waiting(&self) -> usize {
        self.writer.bytes.len() - self.writer.sent
    }

    pub(super) const fn split(&mut self) -> (&mut Reader, &mut Writer) {
        (&mut self.reader, &mut self.writer)
    }

    pub(super) async fn read(&mut self) -> io::Result<&[u8]> {
        self.reader.read().await
    }

    /// Sends all there is.
    pub(super) async fn drain(&mut self) -> io::Result<()> {
        while self.writer.is_busy() {
            self.writer.advance().await?;
        }
        Ok(())
    }

    /// Sends all there is, and ends this direction.
    pub(super) async fn close(&mut self) -> io::Result<()> {
        self.drain().await?;
        self.writer.half.shutdown().await
    }
}

/// The bytes that come in.
pub(super) struct Reader {
    half: ReadHalf<Box<dyn Carrier>>,
    buffer: Box<[u8]>,
}

impl Reader {
    /// Waits for bytes; none at the end. May be dropped while it waits.
    pub(super) async fn read(&mut self) -> io::Result<&[u8]> {
        let len = self.half.read(&mut self.buffer).await?;
        Ok(self.buffer.get(..len).unwrap_or_default())
    }
}

/// The bytes that go out.
pub(super) struct Writer {
    half: WriteHalf<Box<dyn Carrier>>,
    bytes: Vec<u8>,
    sent: usize,
    is_unflushed: bool,
}

impl Writer {
    /// Whether something is to be sent.
    pub(super) const fn is_busy(&self) -> bool {
        self.is_unflushed
    }

    /// Sends a part. May be dropped while it waits.
    pub(super) async fn advance(&mut self) -> io::Result<()> {
        if let Some(rest) = self.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.half.write(rest).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                len => self.sent += len,
            }
        }
        if self.sent >= self.bytes.len() {
            self.bytes.clear();
            self.sent = 0;
            self.half.flush().await?;
            self.is_unflushed = false;
        }
        Ok(())
    }
}
