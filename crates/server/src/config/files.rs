//! The files that a configuration is made of.

use std::path::PathBuf;

use super::Configuration;
use super::lint::path_of;

impl Configuration {
    /// Its own files, the folders that it includes, and the files and folders that its options name for reading:
    /// certificates, keys, passwords, lists.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = Vec::new();
        for given in &self.given {
            files.push(PathBuf::from(&*given.at.file));
            if given.option.name == "include_dir" {
                files.push(PathBuf::from(&given.value));
            }
            files.extend(path_of(given, &self.settings));
        }
        files.sort_unstable();
        files.dedup();
        files
    }
}
