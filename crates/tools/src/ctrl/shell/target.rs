//! Where `connect` leads.

use core::fmt;

use crate::flags::host_and_port;

/// A broker to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name or an address.
    pub host: String,
    /// The port, from 1.
    pub port: u16,
    /// Whether MQTT goes over a WebSocket.
    pub web_socket: bool,
    /// Whether TLS is below it.
    pub encrypted: bool,
}

/// What is wrong with a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// There is no host.
    Host,
    /// The port is no number from 1 to 65,535.
    Port,
}

/// Scheme, WebSocket, TLS, port.
const SCHEMES: [(&str, bool, bool, u16); 4] = [
    ("mqtt", false, false, 1883),
    ("mqtts", false, true, 8883),
    ("ws", true, false, 1883),
    ("wss", true, true, 8883),
];

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "connect [{mqtt | mqtts | ws | wss}://]host[:port]",
            Self::Port => "The port is no number from 1 to 65535.",
        })
    }
}

impl core::error::Error for TargetError {}

impl Target {
    /// Reads `[SCHEME://]HOST[:PORT][/]`.
    ///
    /// # Errors
    /// Every variant of [`TargetError`].
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("mqtt", url));
        let (_, web_socket, encrypted, default_port) = SCHEMES
            .into_iter()
            .find(|(name, ..)| name.eq_ignore_ascii_case(scheme))
            .ok_or(TargetError::Host)?;
        let (host, port) = host_and_port(rest.trim_end_matches('/'));
        if host.is_empty() {
            return Err(TargetError::Host);
        }
        let port = match port {
            None | Some("") => default_port,
            Some(text) => text.parse().ok().filter(|port| *port > 0).ok_or(TargetError::Port)?,
        };
        Ok(Self { host: host.to_owned(), port, web_socket, encrypted })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = SCHEMES.iter().find(|scheme| (scheme.1, scheme.2) == (self.web_socket, self.encrypted));
        let scheme = scheme.map_or("mqtt", |scheme| scheme.0);
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_url_or_less() {
        for (url, shown) in [
            ("localhost", "mqtt://localhost:1883"),
            ("localhost:7", "mqtt://localhost:7"),
            ("MQTTS://h", "mqtts://h:8883"),
            ("ws://h:8080/", "ws://h:8080"),
            ("wss://[::1]:9", "wss://[::1]:9"),
        ] {
            assert_eq!(Target::parse(url).unwrap().to_string(), shown, "{url}");
        }
        assert_eq!(Target::parse("http://h"), Err(TargetError::Host));
        assert_eq!(Target::parse("mqtt://"), Err(TargetError::Host));
        assert_eq!(Target::parse("h:0"), Err(TargetError::Port));
        assert_eq!(Target::parse("h:x"), Err(TargetError::Port));
    }
}
