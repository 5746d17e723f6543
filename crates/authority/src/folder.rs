//! A folder of a test.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder that is gone at the end.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty folder with this name in its own.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("martlet-{}-{name}", std::process::id()));
        // Another process had the number once, and was killed.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a new folder");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, content).expect("a file can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
