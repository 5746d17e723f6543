//! Hashing with a seed: the same run for the same seed, and no client can aim for collisions without knowing it.

use core::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

/// A map that is never walked in its own order.
pub(crate) type Map<K, V> = hashbrown::HashMap<K, V, FixedState>;
/// A set that is never walked in its own order, except where all of it is taken.
pub(crate) type Set<K> = hashbrown::HashSet<K, FixedState>;

/// The hasher of a table of this engine.
pub(crate) fn hasher(seed: u64) -> FixedState {
    FixedState::with_seed(seed)
}

/// The shard, out of `shards`, that owns the Session of a Client Identifier. Alike on every shard and in every run.
pub fn shard_of(client_identifier: &str, shards: u16) -> u16 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(client_identifier.as_bytes());
    // The high half of a product spreads 64 evenly hashed bits over the shards.
    let spread = (u128::from(hasher.finish()) * u128::from(shards.max(1))) >> 64;
    u16::try_from(spread).unwrap_or(0)
}

/// A small generator of random numbers (`SplitMix64`), for names that need not be secret.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_spread_over_the_shards() {
        let mut count = [0; 4];
        for n in 0..4000 {
            count[usize::from(shard_of(&format!("client-{n}"), 4))] += 1;
        }
        assert!(count.iter().all(|&n| (850..1150).contains(&n)), "{count:?}");
        assert_eq!(shard_of("x", 1), 0);
    }
}
