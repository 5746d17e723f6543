//! `mosquitto_pub`, `mosquitto_sub` and `mosquitto_rr`, in each version of the protocol: Mosquitto's and Martlet's, and the
//! latter also with Mosquitto's broker.

#![forbid(unsafe_code)]

#[path = "mosquitto/commands.rs"]
mod commands;
#[path = "mosquitto/delivery.rs"]
mod delivery;
#[path = "mosquitto/properties.rs"]
mod properties;
#[path = "mosquitto/session.rs"]
mod session;
#[path = "mosquitto/tools.rs"]
mod tools;
