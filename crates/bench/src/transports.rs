//! The ways to a broker, compared: TCP, TLS, WebSocket, WebSocket over TLS; Martlet and, where it is installed, Mosquitto.

#![expect(clippy::cast_precision_loss, reason = "figures for people need no 52 bits")]

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use authority::Authority;
use clap::Args;

use crate::brokers::Running;
use crate::carrier::Way;
use crate::load::Load;

/// Threads that do handshakes at the same time.
const HANDSHAKERS: usize = 4;

/// What to compare.
#[derive(Args)]
pub(crate) struct Transports {
    /// The program of Mosquitto; it is left out if it cannot be started.
    #[arg(long, default_value = "mosquitto")]
    mosquitto: PathBuf,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Connections that are idle.
    #[arg(long, default_value_t = 2000)]
    idle: usize,
}

impl Transports {
    pub(crate) fn run(&self) -> io::Result<()> {
        let authority = Authority::new("bench-transports");
        for place in 0..Running::WAYS {
            self.compare(&Running::martlet(&authority)?, place)?;
            let mosquitto = Running::mosquitto(&self.mosquitto, &authority);
            if let Err(error) = mosquitto.and_then(|mosquitto| self.compare(&mosquitto, place)) {
                eprintln!("without Mosquitto: {error}");
            }
        }
        Ok(())
    }

    /// Measures one way to a broker that was just started.
    fn compare(&self, broker: &Running, place: usize) -> io::Result<()> {
        let way = &broker.ways[place];
        println!("{} by {way}", broker.name);
        // First, since memory that was used once is not given back to the system. One connection may need what all share.
        let _first = way.open()?;
        let before = broker.program.resident_bytes();
        let idle: Vec<_> = (0..self.idle).map(|_| way.open()).collect::<io::Result<_>>()?;
        let bytes = broker.program.resident_bytes().saturating_sub(before);
        let each = bytes as f64 / idle.len().max(1) as f64;
        println!("  {:20} {each:12.0} bytes for a connection without a session", "idle");
        drop(idle);
        let load = Load {
            port: way.port,
            publishers: 1,
            subscribers: 1,
            pairs: true,
            qos: 0,
            durable: false,
            payload: 16,
            window: 1000,
            seconds: self.seconds,
        };
        let pairs = Load { publishers: 10, subscribers: 10, window: 100, ..load.clone() };
        let bulk = Load { payload: 64 << 10, window: 16, ..load.clone() };
        for (load, name) in [(load, "1 pair, 16 bytes"), (pairs, "10 pairs, 16 bytes")] {
            let (rate, time) = measured(broker, || load.measure(way))?;
            let each = time.as_secs_f64() * 1e6 / (rate * self.seconds as f64);
            println!("  {name:20} {rate:12.0} messages/s, {each:.3} µs of the broker's processor each");
        }
        let (rate, time) = measured(broker, || bulk.measure(way))?;
        let bytes = rate * bulk.payload as f64;
        let each = time.as_secs_f64() * 1e9 / (bytes * self.seconds as f64);
        println!(
            "  {:20} {:12.0} MB/s, {each:.3} ns of the broker's processor a byte",
            "1 pair, 64 KiB",
            bytes / 1e6
        );
        let (rate, time) = measured(broker, || self.handshakes(way))?;
        let each = time.as_secs_f64() * 1e6 / (rate * self.seconds as f64);
        println!(
            "  {:20} {rate:12.0} connections/s, {each:.0} µs of the broker's processor each",
            "connecting"
        );
        Ok(())
    }

    /// How many connections a second can be opened.
    fn handshakes(&self, way: &Way) -> io::Result<f64> {
        let count = AtomicU64::new(0);
        let started = Instant::now();
        thread::scope(|scope| {
            let work = || -> io::Result<()> {
                while started.elapsed() < Duration::from_secs(self.seconds) {
                    way.open()?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            };
            let threads: Vec<_> = (0..HANDSHAKERS).map(|_| scope.spawn(work)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
        })?;
        Ok(count.into_inner() as f64 / started.elapsed().as_secs_f64())
    }
}

/// What came of a measurement, and the broker's processor time in it.
fn measured<T>(broker: &Running, work: impl FnOnce() -> io::Result<T>) -> io::Result<(T, Duration)> {
    let before = broker.program.processor_time();
    let result = work()?;
    Ok((result, broker.program.processor_time().saturating_sub(before)))
}
