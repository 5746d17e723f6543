//! The machine for which a configuration is: its files and its users.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::unistd::{User, getgrouplist};

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Its permissions.
    pub mode: u32,
}

/// Where files are looked for.
pub trait Files {
    /// Looks at a file or a folder.
    ///
    /// # Errors
    /// It is not there, or may not be looked at.
    fn look(&self, path: &Path) -> io::Result<FileFacts>;

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read.
    fn content(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Whether a user may read a file; `None` if that cannot be told, for one that there is not for example.
    fn may_read(&self, user: &str, path: &Path) -> Option<bool>;
}

/// The files of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    fn look(&self, path: &Path) -> io::Result<FileFacts> {
        let metadata = fs::metadata(path)?;
        Ok(FileFacts { mode: metadata.permissions().mode() & 0o7777 })
    }

    fn content(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn may_read(&self, user: &str, path: &Path) -> Option<bool> {
        let user = User::from_name(user).ok()??;
        let name = std::ffi::CString::new(user.name.as_str()).ok()?;
        let groups: Vec<u32> =
            getgrouplist(&name, user.gid).ok()?.into_iter().map(nix::unistd::Gid::as_raw).collect();
        let user = user.uid.as_raw();
        let path = path.canonicalize().ok()?;
        let (reads, passes) = (0o4, 0o1);
        let mut is_allowed = may(&fs::metadata(&path).ok()?, user, &groups, reads);
        for folder in path.ancestors().skip(1) {
            is_allowed &= may(&fs::metadata(folder).ok()?, user, &groups, passes);
        }
        Some(is_allowed)
    }
}

/// Whether the permissions of a file give a user a right. Those that a system has beside them are not looked at.
fn may(file: &Metadata, user: u32, groups: &[u32], right: u32) -> bool {
    let digit = if user == file.uid() {
        6
    } else if groups.contains(&file.gid()) {
        3
    } else {
        0
    };
    user == 0 || file.mode() >> digit & right != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_those_of_owner_group_or_others() {
        let path = std::env::temp_dir().join(format!("martlet-may-{}", std::process::id()));
        fs::write(&path, "").unwrap();
        let with = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            fs::metadata(&path).unwrap()
        };
        let file = with(0o640);
        let (owner, group) = (file.uid(), file.gid());
        let other = owner + 1;
        assert!(may(&file, owner, &[], 4) && may(&file, other, &[group], 4));
        assert!(!may(&file, other, &[group + 1], 4) && !may(&file, other, &[group], 2));
        let file = with(0o047);
        // Who is the owner does not count among the others. Root may do everything.
        assert_eq!(may(&file, owner, &[], 4), owner == 0);
        assert!(may(&file, other, &[], 4) && may(&file, other, &[group], 4));
        assert!(may(&file, other, &[], 1) && !may(&file, other, &[group], 1));
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn whoever_there_is_not_may_neither_read_nor_not_read() {
        assert_eq!(Disk.may_read("no-such-user-here", Path::new("/")), None);
        assert_eq!(Disk.may_read("root", Path::new("/")), Some(true));
        assert_eq!(Disk.may_read("root", Path::new("/nonexistent")), None);
    }
}
