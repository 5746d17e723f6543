//! Connections over TLS: which certificates are accepted.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::sync::Arc;

use common::modules::Modules;
use common::{Done, Folder, run};
use martlet_client::rustls::ServerConfig;
use martlet_client::rustls::crypto::ring;
use martlet_client::rustls::pki_types::PrivatePkcs8KeyDer;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa,
    KeyPair, date_time_ymd,
};

struct Server {
    port: u16,
    authority: String,
    _folder: Folder,
}

/// A server whose certificate has this Common Name and these alternative names.
fn server(name: &str, common_name: &str, alternative: &[&str]) -> Server {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let alternative: Vec<String> = alternative.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(alternative).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    serve(name, &certificate, &key, &issuer.pem())
}

/// A server whose certificate is signed by itself and is that of an authority, as `openssl req -x509` makes it.
fn own_authority(name: &str, alternative: &str, until_year: i32) -> Server {
    let mut params = CertificateParams::new([alternative.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_after = date_time_ymd(until_year, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    serve(name, &certificate, &key, &certificate.pem())
}

fn serve(name: &str, certificate: &Certificate, key: &KeyPair, authority: &str) -> Server {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    let answer = |_: &str, _: &str| {
        Some(r#"{"responses":[{"command":"listRoles","data":{"roles":["r"]}}]}"#.to_owned())
    };
    let port = Modules { answer, ..Modules::default() }.start_tls(config);
    let folder = Folder::new(name);
    let authority = folder.file_of("ca.pem", authority);
    Server { port, authority, _folder: folder }
}

fn roles(server: &Server, flags: &str) -> Done {
    run(&format!("ctrl {flags} -p {} dynsec listRoles", server.port))
}

fn is_accepted(done: &Done) -> bool {
    let expected = Done { status: Some(0), out: "r\n".to_owned(), err: String::new() };
    if *done == expected {
        return true;
    }
    assert_eq!((done.status, done.out.as_str()), (Some(8), ""), "{done:?}");
    assert!(done.err.ends_with("\nUnable to connect (A TLS error occurred).\n"), "{done:?}");
    false
}

#[test]
fn a_common_name_counts_where_there_is_no_other() {
    let server = server("tls-common", "localhost", &[]);
    let trusting = format!("--cafile {}", server.authority);
    assert!(is_accepted(&roles(&server, &format!("{trusting} -h localhost"))));
    let folder = server.authority.strip_suffix("/ca.pem").unwrap();
    assert!(is_accepted(&roles(&server, &format!("--capath {folder} -h localhost"))));
    // An address is no name.
    assert!(!is_accepted(&roles(&server, &format!("{trusting} -h 127.0.0.1"))));
    assert!(is_accepted(&roles(&server, &format!("{trusting} -h 127.0.0.1 --insecure"))));
}

#[test]
fn an_alternative_name_counts_alone() {
    let server = server("tls-alternative", "localhost", &["127.0.0.1", "other.example"]);
    let trusting = format!("--cafile {}", server.authority);
    assert!(is_accepted(&roles(&server, &format!("{trusting} -h 127.0.0.1"))));
    assert!(!is_accepted(&roles(&server, &format!("{trusting} -h localhost"))));
    assert!(is_accepted(&roles(&server, &format!("{trusting} -h localhost --insecure"))));
}

#[test]
fn an_unknown_authority_is_refused_whatever_the_name() {
    let server = server("tls-known", "localhost", &["localhost"]);
    let stranger = self::server("tls-stranger", "localhost", &["localhost"]);
    for flags in ["", "--insecure"] {
        let flags = format!("--cafile {} {flags} -h localhost", stranger.authority);
        assert!(!is_accepted(&roles(&server, &flags)));
    }
}

#[test]
fn a_certificate_that_is_its_own_authority_is_accepted_when_it_is_trusted() {
    let server = own_authority("tls-own", "localhost", 4000);
    let trusting = format!("--cafile {}", server.authority);
    assert!(is_accepted(&roles(&server, &format!("{trusting} -h localhost"))));
    assert!(!is_accepted(&roles(&server, &format!("{trusting} -h 127.0.0.1"))), "another name");
    assert!(is_accepted(&roles(&server, &format!("{trusting} -h 127.0.0.1 --insecure"))));
    let stranger = own_authority("tls-own-stranger", "localhost", 4000);
    assert!(!is_accepted(&roles(&server, &format!("--cafile {} -h localhost", stranger.authority))));
    let old = own_authority("tls-own-old", "localhost", 2020);
    assert!(!is_accepted(&roles(&old, &format!("--cafile {} -h localhost --insecure", old.authority))));
}
