//! Measurements of the engine, the log and whole brokers. `cargo run --release -p bench -- subscriptions` is the first; see `--help`.

#![forbid(unsafe_code)]

mod brokers;
mod carrier;
mod client;
mod connections;
mod driver;
mod durable;
mod library;
mod load;
mod program;
mod resident;
mod store;
mod storm;
mod subscriptions;
mod transports;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures Martlet.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// Loads subscriptions, matches topics against them, and unloads them.
    Subscriptions {
        /// How many clients subscribe.
        #[arg(long, default_value_t = 1_000)]
        clients: u32,
        /// How many Topic Filters each of them subscribes to.
        #[arg(long, default_value_t = 1_000)]
        each: u32,
    },
    /// Connects clients that do nothing.
    Connections {
        /// How many.
        #[arg(long, default_value_t = 100_000)]
        count: u32,
    },
    /// Publishes through a broker on this machine as fast as it delivers, and counts.
    Load(load::Load),
    /// Commits to a log on a real disk, and recovers it.
    Store(store::StoreBench),
    /// Measures brokers that keep what they acknowledge: acknowledgements, starts after a kill, the disk.
    Durable(durable::Durable),
    /// Publishes through the client library.
    Library(library::Library),
    /// Compares the ways to a broker, and Martlet with Mosquitto.
    Transports(transports::Transports),
    /// Measures what a storm of TLS handshakes does to clients that are connected.
    Storm(storm::Storm),
    /// Runs Martlet for the other measurements until standard input ends.
    #[command(hide = true)]
    Serve {
        /// A file with its certificate.
        certificate: PathBuf,
        /// A file with the key for it.
        key: PathBuf,
    },
}

fn main() {
    match Arguments::parse().bench {
        Bench::Subscriptions { clients, each } => subscriptions::run(clients, each),
        Bench::Connections { count } => connections::run(count),
        Bench::Load(load) => exit_on_error("load", load.run()),
        Bench::Durable(durable) => exit_on_error("durable", durable.run()),
        Bench::Library(library) => exit_on_error("library", library.run()),
        Bench::Store(store) => exit_on_error("store", store.run()),
        Bench::Transports(transports) => exit_on_error("transports", transports.run()),
        Bench::Storm(storm) => exit_on_error("storm", storm.run()),
        Bench::Serve { certificate, key } => exit_on_error("serve", brokers::serve(&certificate, &key)),
    }
}

fn exit_on_error(bench: &str, outcome: Result<(), impl core::fmt::Display>) {
    if let Err(error) = outcome {
        eprintln!("{bench}: {error}");
        std::process::exit(1);
    }
}
