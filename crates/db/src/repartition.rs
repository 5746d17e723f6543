//! Dividing what a store keeps among another number of shards.

use core::fmt;
use core::num::NonZeroU16;
use std::path::PathBuf;

use martlet_engine::kept::Kept;
use martlet_engine::{Engine, Instant};

use crate::load::{self, Open, engines};
use crate::settle::settle;
use crate::swap::Place;
use crate::{Contents, DbError, ShardFound, create};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repartition {
    /// The folder of the store.
    pub location: PathBuf,
    /// How many shards it is to have.
    pub shards: NonZeroU16,
    /// Whether to go on with what is sound if something is damaged.
    pub keep_going: bool,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repartitioned {
    /// How many shards there were.
    pub before: u16,
    /// What the new store keeps.
    pub contents: Contents,
    /// Where the old store is.
    pub old: PathBuf,
    /// What was damaged in the old one.
    pub damaged: Vec<ShardFound>,
}

/// Why nothing was done.
#[derive(Debug)]
#[non_exhaustive]
pub enum RepartitionError {
    /// The store cannot be read or written.
    Db(DbError),
    /// It has that many shards.
    Same(u16),
    /// Something is damaged, and nobody asked to go on.
    Damaged(Vec<ShardFound>),
    /// What was read back from the new store is not what was in the old one. The old one is where it was.
    Differs {
        /// The new store.
        new: PathBuf,
    },
}

impl fmt::Display for RepartitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Db(error) => error.fmt(f),
            Self::Same(1) => f.write_str("the store has 1 shard already"),
            Self::Same(shards) => write!(f, "the store has {shards} shards already"),
            Self::Damaged(shards) => {
                let shards: Vec<_> = shards.iter().map(|found| found.shard.to_string()).collect();
                write!(
                    f,
                    "the store is damaged (shard {}): `martlet db check` tells more. --keep-going goes on with what is \
                     sound",
                    shards.join(", ")
                )
            }
            Self::Differs { new } => write!(
                f,
                "what was written to {} is not what was read: the old store stays. This is a fault of the program",
                new.display()
            ),
        }
    }
}

impl core::error::Error for RepartitionError {}

impl From<DbError> for RepartitionError {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

/// Writes a store with another number of shards and puts it in the place of the old one, which gets another name.
///
/// What shards owe to each other is settled first. The old store is locked meanwhile; whatever happens, the folder holds the
/// one or the other.
///
/// # Errors
/// See [`RepartitionError`]: the old store is as it was.
pub fn repartition(request: &Repartition) -> Result<Repartitioned, RepartitionError> {
    let place = Place::of(&request.location)?;
    let open = Open::at(&request.location)?;
    let before = open.shards();
    if before == request.shards.get() {
        return Err(RepartitionError::Same(before));
    }
    let now = create::now();
    let (mut old, mut found) = open.restore()?;
    found.retain(|shard| !shard.is_sound());
    if !found.is_empty() && !request.keep_going {
        return Err(RepartitionError::Damaged(found));
    }
    settle(&mut old, now);
    let expected = all(&old, now);
    drop(old);
    let mut new = engines(request.shards.get());
    create::distribute(&mut new, now, expected.iter().cloned());
    let store = place.fill(&mut new, now)?;
    drop(new);
    // Its lock is free again for the reader; the old store's is held until the new one has its name.
    drop(store);
    let contents = verify(&place, now, &expected)?;
    let old = place.exchange()?;
    drop(open);
    Ok(Repartitioned { before, contents, old, damaged: found })
}

/// Reads the new store, and compares what it keeps.
fn verify(place: &Place, now: Instant, expected: &[Kept]) -> Result<Contents, RepartitionError> {
    let (mut engines, _) = Open::at(place.new_folder())?.restore()?;
    settle(&mut engines, now);
    let found = all(&engines, now);
    if found != expected {
        return Err(RepartitionError::Differs { new: place.new_folder().to_owned() });
    }
    Ok(found.into_iter().collect())
}

/// What all shards keep, in an order that does not depend on their number. What has expired is still there for a while.
fn all(engines: &[Engine], now: Instant) -> Vec<Kept> {
    let all = load::kept(engines).into_iter().map(|(_, kept)| kept);
    all.filter(|kept| !matches!(kept, Kept::Retained(message) if message.is_expired(now))).collect()
}
