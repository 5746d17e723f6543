//! Clients that use TLS.

use core::net::SocketAddr;
use std::net::TcpStream;
use std::sync::Arc;

use authority::rustls::{ClientConfig, ClientConnection, StreamOwned};
use authority::{Authority, Issued};
use martlet_server::TlsOptions;

use super::{Client, DEADLINE};

/// A connection by TLS over TCP.
pub(crate) type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// Options with a certificate that was just issued.
pub(crate) fn server(authority: &Authority) -> TlsOptions {
    let Issued { certificate_file, key_file, .. } = authority.server();
    TlsOptions::new(certificate_file, key_file)
}

/// A TCP connection with deadlines.
pub(crate) fn socket(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.set_write_timeout(Some(DEADLINE)).unwrap();
    socket
}

/// TLS over something, without its handshake being done.
pub(crate) fn over(config: &Arc<ClientConfig>, socket: TcpStream) -> TlsStream {
    let connection = ClientConnection::new(Arc::clone(config), "localhost".try_into().unwrap()).unwrap();
    StreamOwned::new(connection, socket)
}

/// A client that has sent nothing.
pub(crate) fn open(config: &Arc<ClientConfig>, address: SocketAddr) -> Client<TlsStream> {
    Client::over(over(config, socket(address)))
}

/// The error that a handshake ends with.
pub(crate) fn handshake_error(config: &Arc<ClientConfig>, address: SocketAddr) -> String {
    let mut stream = over(config, socket(address));
    loop {
        // With TLS 1.3, the client is done before the server has looked at its certificate.
        let read = std::io::Read::read(&mut stream, &mut [0]);
        match read {
            Ok(0) => panic!("the connection ended without an error"),
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
    }
}
