//! The file with the number of the process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file with the number of this process. It is removed when this is dropped.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes the file, over an old one if it is there.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(path: &Path) -> io::Result<Self> {
        fs::write(path, std::process::id().to_string())?;
        Ok(Self { path: path.into() })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Whoever has removed it wanted it so.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_as_long_as_it_lives() {
        let path = std::env::temp_dir().join(format!("martlet-pid-file-{}", std::process::id()));
        let file = PidFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), std::process::id().to_string());
        drop(file);
        assert!(!path.exists());
        assert!(PidFile::write(Path::new("/nonexistent/pid")).is_err());
    }
}
