//! Version 1: a line such as `PROXY TCP4 192.0.2.5 198.51.100.1 6275 1883`.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str::FromStr;

use super::{Header, ProxyFault};
use crate::introduction::{Introduction, Origin};

/// The longest line, with its end.
const LINE_BYTES_MAX: usize = 107;
const START: &[u8] = b"PROXY ";

/// Reads a header. Answers its length and what it tells, `None` if more bytes are needed.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(usize, Header)>, ProxyFault> {
    let begun = bytes.len().min(START.len());
    if bytes[..begun] != START[..begun] {
        return Err(ProxyFault::CORRUPT);
    }
    let looked_at = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(end) = looked_at.windows(2).position(|pair| pair == b"\r\n") else {
        return if looked_at.len() < LINE_BYTES_MAX { Ok(None) } else { Err(ProxyFault::CORRUPT) };
    };
    let line = str::from_utf8(&bytes[..end]).map_err(|_| ProxyFault::CORRUPT)?;
    let header = fields(line).ok_or(ProxyFault::CORRUPT)?;
    Ok(Some((end + 2, header)))
}

fn fields(line: &str) -> Option<Header> {
    let mut fields = line.split(' ');
    let source = match (fields.next()?, fields.next()?) {
        ("PROXY", "TCP4") => address::<Ipv4Addr>(&mut fields)?,
        ("PROXY", "TCP6") => address::<Ipv6Addr>(&mut fields)?,
        // Whatever follows means nothing; the connection has the address that it has.
        ("PROXY", "UNKNOWN") => return Some(Header::Proxied(Introduction::default())),
        _ => return None,
    };
    let origin = Some(Origin::Address(source));
    fields.next().is_none().then_some(Header::Proxied(Introduction { origin, tls: None }))
}

/// Reads the addresses of source and destination, then their ports, and answers the source.
fn address<'a, A: FromStr + Into<IpAddr>>(fields: &mut impl Iterator<Item = &'a str>) -> Option<SocketAddr> {
    let source: A = fields.next()?.parse().ok()?;
    let _destination: A = fields.next()?.parse().ok()?;
    let source_port = port(fields.next()?)?;
    let _destination_port = port(fields.next()?)?;
    Some(SocketAddr::new(source.into(), source_port))
}

/// Port 0 would be that of no connection.
fn port(field: &str) -> Option<u16> {
    if !field.bytes().all(|byte| byte.is_ascii_digit()) {
        return None; // a sign would be parsed
    }
    field.parse().ok().filter(|port| *port > 0)
}
