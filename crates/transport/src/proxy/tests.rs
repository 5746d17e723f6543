use super::*;
use crate::introduction::{Certificate, TlsFacts};

fn options(version: ProxyVersion) -> ProxyOptions {
    ProxyOptions::new(version)
}

fn address(text: &str) -> Introduction {
    Introduction { origin: Some(Origin::Address(text.parse().unwrap())), tls: None }
}

/// What a header tells, whose bytes come all at once.
fn read(options: ProxyOptions, bytes: &[u8]) -> Result<Option<(usize, Introduction)>, ProxyFault> {
    Proxy::new(options).receive(bytes)
}

/// The same, with the bytes coming in two pieces cut at every place, and one by one; all have to agree.
fn read_split(options: ProxyOptions, bytes: &[u8]) -> Result<Introduction, ProxyFault> {
    let expected = read(options, bytes);
    for cut in 0..=bytes.len() {
        let mut proxy = Proxy::new(options);
        let pieces = [&bytes[..cut], &bytes[cut..]];
        assert_eq!(feed(&mut proxy, &pieces), expected, "cut at {cut}");
    }
    let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(feed(&mut Proxy::new(options), &pieces), expected, "byte by byte");
    expected.map(|read| {
        let (len, introduction) = read.expect("a whole header");
        assert_eq!(len, bytes.len());
        introduction
    })
}

fn feed(proxy: &mut Proxy, pieces: &[&[u8]]) -> Result<Option<(usize, Introduction)>, ProxyFault> {
    let mut before = 0;
    for piece in pieces {
        if let Some((len, introduction)) = proxy.receive(piece)? {
            return Ok(Some((before + len, introduction)));
        }
        before += piece.len();
    }
    Ok(None)
}

#[test]
fn a_line_tells_the_address() {
    let read = |line: &str| read_split(options(ProxyVersion::V1), line.as_bytes());
    assert_eq!(read("PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n"), Ok(address("192.0.2.5:6275")));
    assert_eq!(
        read("PROXY TCP6 2001:db8:506:708:900::1 ::1 6275 1234\r\n"),
        Ok(address("[2001:db8:506:708:900::1]:6275"))
    );
    assert_eq!(read("PROXY UNKNOWN\r\n"), Ok(Introduction::default()));
    assert_eq!(read("PROXY UNKNOWN \r\n"), Ok(Introduction::default()));
    let longest = "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n";
    assert_eq!(read(longest), Ok(Introduction::default()));
}

#[test]
fn a_line_ends_where_it_ends() {
    let (len, _) =
        read(options(ProxyVersion::V1), b"PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n\r\n").unwrap().unwrap();
    assert_eq!(len, 15);
}

#[test]
fn corrupt_lines_are_found() {
    let long = format!("PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234{}\r\n", " ".repeat(67));
    let lines = [
        "PROXY TCP3 192.0.2.5 127.0.0.1 6275 1234\r\n",
        "PROXY TCP4 192.0.2.5 127.0.0.1 6275\r\n",
        "PROXY TCP4 192.0.2.5 127.0.0.1\r\n",
        "PROXY TCP4 192.0.2.5\r\n",
        "PROXY TCP4 \r\n",
        "PROXY\r\n",
        "PROXY TCP4 192.0.2.5 127.0.0.1 6275 0\r\n",
        "PROXY TCP4 192.0.2.5 127.0.0.1 6275 65536\r\n",
        "PROXY TCP4 192.0.2.5 127.0.0.1 0 1234\r\n",
        "PROXY TCP4 192.0.2.5 127.0.0.1 +1 1234\r\n",
        "PROXY TCP4 192.0.2.5 127.0.0.256 6275 1234\r\n",
        "PROXY TCP4 192.0.2.256 127.0.0.1 6275 1234\r\n",
        "PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234 more\r\n",
        "PROXY TCP4 ::1 ::1 6275 1234\r\n",
        "PROXY TCP6 192.0.2.5 127.0.0.1 6275 1234\r\n",
        "GET / HTTP/1.1\r\n",
        &long,
    ];
    for line in lines {
        assert_eq!(
            read_split(options(ProxyVersion::V1), line.as_bytes()),
            Err(ProxyFault::CORRUPT),
            "{line:?}"
        );
    }
    // Neither waits for an end that may never come.
    assert_eq!(read(options(ProxyVersion::V1), b"\x10"), Err(ProxyFault::CORRUPT));
    assert_eq!(read(options(ProxyVersion::V1), &b"PROXY UNKNOWN  ".repeat(8)), Err(ProxyFault::CORRUPT));
}

const IPV4: [u8; 12] = [192, 0, 2, 5, 0, 0, 0, 0, 0x18, 0x83, 0, 0];

fn header(command: u8, family: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let len = u16::try_from(body.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &len, &body].concat()
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind][..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

/// The field about TLS: flags, result of verification, fields.
fn tls(client: u8, verification: u32, fields: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x20, &[&[client][..], &verification.to_be_bytes(), &fields.concat()].concat())
}

#[test]
fn a_binary_header_tells_the_address() {
    let read = |family, body: &[u8]| read_split(options(ProxyVersion::V2), &header(0x21, family, &[body]));
    assert_eq!(read(0x11, &IPV4), Ok(address("192.0.2.5:6275")));
    let mut ipv6 = [0; 36];
    ipv6[..16].copy_from_slice(&[0x20, 1, 0xd, 0xb8, 5, 6, 7, 8, 9, 0, 0, 0, 0, 0, 0, 1]);
    ipv6[32..34].copy_from_slice(&[0x18, 0x83]);
    assert_eq!(read(0x21, &ipv6), Ok(address("[2001:db8:506:708:900::1]:6275")));

    let path = |path: &str| Ok(Introduction { origin: Some(Origin::Path(path.into())), tls: None });
    let mut unix = [0; 216];
    unix[..5].copy_from_slice(b"/path");
    unix[108..113].copy_from_slice(b"/dest");
    assert_eq!(read(0x31, &unix), path("/path"));
    assert_eq!(read(0x31, b"/path"), path("/path"));
    assert_eq!(read(0x31, &[b'x'; 216]), path(&"x".repeat(108)));
}

#[test]
fn corrupt_binary_headers_are_found() {
    let cases = [
        (0x31, 0x11, &IPV4[..]),
        (0x23, 0x11, &IPV4),
        (0x21, 0x00, &IPV4),
        (0x21, 0x12, &IPV4),
        (0x21, 0x11, &IPV4[..11]),
        (0x21, 0x11, &[]),
        (0x21, 0x21, &IPV4),
        (0x21, 0x31, &[]),
    ];
    for (command, family, body) in cases {
        let bytes = header(command, family, &[body]);
        let read = read_split(options(ProxyVersion::V2), &bytes);
        assert_eq!(read, Err(ProxyFault::CORRUPT), "{command:02x} {family:02x} {body:02x?}");
    }
    let mut signature = header(0x21, 0x11, &[&IPV4]);
    signature[11] = 0x0b;
    assert_eq!(read_split(options(ProxyVersion::V2), &signature), Err(ProxyFault::CORRUPT));
    let too_long = header(0x21, 0x11, &[&[b'a'; 501]]);
    assert_eq!(read_split(options(ProxyVersion::V2), &too_long), Err(ProxyFault::TooLong));
}

#[test]
fn corrupt_fields_are_found_and_the_address_is_known() {
    let origin = Some(Origin::Address("192.0.2.5:6275".parse().unwrap()));
    let good = tls(5, 0, &[tlv(0x21, b"TLSv1.3")]);
    let fields = [
        &tlv(0x20, &[0x21])[..],
        &good[..good.len() - 1],
        &tls(5, 0, &[tlv(0x23, b"pqrstuv")[..9].to_vec()]),
        &[0x04],
        &[0x04, 0, 1],
    ];
    for field in fields {
        let bytes = header(0x21, 0x11, &[&IPV4, field]);
        let expected = Err(ProxyFault::Corrupt { origin: origin.clone() });
        assert_eq!(read_split(options(ProxyVersion::V2), &bytes), expected, "{field:02x?}");
    }
}

#[test]
fn a_checksum_has_to_be_right() {
    let read = |checksum: &[u8], address: &[u8]| {
        let fields = [tlv(0x02, b"host"), tlv(0x03, checksum), tlv(0x01, b"mqtt")].concat();
        read_split(options(ProxyVersion::V2), &header(0x21, 0x11, &[address, &fields]))
    };
    let mut zeroed =
        header(0x21, 0x11, &[&IPV4, &tlv(0x02, b"host"), &tlv(0x03, &[0; 4]), &tlv(0x01, b"mqtt")]);
    let right = crc32c::crc32c(&zeroed).to_be_bytes();
    assert!(read(&right, &IPV4).is_ok());
    let mut other = IPV4;
    other[0] ^= 1;
    assert!(matches!(read(&right, &other), Err(ProxyFault::Corrupt { .. })), "the address was changed");
    zeroed[0] ^= 1;
    let wrong = crc32c::crc32c(&zeroed).to_be_bytes();
    for checksum in [&wrong[..], &right[..3], &[], &[right.as_slice(), &[0]].concat()] {
        assert!(matches!(read(checksum, &IPV4), Err(ProxyFault::Corrupt { .. })), "{checksum:02x?}");
    }
}

#[test]
fn the_fields_tell_of_tls() {
    let fields = [tlv(0x21, b"TLSv1.3"), tlv(0x23, b"cipher"), tlv(0x22, b"name"), tlv(0x24, b"x")];
    let read = |fields: &[&[u8]]| {
        let body = [&[&IPV4[..]], fields].concat();
        read_split(options(ProxyVersion::V2), &header(0x21, 0x11, &body)).unwrap().tls
    };
    let facts = read(&[&tlv(0x02, b"host"), &tls(5, 0, &fields), &tlv(0x01, b"mqtt")]).unwrap();
    let certificate = Certificate { common_name: Some("name".into()), subject: None, is_verified: true };
    let expected = TlsFacts {
        version: Some("TLSv1.3".into()),
        cipher: Some("cipher".into()),
        protocol: Some("mqtt".into()),
        certificate: Some(certificate),
        psk_identity: None,
    };
    assert_eq!(facts, expected);
    let is_verified = |facts: Option<TlsFacts>| facts.unwrap().certificate.is_some_and(|c| c.is_verified);
    assert!(!is_verified(read(&[&tls(5, 1, &[])])), "the proxy found the certificate invalid");
    assert!(!is_verified(read(&[&tls(1, 0, &fields)])), "no certificate was shown");
    assert_eq!(read(&[&tls(4, 0, &fields)]), None, "the client does not use TLS");
    assert_eq!(read(&[]), None);
    let odd = read(&[&tls(5, 0, &[tlv(0x22, b"a\0b"), tlv(0x21, &[0xff])])]).unwrap();
    assert_eq!((odd.version, odd.certificate.unwrap().common_name), (None, None));
}

#[test]
fn what_is_required_has_to_be_told() {
    let origin = Some(Origin::Address("192.0.2.5:6275".parse().unwrap()));
    let tls_required = ProxyOptions { require_tls: true, ..options(ProxyVersion::V2) };
    let certificate_required = ProxyOptions { require_certificate: true, ..options(ProxyVersion::V2) };
    let read = |options, field: &[u8]| read(options, &header(0x21, 0x11, &[&IPV4, field]));
    assert_eq!(read(tls_required, &[]), Err(ProxyFault::NoTls { origin: origin.clone() }));
    assert!(read(tls_required, &tls(1, 1, &[])).unwrap().is_some());
    for field in [vec![], tls(1, 0, &[]), tls(1, 1, &[]), tls(5, 1, &[]), tls(4, 0, &[])] {
        let expected = Err(ProxyFault::NoCertificate { origin: origin.clone() });
        assert_eq!(read(certificate_required, &field), expected, "{field:02x?}");
    }
    assert!(read(certificate_required, &tls(5, 0, &[])).unwrap().is_some());
}

#[test]
fn a_connection_of_the_proxy_itself_has_no_origin() {
    let bytes = header(0x20, 0x00, &[]);
    assert_eq!(read_split(options(ProxyVersion::V2), &bytes), Ok(Introduction::default()));
    assert_eq!(
        read_split(options(ProxyVersion::V2), &header(0x20, 0x77, &[b"xyz"])),
        Ok(Introduction::default())
    );
    let close = ProxyOptions { local: LocalCommand::Close, ..options(ProxyVersion::V2) };
    assert_eq!(read_split(close, &bytes), Err(ProxyFault::Local));
    // What is required of clients is not required of the proxy's own checks.
    let strict = ProxyOptions { require_tls: true, require_certificate: true, ..options(ProxyVersion::V2) };
    assert_eq!(read_split(strict, &bytes), Ok(Introduction::default()));
}
