//! A file in the place of Mosquitto's database, for those who look for that, or delete it to start over.
//!
//! What is kept is a folder beside it. The folder remembers that it has such a file: if that is gone, somebody wants to
//! start over, and the folder is set aside. A database that Mosquitto left there is left alone.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How the file begins.
const BEGINNING: &str = "The data of this broker is in the folder ";
/// By this file the folder remembers.
const REMEMBERED: &str = "has-stand-in";

/// Whether the file of a folder is gone that it had.
pub(super) fn is_gone(stand_in: &Path, folder: &Path) -> bool {
    !stand_in.exists() && folder.join(REMEMBERED).exists()
}

/// Sets a folder aside, in the place of what was set aside before. Answers where it is.
///
/// # Errors
/// What the operating system says.
pub(super) fn set_aside(folder: &Path) -> io::Result<PathBuf> {
    let mut name = folder.file_name().map(OsString::from).unwrap_or_default();
    name.push(".old");
    let aside = folder.with_file_name(name);
    match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::rename(folder, &aside)?,
    }
    Ok(aside)
}

/// Makes the file of a folder, unless something has its name.
///
/// # Errors
/// What the operating system says.
pub(super) fn make(stand_in: &Path, folder: &Path) -> io::Result<()> {
    match fs::read(stand_in) {
        Ok(bytes) if bytes.starts_with(BEGINNING.as_bytes()) => {}
        Ok(_) => {
            let file = stand_in.display();
            tracing::warn!(%file, "this is no file of this broker, which keeps its data elsewhere");
            return Ok(());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = folder.file_name().unwrap_or_default().display();
            let text = format!(
                "{BEGINNING}{folder} beside this file.\nWithout this file it starts over, and sets the folder aside.\n"
            );
            fs::write(stand_in, text)?;
        }
        Err(error) => return Err(error),
    }
    fs::write(folder.join(REMEMBERED), "")
}
