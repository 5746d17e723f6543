//! Files of a folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A folder whose files everyone may have who may ask.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// # Errors
    /// There is no such folder.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        if path.is_dir() { Ok(Self { path }) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    /// The file at a path of a request, and its length. `None` if there is none within the folder: also when a link, or `..`,
    /// leads out of it.
    pub(super) fn file(&self, path: &str) -> Option<(File, u64)> {
        let index = if path.ends_with('/') { "index.html" } else { "" };
        let wanted = format!("{}/{path}{index}", self.path.display());
        let path = fs::canonicalize(wanted).ok().filter(|path| path.starts_with(&self.path))?;
        // Before it is opened: a pipe would wait for someone at its other end.
        if !fs::metadata(&path).ok()?.is_file() {
            return None;
        }
        let file = File::open(path).ok()?;
        let metadata = file.metadata().ok().filter(fs::Metadata::is_file)?;
        Some((file, metadata.len()))
    }
}

/// What browsers have to be told of a file, by the end of its name.
pub(super) fn content_type(path: &str) -> Option<&'static str> {
    let path = if path.ends_with('/') { "index.html" } else { path };
    Some(match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "css" => "text/css; charset=utf-8",
        "html" | "htm" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "woff2" => "font/woff2",
        _ => return None,
    })
}
