//! What the fuzz targets call. Each function takes any bytes and panics when a property does not hold.
//!
//! The targets themselves (`fuzz/fuzz_targets`) are one line each; the tests of this crate replay their corpus.

#![forbid(unsafe_code)]

mod delivery;
mod engine;
mod packets;

pub use delivery::delivery;
pub use engine::engine;
pub use packets::{decode, roundtrip};
