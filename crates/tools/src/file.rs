//! Writing files that hold secrets.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};

/// Only the owner reads a new file.
const MODE: u32 = 0o600;

/// Writes a new file that only its owner can read, in place of one that exists.
///
/// # Errors
/// What opening or writing it met.
pub fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    if path.exists() {
        return replace(path, content);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Replaces a file by another with the same mode and, if the system allows it, the same owner.
///
/// Whoever opens the path finds the old content or the new one, never a part.
///
/// # Errors
/// What finding, writing or renaming it met.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // A symbolic link stays one.
    let path = fs::canonicalize(path)?;
    let before = fs::metadata(&path)?;
    if !before.is_file() {
        return fs::write(&path, content);
    }
    let (mut file, temporary) = temporary_beside(&path)?;
    let written = file
        .write_all(content)
        .and_then(|()| file.set_permissions(before.permissions()))
        .and_then(|()| {
            // Fails unless one is root or the owner already, and then there is nothing to be done.
            let _ = chown(&temporary, Some(before.uid()), Some(before.gid()));
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn temporary_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&temporary)?;
    Ok((file, temporary))
}
