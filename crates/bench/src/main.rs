//! Measurements of the engine. `cargo run --release -p bench -- subscriptions` is the first; see `--help`.

#![forbid(unsafe_code)]

mod brokers;
mod carrier;
mod connections;
mod driver;
mod load;
mod resident;
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
    let end = match Arguments::parse().bench {
        Bench::Subscriptions { clients, each } => {
            subscriptions::run(clients, each);
            Ok(())
        }
        Bench::Connections { count } => {
            connections::run(count);
            Ok(())
        }
        Bench::Load(load) => load.run(),
        Bench::Transports(transports) => transports.run(),
        Bench::Storm(storm) => storm.run(),
        Bench::Serve { certificate, key } => brokers::serve(&certificate, &key),
    };
    if let Err(error) = end {
        eprintln!("bench: {error}");
        std::process::exit(1);
    }
}
