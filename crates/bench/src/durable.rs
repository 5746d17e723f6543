//! Whole brokers that keep what they acknowledge: how fast, how long a start takes after a kill, what is given back.

#![expect(clippy::cast_precision_loss, reason = "figures for people need no 52 bits")]

mod acknowledgements;
mod backlog;
mod contender;

use core::time::Duration;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use acknowledgements::Crowd;
use contender::{Contender, Running};

/// The name of the new folder.
const NAME: &str = "martlet-bench-durable";
/// Bytes that the log has beside the payload of each message, for the bare file: the topic, names, the frame.
const AROUND_PAYLOAD: usize = 64;

/// What to measure of brokers that keep what they acknowledge.
#[derive(Args)]
pub(crate) struct Durable {
    /// The program of Martlet.
    #[arg(long, default_value = "target/release/martlet")]
    martlet: PathBuf,
    /// The program of Mosquitto; it is left out if it cannot be started.
    #[arg(long, default_value = "mosquitto")]
    mosquitto: PathBuf,
    /// A folder on the disk that is to be measured. A new one is made in it, and removed at the end.
    #[arg(long, default_value = "target")]
    folder: PathBuf,
    /// Bytes of payload.
    #[arg(long, default_value_t = 128)]
    payload: usize,
    /// How long each measurement of publishers takes.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many messages are queued, and how many retained.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
}

impl Durable {
    pub(crate) fn run(&self) -> io::Result<()> {
        let mut contenders: Vec<Contender> = ["strict", "os", "none"]
            .map(|durability| Contender { program: self.martlet.clone(), durability: Some(durability) })
            .into();
        contenders.push(Contender { program: self.mosquitto.clone(), durability: None });
        let folder = self.folder.join(NAME);
        for (publishers, window) in [(1, 1), (1000, 1), (100, 100)] {
            let crowd = Crowd { publishers, window, payload: self.payload };
            println!("{publishers} publishers, {window} messages on the way of each, {} bytes", self.payload);
            self.bare(publishers * window)?;
            for contender in &contenders {
                match Running::start(contender, &folder) {
                    Ok(broker) => self.acknowledge(crowd, contender, &broker)?,
                    Err(error) => eprintln!("without {contender}: {error}"),
                }
            }
        }
        for contender in contenders.iter().filter(|contender| contender.durability != Some("none")) {
            println!("{} messages of {} bytes: {contender}", self.messages, self.payload);
            backlog::queued(&mut Running::start(contender, &folder)?, self.messages, self.payload)?;
            backlog::retained(&mut Running::start(contender, &folder)?, self.messages, self.payload)?;
        }
        Ok(())
    }

    fn acknowledge(&self, crowd: Crowd, contender: &Contender, broker: &Running) -> io::Result<()> {
        let figures = crowd.publish(broker, Duration::from_secs(self.seconds))?;
        println!(
            "    {:20} {:>9.0} messages/s   PUBACK p50 {:>6} µs   p99 {:>6} µs   written {:.2} bytes a byte of payload",
            contender.to_string(),
            figures.rate,
            figures.p50.as_micros(),
            figures.p99.as_micros(),
            figures.written
        );
        Ok(())
    }

    /// What the disk allows: a write and a sync of so many messages, one after the other.
    fn bare(&self, batch: usize) -> io::Result<()> {
        let folder = self.folder.join(NAME);
        fs::create_dir_all(&folder)?;
        let path = folder.join("bare");
        let mut file = File::create(&path)?;
        let bytes = vec![b'x'; batch * (self.payload + AROUND_PAYLOAD)];
        let (started, mut times) = (Instant::now(), Vec::new());
        while started.elapsed() < Duration::from_secs(self.seconds) {
            let began = Instant::now();
            file.write_all(&bytes)?;
            file.sync_data()?;
            times.push(began.elapsed());
        }
        let rate = (times.len() * batch) as f64 / started.elapsed().as_secs_f64();
        times.sort_unstable();
        let at =
            |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default().as_micros();
        println!(
            "    {:20} {rate:>9.0} messages/s   sync   p50 {:>6} µs   p99 {:>6} µs   {batch} messages a sync",
            "bare file",
            at(50),
            at(99)
        );
        fs::remove_file(path)
    }
}
