//! The logic of drop-ins for `mosquitto_pub`, `mosquitto_sub`, `mosquitto_rr`, `mosquitto_ctrl`, `mosquitto_passwd` and
//! `mosquitto_signal`.
//!
//! [`flags`] turns arguments into options, [`mod@format`] a message into the bytes that are printed, [`payload`] a file or
//! standard input into what is published, [`ctrl`] a command line into a request for the broker and the answer into text. [`passwd`] and
//! [`signal`] are whole programs as functions. [`record`] is a file format for messages that were seen.
//!
//! Error texts, their order and the exit status are Mosquitto's, because scripts look at them. Nothing here opens a
//! connection, and only [`passwd`], [`signal`], [`mod@file`] and the functions that say so touch files or the environment.

#![forbid(unsafe_code)]

pub mod ctrl;
pub mod file;
pub mod flags;
pub mod format;
pub use martlet_json as json;
mod number;
pub mod passwd;
pub mod payload;
pub mod program;
pub mod property;
pub mod record;
pub mod signal;
mod topic;
