//! What the tests of this folder share; each uses a part of it.
#![allow(dead_code, clippy::unwrap_used, reason = "each test is a crate of its own, and may panic")]

pub(crate) mod mosquitto;
pub(crate) mod node;

use core::num::NonZeroU16;
use std::fs;

use std::path::{Path, PathBuf};

use martlet_db::{Dump, Dumped, Import, ImportError, Imported, Payload, Show, dump, import};

/// A folder that is removed when the test ends.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("martlet-db-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file and answers its path.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.join(name);
        // A file that is cut off and written again is on some file systems on the disk before the next step.
        let _ = fs::remove_file(&path);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn shards(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

/// Imports into a store of two shards.
pub(crate) fn import_two(from: &Path, to: &Path, keep_going: bool) -> Result<Imported, ImportError> {
    import(&Import { from: from.to_owned(), to: to.to_owned(), shards: shards(2), keep_going })
}

/// What a store shows, payloads as text.
pub(crate) fn lines(location: &Path, show: Show) -> Vec<String> {
    let (text, dumped) = dumped(location, show, false);
    assert!(dumped.shards.iter().all(martlet_db::ShardFound::is_sound), "{:?}", dumped.shards);
    text.lines().map(str::to_owned).collect()
}

pub(crate) fn dumped(location: &Path, show: Show, json: bool) -> (String, Dumped) {
    let options = Dump { location: location.to_owned(), show, payload: Payload::Text, json };
    let mut out = Vec::new();
    let dumped = dump(&options, &mut out).unwrap();
    assert!(dumped.written.is_ok());
    (String::from_utf8(out).unwrap(), dumped)
}

/// Lines without the fields of these names, which depend on when the test runs.
pub(crate) fn without(lines: &[String], names: &[&str]) -> Vec<String> {
    let is_wanted = |word: &&str| names.iter().all(|name| !word.starts_with(&format!("{name}=")));
    lines.iter().map(|line| line.split(' ').filter(is_wanted).collect::<Vec<_>>().join(" ")).collect()
}
