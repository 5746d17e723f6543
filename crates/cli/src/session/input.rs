//! Standard input as it comes, without keeping the network waiting.

use std::io::{self, Read};
use std::thread;

use tokio::sync::mpsc;

/// How many bytes one read takes at most.
const PIECE_BYTES_MAX: usize = 64 << 10;
/// How many pieces may wait.
const PIECES_MAX: usize = 2;

/// Standard input in pieces. It is read ahead by a few pieces and no more.
pub(crate) struct Input {
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
}

impl Input {
    /// Begins to read.
    ///
    /// # Errors
    /// There can be no thread.
    pub(crate) fn of(mut input: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        // A thread that nobody waits for: it may stay in a read when the program ends.
        thread::Builder::new().name("input".to_owned()).spawn(move || {
            loop {
                let mut piece = vec![0; PIECE_BYTES_MAX];
                let read = match input.read(&mut piece) {
                    Ok(0) => return,
                    Ok(len) => {
                        piece.truncate(len);
                        Ok(piece)
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let is_last = read.is_err();
                if sender.blocking_send(read).is_err() || is_last {
                    return;
                }
            }
        })?;
        Ok(Self { pieces })
    }

    /// Waits for the next piece; `None` at the end. May be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        self.pieces.recv().await
    }
}
