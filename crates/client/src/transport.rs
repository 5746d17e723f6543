//! Ways to a server: each ends in something that carries bytes.

#[cfg(feature = "psk")]
pub(crate) mod psk;
#[cfg(feature = "socks")]
pub(crate) mod socks;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(feature = "websocket")]
mod websocket;

use tokio::net::TcpStream;

use crate::address::Address;
use crate::error::ConnectError;
use crate::link::Carrier;
use crate::options::Options;

/// Opens a connection to the server of the options, without a word of MQTT.
pub(crate) async fn dial(options: &Options) -> Result<Box<dyn Carrier>, ConnectError> {
    match &options.address {
        Address::Tcp { host, port } => Ok(Box::new(tcp(options, host, *port).await?)),
        #[cfg(feature = "tls")]
        Address::Tls { host, port } => {
            let socket = tcp(options, host, *port).await?;
            #[cfg(feature = "psk")]
            if let Some(psk) = &options.psk {
                return Ok(Box::new(psk::open(psk, &options.tls.alpn, host, socket).await?));
            }
            Ok(Box::new(tls::open(&options.tls, &options.tls.alpn, host, socket).await?))
        }
        #[cfg(feature = "websocket")]
        Address::WebSocket { host, port, path } => {
            let socket = tcp(options, host, *port).await?;
            Ok(Box::new(websocket::open(options, "ws", (host, *port, path), socket).await?))
        }
        #[cfg(all(feature = "websocket", feature = "tls"))]
        Address::SecureWebSocket { host, port, path } => {
            let socket = tcp(options, host, *port).await?;
            // What is negotiated below WebSocket is HTTP, whatever the options say for MQTT.
            let alpn = [b"http/1.1".to_vec()];
            #[cfg(feature = "psk")]
            if let Some(psk) = &options.psk {
                let socket = psk::open(psk, &alpn, host, socket).await?;
                return Ok(Box::new(websocket::open(options, "wss", (host, *port, path), socket).await?));
            }
            let socket = tls::open(&options.tls, &alpn, host, socket).await?;
            Ok(Box::new(websocket::open(options, "wss", (host, *port, path), socket).await?))
        }
        #[cfg(unix)]
        Address::Unix { path } => {
            let socket = tokio::net::UnixStream::connect(path).await.map_err(ConnectError::Io)?;
            Ok(Box::new(socket))
        }
        #[cfg(not(unix))]
        Address::Unix { .. } => Err(ConnectError::Io(std::io::ErrorKind::Unsupported.into())),
    }
}

async fn tcp(options: &Options, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    #[cfg(feature = "socks")]
    if let Some(proxy) = &options.socks {
        return socks::open(proxy, host, port).await;
    }
    #[cfg(not(feature = "socks"))]
    let _ = options;
    let socket = TcpStream::connect((host, port)).await.map_err(ConnectError::Io)?;
    socket.set_nodelay(true).map_err(ConnectError::Io)?;
    Ok(socket)
}
