//! What the broker writes into its log.

use std::io::{self, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::wait_until;

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static CAPTURE: OnceLock<()> = OnceLock::new();

/// Begins to keep the log of this process: that of all brokers that run in it.
pub(crate) fn capture() {
    CAPTURE.get_or_init(|| {
        tracing_subscriber::fmt()
            .with_writer(|| Sink)
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .init();
    });
}

/// Waits for a text.
pub(crate) fn wait_for(text: &str) {
    wait_until(&format!("the log says {text:?}"), || says(text));
}

/// Whether it has a text by now.
pub(crate) fn says(text: &str) -> bool {
    String::from_utf8_lossy(&WRITTEN.lock().unwrap_or_else(PoisonError::into_inner)).contains(text)
}

struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
