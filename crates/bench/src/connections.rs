//! Idle connections: what each costs the engine, its Session included.

#![expect(clippy::cast_precision_loss, reason = "figures for people need no 52 bits")]

use std::time::Instant;

use martlet_engine::Config;

use crate::driver::Driver;
use crate::resident;

pub(crate) fn run(count: u32) {
    let mut driver = Driver::new(Config::default());
    let before = resident::bytes();
    let started = Instant::now();
    for index in 0..count {
        driver.connect(index);
    }
    let seconds = started.elapsed().as_secs_f64();
    let bytes = resident::bytes().saturating_sub(before);
    println!(
        "{} connections in {seconds:.2} s; {:.0} bytes each in the engine",
        driver.status().connections,
        bytes as f64 / f64::from(count.max(1))
    );
}
