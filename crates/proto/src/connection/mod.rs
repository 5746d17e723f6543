//! One end of one connection: which packets may come, and what was agreed on.

mod client;
mod server;

pub use client::ClientConnection;
pub use server::{Phase, ServerConnection, announced_version};
