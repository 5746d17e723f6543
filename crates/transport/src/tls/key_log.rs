//! The secrets of TLS connections in a file, so that someone who records them can read along. For debugging only.

use core::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Mutex;

use rustls::KeyLog;

/// Appends lines in the format of NSS (`SSLKEYLOGFILE`) to a file that its owner alone may read.
#[derive(Debug)]
pub(super) struct KeyLogFile {
    file: Mutex<File>,
}

impl KeyLogFile {
    /// Opens the file, and makes it if it is not there.
    ///
    /// # Errors
    /// It cannot be opened, is a symbolic link, or others than its owner have permissions on it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it must not be a symbolic link"));
        }
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        #[cfg(unix)]
        if std::os::unix::fs::MetadataExt::mode(&file.metadata()?) & 0o077 != 0 {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "its owner alone may have permissions on it",
            ));
        }
        Ok(Self { file: Mutex::new(file) })
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = label.to_owned();
        for bytes in [client_random, secret] {
            line.push(' ');
            for byte in bytes {
                // Writing into a String does not fail.
                let _ = write!(line, "{byte:02x}");
            }
        }
        line.push('\n');
        if let Ok(mut file) = self.file.lock() {
            // A disk that is full must not end connections.
            let _ = file.write_all(line.as_bytes());
        }
    }
}
