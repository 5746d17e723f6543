//! Certificates, keys and lists of revocations from files in PEM.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::error::{FileError, TlsError};

/// The chain of certificates that begins with the server's own.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    objects(path).map_err(|cause| TlsError::Certificate { path: path.to_owned(), cause })
}

/// A private key in PKCS #8, PKCS #1 or SEC 1.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let failed = |cause| TlsError::Key { path: path.to_owned(), cause };
    let text = read(path).map_err(failed)?;
    // `ENCRYPTED PRIVATE KEY` as its kind, or `Proc-Type: 4,ENCRYPTED` in its head.
    if text.windows(9).any(|window| window == b"ENCRYPTED") {
        return Err(failed(FileError::Encrypted));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => failed(FileError::Empty),
        error => failed(FileError::Pem(error)),
    })
}

/// Lists of revoked certificates.
pub(super) fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    objects(path).map_err(|cause| TlsError::Revocations { path: path.to_owned(), cause })
}

/// The certificates of authorities in a file. Each has to be good for one.
pub(super) fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |cause| TlsError::Authorities { path: path.to_owned(), is_directory: false, cause };
    let certificates: Vec<CertificateDer<'_>> = objects(path).map_err(failed)?;
    match certificates.iter().find_map(|certificate| authority_error(certificate)) {
        Some(error) => Err(failed(FileError::Rustls(error))),
        None => Ok(certificates),
    }
}

/// The certificates of authorities in the files of a directory. What else is in it does not matter, as long as there is
/// one.
pub(super) fn authorities_of_directory(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |cause| TlsError::Authorities { path: path.to_owned(), is_directory: true, cause };
    let files = files(path).map_err(|error| failed(FileError::Io(error)))?;
    let found = files.iter().flat_map(|file| objects::<CertificateDer<'_>>(file).unwrap_or_default());
    let good: Vec<_> = found.filter(|certificate| authority_error(certificate).is_none()).collect();
    if good.is_empty() { Err(failed(FileError::Empty)) } else { Ok(good) }
}

/// What speaks against a certificate as that of an authority.
fn authority_error(certificate: &CertificateDer<'_>) -> Option<rustls::Error> {
    RootCertStore::empty().add(certificate.clone().into_owned()).err()
}

/// The files of a directory, each once: the links that `openssl rehash` makes beside the files lead to them too.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = fs::canonicalize(entry?.path());
        files.extend(path.into_iter().filter(|path| path.is_file()));
    }
    files.sort_unstable();
    files.dedup();
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(FileError::Io)
}

fn objects<T: PemObject>(path: &Path) -> Result<Vec<T>, FileError> {
    let text = read(path)?;
    let objects: Vec<T> = T::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(FileError::Pem)?;
    if objects.is_empty() { Err(FileError::Empty) } else { Ok(objects) }
}
