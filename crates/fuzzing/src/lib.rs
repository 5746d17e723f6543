//! What the fuzz targets call. Each function takes any bytes and panics when a property does not hold.
//!
//! The targets themselves (`fuzz/fuzz_targets`) are one line each; the tests of this crate replay their corpus.

#![forbid(unsafe_code)]

mod delivery;
mod encode;
mod engine;
mod packets;
mod pieces;
mod shards;
mod source;
mod store_recovery;
mod templates;

pub use delivery::delivery;
pub use encode::encode;
pub use engine::engine;
pub use packets::{decode, roundtrip};
pub use pieces::pieces;
pub use shards::shards;
pub use store_recovery::store_recovery;
