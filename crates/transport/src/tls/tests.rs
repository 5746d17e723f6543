use super::*;
use authority::{Authority, Folder, Issued};
use core::time::Duration;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use std::fs;

fn server(authority: &Authority) -> TlsOptions {
    let issued = authority.server();
    TlsOptions::new(issued.certificate_file, issued.key_file)
}

fn text(options: &TlsOptions) -> String {
    options.load().unwrap_err().to_string()
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_its_option() {
    let authority = Authority::new("files");
    let good = server(&authority);
    assert!(good.load().unwrap().missing_ciphers().is_empty());
    let missing = authority.folder().join("missing");
    let junk = authority.folder().write("junk", "no PEM");

    for path in [&missing, &junk, &good.key_file] {
        let text = text(&TlsOptions { certificate_file: path.clone(), ..good.clone() });
        let start = format!("Unable to load server certificate \"{}\". Check certfile. (", path.display());
        assert!(text.starts_with(&start), "{text}");
    }
    for path in [&missing, &junk, &good.certificate_file] {
        let text = text(&TlsOptions { key_file: path.clone(), ..good.clone() });
        let start = format!("Unable to load server key file \"{}\". Check keyfile. (", path.display());
        assert!(text.starts_with(&start), "{text}");
    }
    let other = authority.server().key_file;
    assert_eq!(
        text(&TlsOptions { key_file: other, ..good.clone() }),
        "Server certificate/key are inconsistent."
    );

    let clients = TlsOptions { clients: Some(ClientCertificates::default()), ..good.clone() };
    assert!(matches!(clients.load(), Err(TlsError::NoAuthority)));
    let file = text(&TlsOptions { authority_file: Some(junk.clone()), ..good.clone() });
    assert!(file.starts_with("Unable to load CA certificates. Check cafile "), "{file}");
    let empty = authority.folder().join("empty");
    fs::create_dir(&empty).unwrap();
    let directory = text(&TlsOptions { authority_directory: Some(empty), ..good });
    assert!(directory.starts_with("Unable to load CA certificates. Check capath "), "{directory}");
    let clients = ClientCertificates { revocation_file: Some(junk), ..ClientCertificates::default() };
    let authority_file = Some(authority.file.clone());
    let list = text(&TlsOptions { authority_file, clients: Some(clients), ..server(&authority) });
    assert!(list.starts_with("Unable to load certificate revocation file "), "{list}");
}

#[test]
fn an_encrypted_key_is_called_so() {
    let authority = Authority::new("encrypted");
    let good = server(&authority);
    let body = "MIIB\n";
    let modern =
        format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}-----END ENCRYPTED PRIVATE KEY-----\n");
    let old = format!(
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n{body}-----END RSA PRIVATE KEY-----\n"
    );
    for (name, key) in [("modern", modern), ("old", old)] {
        let key_file = authority.folder().write(name, key);
        let text = text(&TlsOptions { key_file, ..good.clone() });
        assert!(
            text.ends_with(
                "the key is encrypted, and nobody is asked for its pass phrase: decrypt it first)"
            ),
            "{text}"
        );
    }
}

#[test]
fn suites_and_versions_are_chosen() {
    let authority = Authority::new("suites");
    let options = TlsOptions {
        ciphers: Some("ECDHE-ECDSA-AES256-GCM-SHA384:AES256-SHA".into()),
        ciphers_tls13: Some("TLS_AES_128_GCM_SHA256".into()),
        ..server(&authority)
    };
    let config = options.load().unwrap();
    assert_eq!(config.missing_ciphers(), ["AES256-SHA"]);
    assert!(config.config.ignore_client_order);
    let unknown = TlsOptions { ciphers: Some("AES-OF-SPADES".into()), ..options.clone() };
    let text = text(&unknown);
    let start =
        "Unable to set TLS ciphers. Check cipher list \"AES-OF-SPADES\". (\"AES-OF-SPADES\" is no cipher";
    assert!(text.starts_with(start), "{text}");
    // Without TLS 1.2, its list is of no importance, but has to make sense.
    TlsOptions { version_min: TlsVersion::Tls13, ..options }.load().unwrap();
}

#[cfg(unix)]
#[test]
fn keys_are_logged_for_the_owner_of_the_file_alone() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    let folder = Folder::new("keylog");
    let path = folder.join("keys");
    let log = KeyLogFile::open(&path).unwrap();
    rustls::KeyLog::log(&log, "LABEL", &[0xAB, 0x01], &[0xFF]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "LABEL ab01 ff\n");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    rustls::KeyLog::log(&KeyLogFile::open(&path).unwrap(), "MORE", &[], &[]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "LABEL ab01 ff\nMORE  \n");

    symlink(&path, folder.join("link")).unwrap();
    assert!(KeyLogFile::open(&folder.join("link")).is_err());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(KeyLogFile::open(&path).is_err());
}

/// What a verifier thinks of certificates, in the year 2026.
fn verdict(
    clients: &ClientCertificates,
    authorities: &[CertificateDer<'static>],
    client: &Issued,
) -> Result<(), rustls::Error> {
    let verifier = verifier::verifier(clients, authorities, &Arc::new(ring::default_provider())).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_780_000_000));
    let certificate = CertificateDer::from_pem_file(&client.certificate_file).unwrap();
    verifier.verify_client_cert(&certificate, &[], now).map(|_| ())
}

fn name(verdict: &Result<(), rustls::Error>) -> &'static str {
    use rustls::CertificateError as E;
    match verdict {
        Ok(()) => "good",
        Err(rustls::Error::InvalidCertificate(error)) => match error {
            E::ExpiredContext { .. } | E::Expired => "expired",
            E::NotValidYetContext { .. } | E::NotValidYet => "not valid yet",
            E::Revoked => "revoked",
            E::UnknownIssuer => "of a stranger",
            E::UnknownRevocationStatus => "on no list",
            E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => "on an expired list",
            _ => "bad in another way",
        },
        Err(_) => "not even a certificate",
    }
}

#[test]
fn certificates_of_clients_are_judged() {
    let authority = Authority::new("judge");
    let stranger = Authority::new("stranger");
    let good = authority.client("good");
    let expired = authority.expired_client("expired");
    let revoked = authority.client("revoked");
    let revoked_and_expired = authority.expired_client("revoked and expired");
    let early = authority.issue("early", |params| {
        params.not_before = authority::rcgen::date_time_ymd(2100, 1, 1);
    });
    let foreign = stranger.client("foreign");
    let all = [&good, &expired, &revoked, &revoked_and_expired, &early, &foreign];

    let authorities = files::authorities(&authority.file).unwrap();
    let verdict = |clients: &ClientCertificates, client| verdict(clients, &authorities, client);
    let plain = ClientCertificates::default();
    let judge = |clients: &ClientCertificates| all.map(|client| name(&verdict(clients, client)));
    assert_eq!(judge(&plain), ["good", "expired", "good", "expired", "not valid yet", "of a stranger"]);

    let blind = ClientCertificates { ignores_dates: true, ..plain.clone() };
    assert_eq!(judge(&blind), ["good", "good", "good", "good", "good", "of a stranger"]);

    let list = |until| Some(authority.revoke(&[&revoked, &revoked_and_expired], until));
    let listed = ClientCertificates { revocation_file: list(2090), ..plain.clone() };
    assert_eq!(judge(&listed), ["good", "expired", "revoked", "expired", "not valid yet", "of a stranger"]);

    let blind_and_listed = ClientCertificates { ignores_dates: true, ..listed };
    let verdicts = judge(&blind_and_listed);
    assert_eq!(verdicts[..4], ["good", "good", "revoked", "revoked"]);

    let old_list = ClientCertificates { revocation_file: list(2010), ..plain.clone() };
    assert_eq!(name(&verdict(&old_list, &good)), "on an expired list");
    let old_list = ClientCertificates { ignores_dates: true, ..old_list };
    assert_eq!(name(&verdict(&old_list, &good)), "on an expired list");
    assert_eq!(name(&verdict(&old_list, &expired)), "on an expired list");

    let wrong_list = ClientCertificates { revocation_file: Some(stranger.revoke(&[], 2090)), ..plain };
    assert_eq!(name(&verdict(&wrong_list, &good)), "on no list");
}

#[test]
fn authorities_may_be_in_a_directory_with_other_things() {
    let authority = Authority::new("directory");
    let directory = authority.folder().path().to_owned();
    let client = authority.client("client");
    authority.folder().write("junk.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&authority.file, authority.folder().join("0123abcd.0")).unwrap();
    let authorities = files::authorities_of_directory(&directory).unwrap();
    let judge = |client| name(&verdict(&ClientCertificates::default(), &authorities, client));
    assert_eq!(judge(&client), "good");
    assert_eq!(judge(&Authority::new("another").client("client")), "of a stranger");
}

#[test]
fn the_chain_of_the_server_is_completed_without_its_root() {
    let root = Authority::new("root");
    let middle = root.authority("middle");
    let authorities =
        [files::authorities(&middle.file).unwrap(), files::authorities(&root.file).unwrap()].concat();
    let issued = middle.server();
    let alone = files::certificates(&issued.certificate_file).unwrap();
    let completed = |authorities: &[CertificateDer<'static>]| {
        let mut chain = alone.clone();
        chain::complete(&mut chain, authorities);
        chain
    };
    assert_eq!(completed(&authorities), [alone[0].clone(), authorities[0].clone()]);
    assert_eq!(completed(&authorities[1..]), alone, "who signed it is not known");
    assert_eq!(completed(&[]), alone);
}

#[test]
fn certificates_of_version_1_are_judged_alike() {
    let authority = Authority::new("version 1");
    let good = authority.as_version1(authority.client("good"));
    let expired = authority.as_version1(authority.expired_client("expired"));
    let revoked = authority.as_version1(authority.client("revoked"));
    let early = authority.as_version1(authority.issue("early", |params| {
        params.not_before = authority::rcgen::date_time_ymd(2100, 1, 1);
    }));
    // Another authority, that calls itself the same.
    let stranger = Authority::new("version 1 again");
    let named_alike = Authority::named_as(&authority, "version 1 alike");
    let foreign = stranger.as_version1(stranger.client("foreign"));
    let forged = named_alike.as_version1(named_alike.client("good"));
    let all = [&good, &expired, &revoked, &early, &foreign, &forged];

    let authorities = files::authorities(&authority.file).unwrap();
    let judge =
        |clients: &ClientCertificates| all.map(|client| name(&verdict(clients, &authorities, client)));
    let plain = ClientCertificates::default();
    let expected = ["good", "expired", "good", "not valid yet", "of a stranger", "of a stranger"];
    assert_eq!(judge(&plain), expected);
    let blind = ClientCertificates { ignores_dates: true, ..plain.clone() };
    assert_eq!(judge(&blind)[..4], ["good"; 4]);

    let with_list = |list| ClientCertificates { revocation_file: Some(list), ..plain.clone() };
    assert_eq!(judge(&with_list(authority.revoke(&[&revoked], 2090)))[..3], ["good", "expired", "revoked"]);
    assert_eq!(judge(&with_list(authority.revoke(&[], 2010)))[0], "on an expired list");
    assert_eq!(judge(&with_list(stranger.revoke(&[], 2090)))[0], "on no list");
    assert_eq!(judge(&with_list(named_alike.revoke(&[], 2090)))[0], "on no list");
}

#[test]
fn the_certificate_of_the_server_may_be_of_version_1() {
    let authority = Authority::new("server of version 1");
    let (own, other) = (authority.as_version1(authority.server()), authority.server());
    let options = TlsOptions::new(&own.certificate_file, &own.key_file);
    options.load().unwrap();
    assert_eq!(
        text(&TlsOptions { key_file: other.key_file, ..options }),
        "Server certificate/key are inconsistent."
    );
}

#[test]
fn dates_are_ignored_of_whoever_sends_its_authority_along() {
    let authority = Authority::new("sent along");
    let authorities = files::authorities(&authority.file).unwrap();
    let clients = ClientCertificates { ignores_dates: true, ..ClientCertificates::default() };
    let verifier = verifier::verifier(&clients, &authorities, &Arc::new(ring::default_provider())).unwrap();
    let client = authority.issue("old", |params| {
        params.not_before = authority::rcgen::date_time_ymd(1970, 1, 1);
        params.not_after = authority::rcgen::date_time_ymd(1971, 1, 1);
    });
    let certificate = CertificateDer::from_pem_file(&client.certificate_file).unwrap();
    verifier.verify_client_cert(&certificate, &authorities, UnixTime::now()).unwrap();
}
