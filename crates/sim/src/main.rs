//! `sim SEED`: runs a seed, or several, and tells what came of it.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use sim::{Disk, Options, Report, Sabotage, run};

const USAGE: &str = "usage: sim SEED [--steps N] [--clients N] [--shards N] [--ignore TEXT] [--trace]
       sim --seeds A..B [--steps N] ...

Runs a simulated broker from a seed and judges it. Exits with 1 if a rule was broken.
  --steps N     events before the world heals (default 50000)
  --clients N   number of clients (default: by the seed)
  --shards N    number of shards (default: by the seed)
  --ignore TEXT go on when a broken rule says this
  --disk D      sound (default), lying or rotting
  --sabotage S  put a fault between the broker and the world, one of those in src/sabotage.rs
  --trace       print everything that happens
  --lines N     print so many of the last lines of a failed run (default 40)";

/// What the command line asks for.
struct Request {
    seeds: core::ops::Range<u64>,
    options: Options,
    lines: usize,
}

fn main() -> ExitCode {
    let Some(request) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut failed = Vec::new();
    for seed in request.seeds.clone() {
        let report = run(seed, &request.options);
        println!("{report}");
        if report.violation.is_some() {
            show(&report, request.lines);
            failed.push(seed);
        }
    }
    if request.seeds.end - request.seeds.start > 1 {
        println!("{} seeds, {} failed: {failed:?}", request.seeds.end - request.seeds.start, failed.len());
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show(report: &Report, lines: usize) {
    for line in report.lines.iter().skip(report.lines.len().saturating_sub(lines)) {
        println!("  {line}");
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Request> {
    let mut seeds = None;
    let mut options = Options::default();
    let mut lines = 40;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--trace" => options.prints_trace = true,
            "--steps" => options.steps = arguments.next()?.parse().ok()?,
            "--clients" => options.clients = Some(arguments.next()?.parse().ok()?),
            "--shards" => options.shards = Some(arguments.next()?.parse().ok()?),
            "--disk" => {
                options.disk = match arguments.next()?.as_str() {
                    "sound" => Disk::Sound,
                    "lying" => Disk::Lying,
                    "rotting" => Disk::Rotting,
                    _ => return None,
                }
            }
            "--sabotage" => {
                let name = arguments.next()?;
                let is_it = |kind: &&Sabotage| format!("{kind:?}") == name;
                options.sabotage = Some(*Sabotage::ALL.iter().find(is_it)?);
            }
            "--ignore" => options.ignored.push(arguments.next()?),
            "--lines" => lines = arguments.next()?.parse().ok()?,
            "--seeds" => {
                let range = arguments.next()?;
                let (from, to) = range.split_once("..")?;
                seeds = Some(from.parse().ok()?..to.parse().ok()?);
            }
            seed => {
                let seed: u64 = seed.parse().ok()?;
                seeds = Some(seed..seed + 1);
            }
        }
    }
    Some(Request { seeds: seeds?, options, lines })
}
