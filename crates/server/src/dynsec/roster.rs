//! Who is connected with which user name.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use martlet_dynsec::Connections;
use martlet_engine::{ConnectionId, Notice, Peer, ShardId};

/// Who is connected with which user name. Each shard has a part of its own, so that none waits for another one.
#[derive(Debug)]
pub(crate) struct Roster {
    shards: Vec<Mutex<Part>>,
}

#[derive(Debug, Default)]
struct Part {
    user_names: HashMap<ConnectionId, Box<str>>,
    addresses: HashMap<Box<str>, BTreeMap<ConnectionId, Box<str>>>,
}

impl Roster {
    /// A roster for as many shards.
    pub(crate) fn new(shards: u16) -> Self {
        Self { shards: (0..shards).map(|_| Mutex::default()).collect() }
    }

    /// Learns of clients that come and go.
    pub(crate) fn hear(&self, shard: ShardId, notice: &Notice) {
        match notice {
            Notice::Connected { connection, peer, user_name: Some(user_name), .. } => {
                if let Some(mut part) = self.part(shard) {
                    part.add(*connection, user_name, peer);
                }
            }
            Notice::Disconnected { connection, .. } => {
                if let Some(mut part) = self.part(shard) {
                    part.remove(*connection);
                }
            }
            _ => {}
        }
    }

    fn part(&self, shard: ShardId) -> Option<MutexGuard<'_, Part>> {
        let part = self.shards.get(usize::from(shard.0))?;
        Some(part.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Connections for Roster {
    fn addresses(&self, user_name: &str) -> Vec<String> {
        let parts = self.shards.iter().map(|part| part.lock().unwrap_or_else(PoisonError::into_inner));
        parts
            .flat_map(|part| {
                let addresses = part.addresses.get(user_name).into_iter().flat_map(BTreeMap::values);
                addresses.map(ToString::to_string).collect::<Vec<_>>()
            })
            .collect()
    }
}

impl Part {
    fn add(&mut self, connection: ConnectionId, user_name: &str, peer: &Peer) {
        let path = || peer.details.as_ref().and_then(|details| details.path.clone()).unwrap_or_default();
        let address = peer.address.map_or_else(path, |address| address.ip().to_string());
        self.user_names.insert(connection, user_name.into());
        self.addresses.entry(user_name.into()).or_default().insert(connection, address.into());
    }

    fn remove(&mut self, connection: ConnectionId) {
        let Some(user_name) = self.user_names.remove(&connection) else { return };
        if let Some(addresses) = self.addresses.get_mut(&user_name) {
            addresses.remove(&connection);
            if addresses.is_empty() {
                self.addresses.remove(&user_name);
            }
        }
    }
}
