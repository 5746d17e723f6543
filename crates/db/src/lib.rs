//! What can be done with the store of a broker while no broker runs: [`check`] it, show it ([`dump`]), make one from what
//! Mosquitto kept ([`import`]), and divide it among another number of shards ([`repartition`]).
//!
//! A store is read as a broker reads it at its start, into one engine a shard, and written as a broker writes it, by
//! checkpoints. What the bytes on the disk are is the business of [`martlet_store`], what they mean that of
//! [`martlet_engine`].

#![forbid(unsafe_code)]

mod check;
mod create;
mod dump;
mod error;
mod import;
mod line;
mod load;
mod message;
mod repartition;
mod settle;
mod swap;

pub use check::{Check, Contents, check};
pub use dump::{Dump, Dumped, Payload, Show, dump};
pub use error::DbError;
pub use import::{
    Import, ImportError, Imported, LeftOut, Note, Source, SourceError, SourcePlace, SourceProblem, import,
};
pub use load::{ShardFound, Unreadable};
pub use repartition::{Repartition, RepartitionError, Repartitioned, repartition};
