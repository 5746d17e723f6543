//! The files of the project.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::command;

/// Whether a file is Rust source.
pub(crate) fn is_rust(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "rs")
}

/// A working tree of the project.
pub(crate) struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The tree that this program belongs to.
    pub(crate) fn of_this_program() -> Self {
        // Cargo tells where it runs. What it told the compiler is another tree when two of them share a target folder.
        let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let package = PathBuf::from(package);
        Self { root: package.parent().expect("xtask/ is a folder of the repository").to_path_buf() }
    }

    /// The folder that holds everything.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The paths, below the root, of all files that are tracked or that a commit could add; sorted.
    pub(crate) fn files(&self) -> Result<Vec<String>, String> {
        let mut git = command::new("git", &self.root);
        // A tree that belongs to another user, as in many containers, is as good as one's own for reading.
        git.args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listing = command::output(&mut git)?;
        let mut files: Vec<String> = listing.split_terminator('\0').map(str::to_owned).collect();
        files.sort();
        files.dedup();
        files.retain(|file| self.root.join(file).is_file());
        Ok(files)
    }

    /// The text of a file, given by its path below the root.
    pub(crate) fn read(&self, file: &str) -> Result<String, String> {
        fs::read_to_string(self.root.join(file)).map_err(|error| format!("cannot read {file}: {error}"))
    }

    /// The bytes of a file, given by its path below the root.
    pub(crate) fn read_bytes(&self, file: &str) -> Result<Vec<u8>, String> {
        fs::read(self.root.join(file)).map_err(|error| format!("cannot read {file}: {error}"))
    }
}
