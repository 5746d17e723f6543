//! `martlet pub`, `sub` and `rr` against a broker that each test speaks itself, packet by packet.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "tools/arguments.rs"]
mod arguments;
#[path = "tools/broker.rs"]
mod broker;
#[path = "tools/lines.rs"]
mod lines;
#[path = "tools/publish.rs"]
mod publish;
#[path = "tools/request.rs"]
mod request;
#[path = "tools/running.rs"]
mod running;
#[path = "tools/subscribe.rs"]
mod subscribe;
#[path = "tools/ways.rs"]
mod ways;
