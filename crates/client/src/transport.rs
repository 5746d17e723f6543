//! Ways to a server: each ends in something that carries bytes.

#[cfg(feature = "psk")]
pub(crate) mod psk;
#[cfg(feature = "socks")]
pub(crate) mod socks;
mod tcp;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(feature = "websocket")]
mod websocket;

use tokio::net::TcpStream;

use crate::address::Address;
use crate::error::ConnectError;
use crate::link::Carrier;
use crate::options::Options;

/// Opens a way to the server of the options, through all layers that its address has, without a word of MQTT.
///
/// Of the options only those count that concern the way: address, local address, TLS, headers of WebSocket, proxy. There
/// is no time limit here. To be called from within a Tokio runtime.
///
/// ```no_run
/// use martlet_client::Options;
/// use tokio::io::AsyncWriteExt;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut carrier = martlet_client::dial(&Options::from_url("mqtts://broker.example")?).await?;
/// carrier.write_all(b"whatever the server understands").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ConnectError::Lookup`], [`ConnectError::Io`] and those of the layers: `Tls`, `WebSocket`, `Socks`. A handshake of TLS
/// that fails is an [`ConnectError::Io`] with the error of rustls within.
pub async fn dial(options: &Options) -> Result<Box<dyn Carrier>, ConnectError> {
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
            // What is negotiated below WebSocket is HTTP, unless the options say otherwise.
            let http = [b"http/1.1".to_vec()];
            let alpn = if options.tls.alpn.is_empty() { &http[..] } else { &options.tls.alpn };
            #[cfg(feature = "psk")]
            if let Some(psk) = &options.psk {
                let socket = psk::open(psk, alpn, host, socket).await?;
                return Ok(Box::new(websocket::open(options, "wss", (host, *port, path), socket).await?));
            }
            let socket = tls::open(&options.tls, alpn, host, socket).await?;
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

/// TCP, through the proxy if there is one.
async fn tcp(options: &Options, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    #[cfg(feature = "socks")]
    if let Some(proxy) = &options.socks {
        return socks::open(options, proxy, host, port).await;
    }
    tcp::connect(options, host, port).await
}
