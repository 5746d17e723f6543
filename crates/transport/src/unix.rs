//! Unix sockets: the file that stands for a listener.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::listener::BACKLOG;

/// Binds to a path and listens there.
///
/// A socket at the path that nobody listens on, left behind by a program that was killed, is replaced. Nobody can
/// connect before the file has its mode.
pub(crate) fn listen(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    let address = SockAddr::unix(path)?;
    remove_stale(path, &address)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address)?;
    let file = SocketFile::at(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    socket.listen(BACKLOG)?;
    Ok((OwnedFd::from(socket).into(), file))
}

/// Removes a socket that nobody listens on. Whatever else stands at the path stays, and binding will fail.
fn remove_stale(path: &Path, address: &SockAddr) -> io::Result<()> {
    if !fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket()) {
        return Ok(());
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(address) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        // Somebody listens, with a full queue perhaps, or who it is may not be known: binding tells.
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The file of a listening socket, removed when this is dropped, unless another one stands there by then.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(Self { path: path.to_owned(), device: metadata.dev(), inode: metadata.ino() })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (self.device, self.inode));
        if is_ours {
            // Nobody is left to be told if that fails; the next one to listen finds it stale.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use authority::Folder;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_file_has_its_mode_and_goes_with_the_listener() {
        let place = Folder::new("mode");
        let (listener, file) = listen(&place.join("socket"), 0o700).unwrap();
        assert_eq!(fs::metadata(place.join("socket")).unwrap().mode() & 0o777, 0o700);
        UnixStream::connect(place.join("socket")).unwrap();
        drop((listener, file));
        assert!(!place.join("socket").exists());
    }

    #[test]
    fn a_socket_that_nobody_listens_on_is_replaced() {
        let place = Folder::new("stale");
        drop(UnixListener::bind(place.join("socket")).unwrap());
        assert!(place.join("socket").exists(), "the standard library leaves the file behind");
        let _listening = listen(&place.join("socket"), 0o770).unwrap();
        UnixStream::connect(place.join("socket")).unwrap();
    }

    #[test]
    fn a_socket_that_somebody_listens_on_stays_theirs() {
        let place = Folder::new("taken");
        let _theirs = UnixListener::bind(place.join("socket")).unwrap();
        let error = listen(&place.join("socket"), 0o770).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        UnixStream::connect(place.join("socket")).unwrap();
    }

    #[test]
    fn what_is_no_socket_stays() {
        let place = Folder::new("file");
        fs::write(place.join("socket"), "precious").unwrap();
        assert_eq!(listen(&place.join("socket"), 0o770).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(fs::read_to_string(place.join("socket")).unwrap(), "precious");
    }

    #[test]
    fn the_file_of_a_successor_stays() {
        let place = Folder::new("successor");
        let (_first, file) = listen(&place.join("socket"), 0o770).unwrap();
        fs::remove_file(place.join("socket")).unwrap();
        let _second = listen(&place.join("socket"), 0o770).unwrap();
        drop(file);
        UnixStream::connect(place.join("socket")).unwrap();
    }

    #[test]
    fn a_path_too_long_for_the_system_is_an_error() {
        let path = std::env::temp_dir().join("x".repeat(200));
        assert_eq!(listen(&path, 0o770).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
