//! The addresses of a network interface.

use core::net::SocketAddr;
use std::io;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;

use crate::errors::StartError;

/// The addresses that an interface has now, with a port.
///
/// # Errors
/// [`StartError::Interfaces`] and [`StartError::NoInterface`].
pub(super) fn addresses(name: &str, port: u16) -> Result<Vec<SocketAddr>, StartError> {
    let interfaces = getifaddrs().map_err(|error| StartError::Interfaces(io::Error::from(error)))?;
    // The case of the name does not matter to Mosquitto.
    let named: Vec<_> =
        interfaces.filter(|interface| interface.interface_name.eq_ignore_ascii_case(name)).collect();
    if named.is_empty() {
        return Err(StartError::NoInterface(name.to_owned()));
    }
    let mut addresses: Vec<SocketAddr> =
        named.iter().filter_map(|interface| address(interface.address.as_ref()?, port)).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

/// An address of IPv4 or IPv6; interfaces have others, too.
fn address(address: &SockaddrStorage, port: u16) -> Option<SocketAddr> {
    let four = address.as_sockaddr_in().map(|four| SocketAddr::V4((*four).into()));
    let mut address = four.or_else(|| Some(SocketAddr::V6((*address.as_sockaddr_in6()?).into())))?;
    address.set_port(port);
    Some(address)
}
