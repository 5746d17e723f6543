//! From what was asked for to bound listeners.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::io;
use std::net::ToSocketAddrs;

use martlet_transport::Listener;

use crate::errors::StartError;
use crate::options::{Family, Host, ListenAddress, Place, UnixAddress};
use crate::predecessor::outwait;

mod interface;

/// Binds to a place to listen, which may be several addresses.
///
/// # Errors
/// [`StartError::Resolve`], [`StartError::Listen`] and [`StartError::ListenUnix`].
pub(crate) fn bind(place: &Place) -> Result<Vec<Listener>, StartError> {
    match place {
        Place::Tcp(address) => bind_tcp(address),
        Place::Unix(address) => bind_unix(address).map(|listener| vec![listener]),
    }
}

#[cfg(unix)]
fn bind_unix(UnixAddress { path, mode }: &UnixAddress) -> Result<Listener, StartError> {
    Listener::bind_unix(path, *mode).map_err(|cause| StartError::ListenUnix { path: path.clone(), cause })
}

#[cfg(not(unix))]
fn bind_unix(UnixAddress { path, .. }: &UnixAddress) -> Result<Listener, StartError> {
    Err(StartError::ListenUnix { path: path.clone(), cause: io::ErrorKind::Unsupported.into() })
}

/// Binds to every address of a place to listen.
///
/// Addresses that this machine does not have, such as `::1` where IPv6 is off, are left out with a warning as long as
/// one remains. An address that someone else has is an error: half a broker helps nobody.
///
/// # Errors
/// [`StartError::Resolve`] and [`StartError::Listen`].
fn bind_tcp(place: &ListenAddress) -> Result<Vec<Listener>, StartError> {
    let is_taken = |cause: &io::Error| cause.kind() == io::ErrorKind::AddrInUse;
    bind_each(addresses(place)?, |address| outwait(|| Listener::bind(address), is_taken))
}

fn bind_each<L>(
    addresses: Vec<SocketAddr>,
    bind: impl Fn(SocketAddr) -> io::Result<L>,
) -> Result<Vec<L>, StartError> {
    let mut listeners = Vec::new();
    let mut missing = Vec::new();
    for address in addresses {
        match bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(cause) if belongs_to_someone(&cause) => return Err(StartError::Listen { address, cause }),
            Err(cause) => missing.push(StartError::Listen { address, cause }),
        }
    }
    if listeners.is_empty() {
        return Err(missing.into_iter().next().unwrap_or(StartError::NoListener));
    }
    for error in missing {
        tracing::warn!("{error}; going on without");
    }
    Ok(listeners)
}

fn addresses(place: &ListenAddress) -> Result<Vec<SocketAddr>, StartError> {
    let port = place.port;
    let both = |four: Ipv4Addr, six: Ipv6Addr| vec![(four, port).into(), (six, port).into()];
    match &place.host {
        Host::Loopback => Ok(both(Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST)),
        Host::Any => Ok(both(Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED)),
        Host::Named(host) => resolve(host, port),
        Host::Chosen(conditions) => {
            let mut addresses = match (&conditions.host, &conditions.interface) {
                (Some(host), _) => resolve(host, port)?,
                (None, Some(_)) => Vec::new(),
                (None, None) => both(Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
            };
            if let Some(interface) = &conditions.interface {
                let own = interface::addresses(interface, port)?;
                let is_asked_for = |address: &SocketAddr| addresses.iter().any(|it| it.ip() == address.ip());
                addresses = own
                    .into_iter()
                    .filter(|address| conditions.host.is_none() || is_asked_for(address))
                    .collect();
            }
            addresses.retain(|address| match conditions.family {
                None => true,
                Some(Family::V4) => address.is_ipv4(),
                Some(Family::V6) => address.is_ipv6(),
            });
            if addresses.is_empty() { Err(StartError::NoAddress(conditions.clone())) } else { Ok(addresses) }
        }
    }
}

/// The addresses of a name, with a port.
fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, StartError> {
    let failed = |cause| StartError::Resolve { host: host.to_owned(), cause };
    let mut addresses: Vec<SocketAddr> =
        (host, port).to_socket_addrs().map_err(|cause| failed(Some(cause)))?.collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() { Err(failed(None)) } else { Ok(addresses) }
}

fn belongs_to_someone(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Conditions;

    fn place(host: &str, port: u16) -> ListenAddress {
        ListenAddress { host: Host::Named(host.into()), port }
    }

    #[test]
    fn both_kinds_of_loopback_are_asked_for() {
        let asked = addresses(&ListenAddress { host: Host::Loopback, port: 1883 }).unwrap();
        assert_eq!(asked, ["127.0.0.1:1883".parse().unwrap(), "[::1]:1883".parse().unwrap()]);
    }

    #[test]
    fn one_kind_of_address_is_enough_but_none_may_be_taken() {
        let asked = || addresses(&ListenAddress { host: Host::Loopback, port: 1883 }).unwrap();
        let only_4 = |kind: io::ErrorKind| {
            move |address: SocketAddr| if address.is_ipv4() { Ok(address) } else { Err(kind.into()) }
        };
        let bound = bind_each(asked(), only_4(io::ErrorKind::AddrNotAvailable)).unwrap();
        assert_eq!(bound, ["127.0.0.1:1883".parse().unwrap()]);
        let error = bind_each(asked(), only_4(io::ErrorKind::AddrInUse)).unwrap_err();
        assert_eq!(error.to_string(), "Address already in use ([::1]:1883): is another broker running?");
        let neither = |_| -> io::Result<()> { Err(io::ErrorKind::AddrNotAvailable.into()) };
        let error = bind_each(asked(), neither).unwrap_err();
        assert!(error.to_string().starts_with("Address not available (127.0.0.1:1883)"), "{error}");
    }

    #[test]
    fn an_address_of_another_machine_is_an_error_when_it_is_the_only_one() {
        // 192.0.2.0/24 is set aside for documentation; no machine has such an address.
        let error = bind_tcp(&place("192.0.2.1", 0)).unwrap_err();
        assert!(matches!(error, StartError::Listen { .. }), "{error}");
    }

    #[test]
    fn an_address_that_is_taken_is_an_error() {
        let first = bind_tcp(&place("127.0.0.1", 0)).unwrap();
        let port = first[0].local_addr().unwrap().unwrap().port();
        let error = bind_tcp(&place("127.0.0.1", port)).unwrap_err();
        assert!(error.to_string().starts_with("Address already in use (127.0.0.1:"), "{error}");
    }

    #[test]
    fn all_conditions_have_to_hold() {
        let chosen = |host: Option<&str>, family, interface: Option<&str>| {
            let (host, interface) = (host.map(str::to_owned), interface.map(str::to_owned));
            let conditions = Conditions { host, family, interface };
            addresses(&ListenAddress { host: Host::Chosen(conditions), port: 1883 })
        };
        let loopback: SocketAddr = "127.0.0.1:1883".parse().unwrap();
        assert_eq!(chosen(None, Some(Family::V4), None).unwrap(), ["0.0.0.0:1883".parse().unwrap()]);
        assert_eq!(chosen(None, Some(Family::V6), None).unwrap(), ["[::]:1883".parse().unwrap()]);
        assert_eq!(chosen(Some("localhost"), Some(Family::V4), None).unwrap(), [loopback]);
        assert!(chosen(None, None, Some("lo")).unwrap().contains(&loopback));
        assert_eq!(chosen(None, Some(Family::V4), Some("LO")).unwrap(), [loopback]);
        assert_eq!(chosen(Some("127.0.0.1"), None, Some("lo")).unwrap(), [loopback]);

        let error = chosen(Some("192.0.2.1"), Some(Family::V4), Some("lo")).unwrap_err();
        let text = "Cannot listen on the IPv4 addresses of 192.0.2.1 of the interface lo: there are none";
        assert_eq!(error.to_string(), text);
        let error = chosen(None, None, Some("no-such-interface")).unwrap_err();
        assert_eq!(error.to_string(), "Interface no-such-interface does not exist");
    }

    #[test]
    fn a_name_without_an_address_is_an_error() {
        let error = bind_tcp(&place("no-such-host.invalid", 0)).unwrap_err();
        assert!(matches!(error, StartError::Resolve { .. }), "{error}");
    }
}
