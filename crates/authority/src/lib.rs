//! Certificates for tests.
//!
//! An [`Authority`] has a folder of its own, where the files of all that it issues are; both are gone at the end.
//! Whatever fails here, fails the test: everything panics.

#![forbid(unsafe_code)]
#![allow(clippy::missing_panics_doc, reason = "said once for all of it")]

mod folder;
mod version1;

use core::sync::atomic::{AtomicU64, Ordering};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};

pub use folder::Folder;
pub use rcgen;
pub use rustls;

/// An authority that issues certificates.
pub struct Authority {
    folder: Folder,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    common_name: String,
    /// A file with the certificate of the authority.
    pub file: PathBuf,
    issued: AtomicU64,
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Issued {
    /// A file with the certificate.
    pub certificate_file: PathBuf,
    /// A file with the key.
    pub key_file: PathBuf,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    serial: u64,
}

impl Authority {
    /// An authority whose files are in a folder with this name in it.
    pub fn new(name: &str) -> Self {
        Self::signed(name, &common_name(name), CertificateParams::self_signed)
    }

    /// An authority that calls itself as another does, with a key of its own.
    pub fn named_as(other: &Self, name: &str) -> Self {
        Self::signed(name, &other.common_name, CertificateParams::self_signed)
    }

    /// Another authority, whose certificate is signed by this one.
    #[must_use]
    pub fn authority(&self, name: &str) -> Self {
        Self::signed(name, &common_name(name), |params, key| params.signed_by(key, &self.issuer))
    }

    fn signed(
        name: &str,
        common_name: &str,
        sign: impl FnOnce(&CertificateParams, &KeyPair) -> Result<rcgen::Certificate, rcgen::Error>,
    ) -> Self {
        let folder = Folder::new(name);
        let mut params = CertificateParams::new(Vec::new()).expect("good parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().expect("a key");
        let certificate = sign(&params, &key).expect("a certificate");
        let file = folder.write("authority.pem", certificate.pem());
        let certificate = certificate.der().clone();
        let common_name = common_name.to_owned();
        Self {
            folder,
            issuer: Issuer::new(params, key),
            certificate,
            common_name,
            file,
            issued: AtomicU64::new(1),
        }
    }

    /// Where the files are.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// A certificate for a server on this machine, by the name `localhost` and the address 127.0.0.1.
    pub fn server(&self) -> Issued {
        self.issue("localhost", |params| {
            let names = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]);
            params.subject_alt_names = names.expect("good names").subject_alt_names;
        })
    }

    /// A certificate for a client with this Common Name.
    pub fn client(&self, common_name: &str) -> Issued {
        self.issue(common_name, |_| {})
    }

    /// A certificate that was valid in 2001 and 2002.
    pub fn expired_client(&self, common_name: &str) -> Issued {
        self.issue(common_name, |params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2003, 1, 1);
        })
    }

    /// A certificate with this Common Name, and what else is wanted.
    pub fn issue(&self, common_name: &str, edit: impl FnOnce(&mut CertificateParams)) -> Issued {
        let serial = self.issued.fetch_add(1, Ordering::Relaxed);
        let mut params = CertificateParams::new(Vec::new()).expect("good parameters");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Example");
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.serial_number = Some(serial.into());
        params.use_authority_key_identifier_extension = true;
        edit(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Issued {
            certificate_file: self.folder.write(&format!("{serial}.pem"), certificate.pem()),
            key_file: self.folder.write(&format!("{serial}.key"), key.serialize_pem()),
            certificate: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            serial,
        }
    }

    /// A certificate that was issued here as one of version 1, which has no extensions. Its files are written anew.
    #[must_use]
    pub fn as_version1(&self, issued: Issued) -> Issued {
        let der = version1::signed_again(&issued.certificate, self.issuer.key());
        let name = format!("{}.pem", issued.serial);
        let certificate_file = self.folder.write(&name, version1::pem(&der));
        Issued { certificate_file, certificate: der.into(), ..issued }
    }

    /// A file with the list of revoked certificates, valid until the first of January of a year.
    pub fn revoke(&self, revoked: &[&Issued], until_year: i32) -> PathBuf {
        let revoked_certs = revoked.iter().map(|issued| RevokedCertParams {
            serial_number: SerialNumber::from(issued.serial),
            revocation_time: date_time_ymd(2001, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2001, 1, 1),
            next_update: date_time_ymd(until_year, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).expect("a list").pem().expect("a list");
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        self.folder.write(&format!("{number}.crl"), list)
    }

    /// What a client is configured with that trusts this authority and uses the best version of TLS.
    pub fn trusting(&self, identity: Option<&Issued>) -> ClientConfig {
        self.trusting_with(identity, &[&version::TLS12, &version::TLS13])
    }

    /// The same with some versions of TLS only.
    pub fn trusting_with(
        &self,
        identity: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("its own certificate");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("known versions")
            .with_root_certificates(roots);
        match identity {
            None => builder.with_no_client_auth(),
            // Without a look at the certificate: it may be one that rustls would not take.
            Some(Issued { certificate, key, .. }) => {
                let key = ring::sign::any_supported_type(key).expect("a good key");
                let own = CertifiedKey::new(vec![certificate.clone()], key);
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own)))
            }
        }
    }
}

fn common_name(name: &str) -> String {
    format!("authority {name}")
}

impl Issued {
    /// The certificate with the key of another.
    #[must_use]
    pub fn with_key_of(self, other: &Self) -> Self {
        Self { key: other.key.clone_key(), ..self }
    }

    /// The two files, certificate and key.
    pub fn files(&self) -> (&Path, &Path) {
        (&self.certificate_file, &self.key_file)
    }
}
