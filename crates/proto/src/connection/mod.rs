//! One end of one connection: which packets may come, and what was agreed on.

mod server;

pub use server::{Phase, ServerConnection, announced_version};
