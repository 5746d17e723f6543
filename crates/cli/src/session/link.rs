//! One connection as bytes.

use core::time::Duration;
use std::io;

use martlet_client::Carrier;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

/// How many bytes one read takes at most.
const READ_BYTES_MAX: usize = 64 << 10;
/// How long the broker may take to close its side after the last packet.
const FAREWELL: Duration = Duration::from_millis(500);
/// How long the last packets may take to be sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// Both directions of a connection.
pub(super) struct Link {
    reader: ReadHalf<Box<dyn Carrier>>,
    writer: WriteHalf<Box<dyn Carrier>>,
    received: Box<[u8]>,
    outgoing: Vec<u8>,
    sent: usize,
    is_unflushed: bool,
}

/// What happened to a connection.
pub(super) enum Traffic<'a> {
    /// These bytes came; none at the end.
    Received(&'a [u8]),
    /// Something was sent.
    Sent,
}

impl Link {
    pub(super) fn new(carrier: Box<dyn Carrier>) -> Self {
        let (reader, writer) = tokio::io::split(carrier);
        let received = vec![0; READ_BYTES_MAX].into();
        Self { reader, writer, received, outgoing: Vec::new(), sent: 0, is_unflushed: false }
    }

    /// Whether a batch is on its way out.
    pub(super) const fn is_busy(&self) -> bool {
        self.sent < self.outgoing.len() || self.is_unflushed
    }

    /// Begins to send a batch; only when none is on its way.
    pub(super) fn begin(&mut self, bytes: Vec<u8>) {
        self.outgoing = bytes;
        self.sent = 0;
        self.is_unflushed = true;
    }

    /// Waits until bytes come or go. May be dropped while it waits.
    pub(super) async fn wait(&mut self) -> io::Result<Traffic<'_>> {
        let is_busy = self.is_busy();
        tokio::select! {
            read = self.reader.read(&mut self.received) => {
                let len = read?;
                Ok(Traffic::Received(self.received.get(..len).unwrap_or_default()))
            }
            sent = send(&mut self.writer, &self.outgoing, &mut self.sent), if is_busy => {
                sent?;
                if self.sent >= self.outgoing.len() {
                    self.is_unflushed = false;
                    self.outgoing = Vec::new();
                    self.sent = 0;
                }
                Ok(Traffic::Sent)
            }
        }
    }

    /// Sends what is left and these last bytes, and closes in good order: whatever the broker has sent meanwhile is read, so
    /// that the system does not take back what it has not delivered yet.
    pub(super) async fn close(mut self, last: &[u8]) {
        let words = async {
            self.writer.write_all(self.outgoing.get(self.sent..).unwrap_or_default()).await?;
            self.writer.write_all(last).await?;
            self.writer.flush().await?;
            self.writer.shutdown().await
        };
        if !matches!(tokio::time::timeout(PATIENCE, words).await, Ok(Ok(()))) {
            return;
        }
        let rest = async { while matches!(self.reader.read(&mut self.received).await, Ok(1..)) {} };
        // Whether the broker closes or not, there is nothing more to do.
        let _ = tokio::time::timeout(FAREWELL, rest).await;
    }
}

/// Sends a part, and flushes after the last.
async fn send(writer: &mut WriteHalf<Box<dyn Carrier>>, bytes: &[u8], sent: &mut usize) -> io::Result<()> {
    if let Some(rest) = bytes.get(*sent..).filter(|rest| !rest.is_empty()) {
        match writer.write(rest).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            len => *sent += len,
        }
    }
    if *sent >= bytes.len() { writer.flush().await } else { Ok(()) }
}
