//! TCP: looking up names, and the local address to begin from.

use core::net::SocketAddr;
use std::io;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};

use crate::error::ConnectError;
use crate::options::Options;

/// Connects to the first address of a host that answers.
pub(super) async fn connect(options: &Options, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    let remote = addresses(host, port).await?;
    let connected = match &options.bind_address {
        None => TcpStream::connect(remote.as_slice()).await,
        Some(local) => connect_from(&addresses(local, 0).await?, &remote).await,
    };
    let socket = connected.map_err(ConnectError::Io)?;
    socket.set_nodelay(options.no_delay).map_err(ConnectError::Io)?;
    keep_watch(options, &socket).map_err(ConnectError::Io)?;
    Ok(socket)
}

/// Has the operating system look whether the server is still there, as the options want it.
fn keep_watch(options: &Options, socket: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(socket);
    if let Some((idle, interval, probes)) = options.tcp_keep_alive {
        let probing = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(probes);
        socket.set_tcp_keepalive(&probing)?;
    }
    #[cfg(target_os = "linux")]
    if let Some(timeout) = options.tcp_user_timeout {
        socket.set_tcp_user_timeout(Some(timeout))?;
    }
    Ok(())
}

async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    match tokio::net::lookup_host((host, port)).await {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(ConnectError::Lookup { host: host.to_owned(), error }),
    }
}

/// Connects from a local address of the same family. The last failure is told.
async fn connect_from(local: &[SocketAddr], remote: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for to in remote {
        for from in local.iter().filter(|from| from.is_ipv4() == to.is_ipv4()) {
            let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            match socket.bind(*from) {
                Err(error) => failure = error,
                Ok(()) => match socket.connect(*to).await {
                    Ok(connected) => return Ok(connected),
                    Err(error) => failure = error,
                },
            }
        }
    }
    Err(failure)
}
