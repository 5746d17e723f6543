//! Where a broker listens: its bound listeners, and what it says of them.

use core::net::SocketAddr;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use martlet_transport::Listener;

use crate::binding;
use crate::entrance::Entrance;
use crate::errors::StartError;
use crate::options::{ListenerOptions, Options, Place, Wording};

/// Bound listeners, several for one that has several addresses.
pub(crate) type Listeners = Vec<(Arc<Entrance>, Listener)>;

/// All bound listeners.
#[derive(Default)]
pub(crate) struct Bound {
    /// Those for clients of MQTT.
    pub(crate) clients: Listeners,
    /// Those for the HTTP API.
    pub(crate) http: Listeners,
}

/// Where a broker listens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// The TCP addresses for clients of MQTT, with the ports that were chosen.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The Unix sockets for clients of MQTT.
    pub(crate) paths: Vec<PathBuf>,
    /// The TCP addresses of the HTTP API.
    pub(crate) http: Vec<SocketAddr>,
}

/// Binds every place to listen at.
///
/// # Errors
/// What [`binding::bind`] and [`Entrance::new`] have, and [`StartError::NoListener`].
pub(crate) fn bind_all(options: &Options) -> Result<Bound, StartError> {
    let mut all = Bound::default();
    for (number, options) in (0..).zip(&options.listeners) {
        let entrance = Arc::new(Entrance::new(number, options)?);
        let is_optional = options.http.as_ref().is_some_and(|http| http.is_optional);
        let bound = match binding::bind(&options.place) {
            Ok(bound) => bound.into_iter(),
            Err(error) if is_optional => {
                tracing::warn!("{error}; going on without the HTTP API");
                continue;
            }
            Err(error) => return Err(error),
        };
        let listeners = if options.http.is_some() { &mut all.http } else { &mut all.clients };
        listeners.extend(bound.map(|listener| (Arc::clone(&entrance), listener)));
    }
    if all.clients.is_empty() && all.http.is_empty() { Err(StartError::NoListener) } else { Ok(all) }
}

impl Bound {
    /// Where they listen.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn places(&self, options: &Options) -> io::Result<Places> {
        let path = |listener: &ListenerOptions| match &listener.place {
            Place::Unix(address) if listener.http.is_none() => Some(address.path.clone()),
            _ => None,
        };
        Ok(Places {
            addresses: addresses(&self.clients)?,
            paths: options.listeners.iter().filter_map(path).collect(),
            http: addresses(&self.http)?,
        })
    }
}

fn addresses(listeners: &Listeners) -> io::Result<Vec<SocketAddr>> {
    listeners.iter().filter_map(|(_, listener)| listener.local_addr().transpose()).collect()
}

impl Places {
    /// Says in the log where it is.
    pub(crate) fn say(&self, shards: u16, wording: Wording) {
        for address in &self.addresses {
            match wording {
                Wording::Own => tracing::info!(%address, shards, "listening"),
                Wording::Mosquitto => {
                    let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
                    tracing::info!("Opening {family} listen socket on port {}.", address.port());
                }
            }
        }
        for address in &self.http {
            match wording {
                Wording::Own => tracing::info!(%address, "listening for the HTTP API"),
                Wording::Mosquitto => {
                    tracing::info!("Opening http api listen socket on port {}.", address.port());
                }
            }
        }
        for path in &self.paths {
            let path = path.display();
            match wording {
                Wording::Own => tracing::info!(%path, shards, "listening"),
                Wording::Mosquitto => tracing::info!("Opening unix listen socket on path {path}."),
            }
        }
    }
}
