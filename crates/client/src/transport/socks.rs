//! The way through a SOCKS5 proxy (RFC 1928), with user name and password where it wants them (RFC 1929).

use core::fmt;
use core::net::IpAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::tcp;
use crate::error::ConnectError;
use crate::options::{Options, Secret};

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_NAME_AND_PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const HOST_UNREACHABLE: u8 = 4;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// A SOCKS5 proxy. The proxy looks up the name of the server.
///
/// ```
/// use martlet_client::{Options, SocksProxy};
///
/// let options = Options::tcp("broker.example", 1883).socks(SocksProxy::new("localhost", 1080));
/// ```
#[derive(Clone, Debug)]
pub struct SocksProxy {
    host: String,
    port: u16,
    credentials: Option<(String, Secret)>,
}

impl SocksProxy {
    /// A proxy that asks for no user name.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, credentials: None }
    }

    /// User name and password for the proxy, 255 bytes each at most.
    #[must_use]
    pub fn credentials(mut self, user_name: impl Into<String>, password: impl Into<Vec<u8>>) -> Self {
        self.credentials = Some((user_name.into(), Secret(password.into())));
        self
    }
}

/// Why a proxy did not lead to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocksError {
    /// What answered does not speak SOCKS5.
    NotSocks5,
    /// The proxy wants a kind of authentication that was not offered.
    NoAcceptableMethod,
    /// The proxy does not accept user name and password.
    NotAuthenticated,
    /// A name or a password has more than 255 bytes.
    TooLong,
    /// The proxy did not connect.
    Refused {
        /// Why: a reply code of RFC 1928.
        reply: u8,
    },
}

impl SocksError {
    /// Whether trying again may help.
    pub(crate) const fn is_passing(self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

impl core::error::Error for SocksError {}

impl fmt::Display for SocksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSocks5 => write!(f, "it does not speak SOCKS5"),
            Self::NoAcceptableMethod => write!(f, "it wants another kind of authentication"),
            Self::NotAuthenticated => write!(f, "it does not accept user name and password"),
            Self::TooLong => write!(f, "a name or a password is too long"),
            Self::Refused { reply: HOST_UNREACHABLE } => write!(f, "it does not reach the server"),
            Self::Refused { reply } => write!(f, "it refuses with reply {reply}"),
        }
    }
}

/// Opens a way to a host and a port.
pub(super) async fn open(
    options: &Options,
    proxy: &SocksProxy,
    host: &str,
    port: u16,
) -> Result<TcpStream, ConnectError> {
    let mut socket = tcp::connect(options, &proxy.host, proxy.port).await?;
    authenticate(proxy, &mut socket).await?;
    let mut request = vec![VERSION, CONNECT, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        Err(_) => {
            request.push(NAME);
            push_short(&mut request, host.as_bytes())?;
        }
    }
    request.extend(port.to_be_bytes());
    send(&mut socket, &request).await?;
    let [version, reply, _, kind] = receive(&mut socket).await?;
    if version != VERSION {
        return Err(ConnectError::Socks(SocksError::NotSocks5));
    }
    if reply != 0 {
        return Err(ConnectError::Socks(SocksError::Refused { reply }));
    }
    // The address that the proxy uses is of no interest, but has to be read.
    let address_bytes = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(receive::<1>(&mut socket).await?[0]),
        _ => return Err(ConnectError::Socks(SocksError::NotSocks5)),
    };
    let mut rest = vec![0; address_bytes + 2];
    socket.read_exact(&mut rest).await.map_err(ConnectError::Io)?;
    Ok(socket)
}

async fn authenticate(proxy: &SocksProxy, socket: &mut TcpStream) -> Result<(), ConnectError> {
    let greeting: &[u8] = match proxy.credentials {
        None => &[VERSION, 1, NO_AUTHENTICATION],
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_NAME_AND_PASSWORD],
    };
    send(socket, greeting).await?;
    let [version, method] = receive(socket).await?;
    if version != VERSION {
        return Err(ConnectError::Socks(SocksError::NotSocks5));
    }
    match (method, &proxy.credentials) {
        (NO_AUTHENTICATION, _) => Ok(()),
        (USER_NAME_AND_PASSWORD, Some((user_name, password))) => {
            let mut request = vec![1];
            push_short(&mut request, user_name.as_bytes())?;
            push_short(&mut request, &password.0)?;
            send(socket, &request).await?;
            match receive(socket).await? {
                [_, 0] => Ok(()),
                _ => Err(ConnectError::Socks(SocksError::NotAuthenticated)),
            }
        }
        _ => Err(ConnectError::Socks(SocksError::NoAcceptableMethod)),
    }
}

fn push_short(request: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ConnectError> {
    let len = u8::try_from(bytes.len()).map_err(|_| ConnectError::Socks(SocksError::TooLong))?;
    request.push(len);
    request.extend_from_slice(bytes);
    Ok(())
}

async fn send(socket: &mut TcpStream, bytes: &[u8]) -> Result<(), ConnectError> {
    socket.write_all(bytes).await.map_err(ConnectError::Io)
}

async fn receive<const N: usize>(socket: &mut TcpStream) -> Result<[u8; N], ConnectError> {
    let mut bytes = [0; N];
    socket.read_exact(&mut bytes).await.map_err(ConnectError::Io)?;
    Ok(bytes)
}
