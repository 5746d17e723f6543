//! Version 2: a binary header with addresses, and fields of type, length and value (TLV).

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Header, ProxyFault};
use crate::introduction::{Certificate, Introduction, Origin, TlsFacts};

/// Bytes behind the fixed part that are accepted, as many as Mosquitto accepts.
pub(super) const BODY_BYTES_MAX: usize = 500;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and protocol, length.
const FIXED_BYTES: usize = SIGNATURE.len() + 4;

const COMMAND_LOCAL: u8 = 0x20;
const COMMAND_PROXY: u8 = 0x21;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;
const UNIX_STREAM: u8 = 0x31;

/// The addresses of a Unix connection: two paths of this length, ended by a zero byte if they are shorter.
const PATH_BYTES: usize = 108;

const TLV_ALPN: u8 = 0x01;
const TLV_CRC32C: u8 = 0x03;
const TLV_TLS: u8 = 0x20;
const TLV_TLS_VERSION: u8 = 0x21;
const TLV_TLS_COMMON_NAME: u8 = 0x22;
const TLV_TLS_CIPHER: u8 = 0x23;

/// The client uses TLS.
const CLIENT_TLS: u8 = 0x01;
/// The client showed a certificate, on this connection or on the one that its TLS session began with.
const CLIENT_CERTIFICATE: u8 = 0x04;

/// Reads a header. Answers its length and what it tells, `None` if more bytes are needed.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(usize, Header)>, ProxyFault> {
    let begun = bytes.len().min(SIGNATURE.len());
    if bytes[..begun] != SIGNATURE[..begun] {
        return Err(ProxyFault::CORRUPT);
    }
    let Some(&[command, family, high, low]) = bytes.get(SIGNATURE.len()..FIXED_BYTES) else {
        return Ok(None);
    };
    let is_known = match command {
        COMMAND_LOCAL => true, // the family means nothing then
        COMMAND_PROXY => matches!(family, TCP_OVER_IPV4 | TCP_OVER_IPV6 | UNIX_STREAM),
        _ => false,
    };
    if !is_known {
        return Err(ProxyFault::CORRUPT);
    }
    let len = usize::from(u16::from_be_bytes([high, low]));
    if len > BODY_BYTES_MAX {
        return Err(ProxyFault::TooLong);
    }
    let Some(whole) = bytes.get(..FIXED_BYTES + len) else { return Ok(None) };
    let header = if command == COMMAND_LOCAL { Header::Local } else { proxied(family, whole)? };
    Ok(Some((FIXED_BYTES + len, header)))
}

/// Reads what a whole header of the command PROXY tells.
fn proxied(family: u8, whole: &[u8]) -> Result<Header, ProxyFault> {
    let body = whole.get(FIXED_BYTES..).unwrap_or_default();
    let (origin, fields) = match family {
        TCP_OVER_IPV4 => ipv4(body),
        TCP_OVER_IPV6 => ipv6(body),
        _ => unix(body),
    }
    .ok_or(ProxyFault::CORRUPT)?;
    let mut introduction = Introduction { origin: Some(origin), tls: None };
    let mut protocol = None;
    for field in tlvs(fields) {
        let is_sound = field.is_some_and(|(kind, value)| match kind {
            TLV_TLS => {
                tls(value).map(|(is_used, facts)| introduction.tls = is_used.then_some(facts)).is_some()
            }
            TLV_ALPN => {
                protocol = text(value);
                true
            }
            TLV_CRC32C => is_checksum(value, whole, fields.len()),
            _ => true,
        });
        if !is_sound {
            return Err(ProxyFault::Corrupt { origin: introduction.origin });
        }
    }
    if let Some(tls) = &mut introduction.tls {
        tls.protocol = protocol;
    }
    Ok(Header::Proxied(introduction))
}

/// Whether the value of the first checksum among the last `fields_len` bytes of a header is that of the header: CRC32C, with
/// zeros in its own place.
fn is_checksum(value: &[u8], whole: &[u8], fields_len: usize) -> bool {
    let mut at = whole.len() - fields_len;
    while let Some((kind, found, _)) = whole.get(at..).and_then(split_tlv) {
        let (begin, end) = (at + TLV_HEAD_BYTES, at + TLV_HEAD_BYTES + found.len());
        if kind == TLV_CRC32C {
            let before = crc32c::crc32c(&whole[..begin]);
            let zeroed = crc32c::crc32c_append(before, &[0; 4]);
            return value == crc32c::crc32c_append(zeroed, &whole[end..]).to_be_bytes();
        }
        at = end;
    }
    false
}

fn ipv4(body: &[u8]) -> Option<(Origin, &[u8])> {
    let (source, rest) = body.split_first_chunk::<4>()?;
    let (_destination, rest) = rest.split_first_chunk::<4>()?;
    let (port, rest) = ports(rest)?;
    Some((Origin::Address(SocketAddr::from((Ipv4Addr::from(*source), port))), rest))
}

fn ipv6(body: &[u8]) -> Option<(Origin, &[u8])> {
    let (source, rest) = body.split_first_chunk::<16>()?;
    let (_destination, rest) = rest.split_first_chunk::<16>()?;
    let (port, rest) = ports(rest)?;
    Some((Origin::Address(SocketAddr::from((Ipv6Addr::from(*source), port))), rest))
}

/// Reads the ports of source and destination, and answers that of the source.
fn ports(body: &[u8]) -> Option<(u16, &[u8])> {
    let (source, rest) = body.split_first_chunk::<2>()?;
    let (_destination, rest) = rest.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*source), rest))
}

/// Paths that are cut short are taken, as Mosquitto takes them; no field can follow then.
fn unix(body: &[u8]) -> Option<(Origin, &[u8])> {
    let path = body.get(..body.len().min(PATH_BYTES))?;
    let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
    let path = String::from_utf8_lossy(path.get(..end)?).into_owned();
    if body.is_empty() {
        return None;
    }
    Some((Origin::Path(path), body.get(2 * PATH_BYTES..).unwrap_or_default()))
}

/// The fields, each with its type; `None` where one is cut off, which is the last then.
fn tlvs(mut bytes: &[u8]) -> impl Iterator<Item = Option<(u8, &[u8])>> {
    core::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let field = split_tlv(bytes);
        bytes = field.map_or(&[], |(_, _, rest)| rest);
        Some(field.map(|(kind, value, _)| (kind, value)))
    })
}

/// Bytes of a field before its value.
const TLV_HEAD_BYTES: usize = 3;

fn split_tlv(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[kind, high, low], rest) = bytes.split_first_chunk::<3>()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    Some((kind, value, rest))
}

/// Reads the field about TLS: flags, the result of verification (0 is good), and fields of its own. Answers whether
/// the client uses TLS at all, and what is told of it.
fn tls(value: &[u8]) -> Option<(bool, TlsFacts)> {
    let (&[client, ref verification @ ..], fields) = value.split_first_chunk::<5>()?;
    let shows_certificate = client & CLIENT_CERTIFICATE != 0;
    let is_verified = shows_certificate && *verification == [0; 4];
    let mut facts = TlsFacts::default();
    let mut common_name = None;
    for field in tlvs(fields) {
        match field? {
            (TLV_TLS_VERSION, value) => facts.version = text(value),
            (TLV_TLS_CIPHER, value) => facts.cipher = text(value),
            (TLV_TLS_COMMON_NAME, value) => common_name = text(value),
            _ => {}
        }
    }
    facts.certificate = (shows_certificate || common_name.is_some()).then_some(Certificate {
        common_name,
        subject: None,
        is_verified,
    });
    Some((client & CLIENT_TLS != 0, facts))
}

/// Text without U+0000.
fn text(value: &[u8]) -> Option<String> {
    str::from_utf8(value).ok().filter(|text| !text.contains('\0')).map(str::to_owned)
}
