//! Where a server is.

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

/// Where a server is, and how it is reached.
///
/// As a URL: `mqtt://host:1883`, `mqtts://host:8883`, `ws://host:80/mqtt`, `wss://host:443/mqtt` and `unix:/path`. The
/// port, and for WebSocket the path, may be left out. User names and passwords do not belong into a URL; see
/// [`Options::credentials`](crate::Options::credentials).
///
/// ```
/// use martlet_client::Address;
///
/// let address: Address = "mqtt://localhost".parse()?;
/// assert_eq!(address, Address::Tcp { host: "localhost".to_owned(), port: 1883 });
/// # Ok::<(), martlet_client::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// TCP.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// TLS above TCP.
    #[cfg(feature = "tls")]
    Tls {
        /// A name or an address. The certificate of the server has to be for it.
        host: String,
        /// The port.
        port: u16,
    },
    /// WebSocket, with the sub-protocol `mqtt`.
    #[cfg(feature = "websocket")]
    WebSocket {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
        /// The path, which begins with a slash.
        path: String,
    },
    /// WebSocket above TLS.
    #[cfg(all(feature = "websocket", feature = "tls"))]
    SecureWebSocket {
        /// A name or an address. The certificate of the server has to be for it.
        host: String,
        /// The port.
        port: u16,
        /// The path, which begins with a slash.
        path: String,
    },
    /// A socket in the file system.
    Unix {
        /// Its path.
        path: PathBuf,
    },
}

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// The scheme is missing, or none that this build knows.
    Scheme,
    /// There is no host, or no path of a Unix socket.
    Host,
    /// The port is no number from 1 to 65,535.
    Port,
    /// There is a path, a query or a fragment where none belongs.
    Path,
    /// There is a user name.
    UserName,
}

impl core::error::Error for AddressError {}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the URL has no scheme that is known",
            Self::Host => "the URL has no host",
            Self::Port => "the URL has no right port",
            Self::Path => "the URL has a path where none belongs",
            Self::UserName => "the URL has a user name, which belongs into the options",
        })
    }
}

/// As the URL that is read as this address.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port, path) = match self {
            Self::Tcp { host, port } => ("mqtt", host, port, ""),
            #[cfg(feature = "tls")]
            Self::Tls { host, port } => ("mqtts", host, port, ""),
            #[cfg(feature = "websocket")]
            Self::WebSocket { host, port, path } => ("ws", host, port, &**path),
            #[cfg(all(feature = "websocket", feature = "tls"))]
            Self::SecureWebSocket { host, port, path } => ("wss", host, port, &**path),
            Self::Unix { path } => return write!(f, "unix:{}", path.display()),
        };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}{path}")
        } else {
            write!(f, "{scheme}://{host}:{port}{path}")
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(url: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = url.split_once(':').ok_or(AddressError::Scheme)?;
        if scheme == "unix" {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            return if path.is_empty() {
                Err(AddressError::Host)
            } else {
                Ok(Self::Unix { path: path.into() })
            };
        }
        let rest = rest.strip_prefix("//").ok_or(AddressError::Scheme)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let parts = |port| host_and_port(authority, port);
        let bare = |parts| if matches!(path, "" | "/") { Ok(parts) } else { Err(AddressError::Path) };
        match scheme {
            "mqtt" | "tcp" => {
                let (host, port) = parts(1883).and_then(bare)?;
                Ok(Self::Tcp { host, port })
            }
            #[cfg(feature = "tls")]
            "mqtts" | "ssl" => {
                let (host, port) = parts(8883).and_then(bare)?;
                Ok(Self::Tls { host, port })
            }
            #[cfg(feature = "websocket")]
            "ws" => {
                let (host, port) = parts(80)?;
                Ok(Self::WebSocket { host, port, path: path_or_mqtt(path) })
            }
            #[cfg(all(feature = "websocket", feature = "tls"))]
            "wss" => {
                let (host, port) = parts(443)?;
                Ok(Self::SecureWebSocket { host, port, path: path_or_mqtt(path) })
            }
            _ => Err(AddressError::Scheme),
        }
    }
}

#[cfg(feature = "websocket")]
fn path_or_mqtt(path: &str) -> String {
    if path.is_empty() { "/mqtt".to_owned() } else { path.to_owned() }
}

/// Reads `host:port`, `[::1]:port`, and both without a port.
fn host_and_port(authority: &str, default_port: u16) -> Result<(String, u16), AddressError> {
    if authority.contains('@') {
        return Err(AddressError::UserName);
    }
    if authority.contains(['?', '#']) {
        return Err(AddressError::Path);
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or(AddressError::Host)?;
            let port =
                if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or(AddressError::Port)?) };
            (host, port)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = match port {
        None => default_port,
        Some(text) => text.parse().ok().filter(|port| *port > 0).ok_or(AddressError::Port)?,
    };
    if host.is_empty() { Err(AddressError::Host) } else { Ok((host.to_owned(), port)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn urls_are_read() {
        assert_eq!("mqtt://a".parse(), Ok(tcp("a", 1883)));
        assert_eq!("mqtt://a:7/".parse(), Ok(tcp("a", 7)));
        assert_eq!("tcp://[::1]:9".parse(), Ok(tcp("::1", 9)));
        assert_eq!("mqtt://[::1]".parse(), Ok(tcp("::1", 1883)));
        assert_eq!("unix:/run/mqtt".parse(), Ok(Address::Unix { path: "/run/mqtt".into() }));
        assert_eq!("unix:///run/mqtt".parse(), Ok(Address::Unix { path: "/run/mqtt".into() }));
    }

    #[cfg(all(feature = "websocket", feature = "tls"))]
    #[test]
    fn urls_of_websocket_and_tls_are_read() {
        assert_eq!("mqtts://a".parse(), Ok(Address::Tls { host: "a".to_owned(), port: 8883 }));
        let (host, path) = ("a".to_owned(), "/mqtt".to_owned());
        assert_eq!("ws://a".parse(), Ok(Address::WebSocket { host: host.clone(), port: 80, path }));
        let path = "/x/y?z".to_owned();
        assert_eq!("wss://a/x/y?z".parse(), Ok(Address::SecureWebSocket { host, port: 443, path }));
    }

    #[test]
    fn an_address_is_shown_as_its_url() {
        for url in ["mqtt://a:7", "mqtt://[::1]:1883", "unix:/run/mqtt"] {
            assert_eq!(url.parse::<Address>().unwrap().to_string(), url);
        }
        #[cfg(all(feature = "websocket", feature = "tls"))]
        for url in ["mqtts://a:8883", "ws://a:80/mqtt", "wss://a:443/x/y?z"] {
            assert_eq!(url.parse::<Address>().unwrap().to_string(), url);
        }
    }

    #[test]
    fn wrong_urls_are_told() {
        let error = |url: &str| url.parse::<Address>().unwrap_err();
        assert_eq!(error("localhost"), AddressError::Scheme);
        assert_eq!(error("http://a"), AddressError::Scheme);
        assert_eq!(error("mqtt:a"), AddressError::Scheme);
        assert_eq!(error("mqtt://"), AddressError::Host);
        assert_eq!(error("mqtt://a:0"), AddressError::Port);
        assert_eq!(error("mqtt://a:b"), AddressError::Port);
        assert_eq!(error("mqtt://a/b"), AddressError::Path);
        assert_eq!(error("mqtt://a@b"), AddressError::UserName);
    }
}
