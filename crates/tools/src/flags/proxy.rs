//! `--proxy`: the URL of a SOCKS5 proxy.

use core::fmt;

use super::options::{Credentials, Proxy};
use crate::number::leading_integer;

const PORT: u16 = 1080;

/// What is wrong with a `--proxy`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyError {
    /// It does not begin with `socks5h://`.
    Scheme {
        /// The whole URL.
        url: String,
    },
    /// It names no host, or more than one.
    Host,
    /// There is an empty name or a colon too many before the `@`.
    Username,
    /// `%` is followed by something other than `25`, `3A` or `40` in the name.
    UsernameEncoding,
    /// The same in the password.
    PasswordEncoding,
    /// The port is 0 or above 65,535.
    Port(i64),
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme { url } => write!(f, "Error: Unsupported proxy protocol: {url}"),
            Self::Host => f.write_str("Error: Invalid proxy."),
            Self::Username => f.write_str("Error: Username cannot contain ':'."),
            Self::UsernameEncoding => f.write_str("Error: Invalid URL encoding in username."),
            Self::PasswordEncoding => f.write_str("Error: Invalid URL encoding in password."),
            Self::Port(port) => write!(f, "Error: Invalid proxy port {port}"),
        }
    }
}

impl core::error::Error for ProxyError {}

/// Takes the URL apart.
pub(super) fn parse(url: &str) -> Result<Proxy, ProxyError> {
    let rest = url.strip_prefix("socks5h://").ok_or_else(|| ProxyError::Scheme { url: url.to_owned() })?;
    let (login, place) = match rest.split_once('@') {
        Some((login, place)) => (Some(login), place),
        None => (None, rest),
    };
    let (host, port) = host_and_port(place)?;
    let credentials = login.map_or_else(|| Ok(Credentials::default()), credentials)?;
    let port = match port {
        None => PORT,
        Some(text) => match leading_integer(text) {
            number @ 1..=65_535 => u16::try_from(number).map_err(|_| ProxyError::Port(number))?,
            number => return Err(ProxyError::Port(number)),
        },
    };
    Ok(Proxy { host: host.to_owned(), port, credentials })
}

fn credentials(login: &str) -> Result<Credentials, ProxyError> {
    let (username, password) = match login.split_once(':') {
        None => (login, None),
        Some(("", _)) => return Err(ProxyError::Username),
        Some((_, password)) if password.contains(':') => return Err(ProxyError::Username),
        Some((username, password)) => (username, Some(password)),
    };
    Ok(Credentials {
        username: Some(decode(username).ok_or(ProxyError::UsernameEncoding)?),
        password: match password {
            None => None,
            Some(password) => Some(decode(password).ok_or(ProxyError::PasswordEncoding)?.into_bytes()),
        },
    })
}

/// Replaces the three characters that can stand encoded.
fn decode(text: &str) -> Option<String> {
    let mut decoded = String::new();
    let mut parts = text.split('%');
    decoded.push_str(parts.next()?);
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        decoded.push(match code {
            "25" => '%',
            "3A" | "3a" => ':',
            "40" => '@',
            _ => return None,
        });
        decoded.push_str(rest);
    }
    Some(decoded)
}

fn host_and_port(place: &str) -> Result<(&str, Option<&str>), ProxyError> {
    let (host, port) = match place.strip_prefix('[') {
        Some(place) => {
            let (address, rest) = place.split_once(']').ok_or(ProxyError::Host)?;
            (address, rest.strip_prefix(':'))
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let several = port.is_some_and(|port| port.contains(':'));
    if host.is_empty() || several {
        return Err(ProxyError::Host);
    }
    Ok((host, port.filter(|port| !port.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_has_a_host_and_perhaps_more() {
        let proxy = parse("socks5h://us%40er:p%25w@host:1081").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("host", 1081));
        assert_eq!(proxy.credentials.username.as_deref(), Some("us@er"));
        assert_eq!(proxy.credentials.password.as_deref(), Some(&b"p%w"[..]));
        let proxy = parse("socks5h://[::1]").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("::1", 1080));
        assert_eq!(proxy.credentials, Credentials::default());
        for url in ["socks5h://:", "socks5h://@", "socks5h://a:b:c", "socks5h://[::1"] {
            assert_eq!(parse(url), Err(ProxyError::Host), "{url}");
        }
        assert_eq!(parse("socks5h://a:b:c@h"), Err(ProxyError::Username));
    }
}
