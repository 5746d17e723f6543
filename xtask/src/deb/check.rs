//! Tries the packages out on machines with a fresh Debian: installs, upgrades, exchanges with Mosquitto's and purges them
//! while systemd runs their services. Needs root, and Debian's archive the first time.

mod alone;
mod debian;
mod exchange;
mod machine;

use std::path::{Path, PathBuf};

use super::WORK;
use super::build::Built;
use super::layout::{self, Package};
use machine::Machine;

/// A line that the user writes into a configuration file.
const BY_HAND: &str = "# written by hand";

/// What is tried on one machine.
type Trial = fn(&Machine) -> Result<(), String>;

/// All trials.
pub(super) fn run(root: &Path, built: &Built, version: &str, first: &[PathBuf]) -> Result<(), String> {
    let second = second_version(root, built, version)?;
    debian::prepare(root)?;
    let trials: [(&str, Trial); 6] = [
        ("martlet alone: install, run, upgrade, purge", alone::life),
        ("martlet as its unit says", alone::unit),
        ("martlet beside Mosquitto", exchange::beside),
        ("from Mosquitto and back", exchange::there_and_back),
        ("in the place of a Mosquitto that never was", exchange::fresh),
        ("from Mosquitto 2.1 with SQLite", exchange::sqlite),
    ];
    for (name, trial) in trials {
        println!("== {name}");
        let machine = Machine::boot(root, first, &second)?;
        trial(&machine).map_err(|error| {
            let journal = machine.sh("journalctl --no-pager --quiet --lines=40 --unit='m*'");
            format!("{name}: {error}\n{}", journal.unwrap_or_else(|error| error))
        })?;
    }
    println!("the packages pass");
    Ok(())
}

/// Packages of a later version, whose configuration file is another one.
fn second_version(root: &Path, built: &Built, version: &str) -> Result<Vec<PathBuf>, String> {
    let work = root.join(WORK).join("second");
    super::fresh(&work)?;
    let version = format!("{version}+second");
    Package::ALL
        .into_iter()
        .map(|package| {
            let tree = layout::lay_out(package, root, built, &version)?;
            if package == Package::Martlet {
                tree.append("etc/martlet/martlet.conf", "# The second version has this line.\n")?;
            }
            tree.pack(&work, &version, &built.architecture)
        })
        .collect()
}

/// Publishes a retained message and waits for its acknowledgement.
fn publish(machine: &Machine, tool: &str, payload: &str) -> Result<(), String> {
    machine.sh(&format!("{tool} -t check/kept -m {payload} -q 1 -r")).map(drop)
}

/// The retained message is this one.
fn has_kept(machine: &Machine, tool: &str, payload: &str) -> Result<(), String> {
    expect(&machine.sh(&format!("{tool} -t check/kept -C 1 -W 10"))?, payload)
}

/// A unit runs, or does not.
fn expect_state(machine: &Machine, unit: &str, wanted: &str) -> Result<(), String> {
    expect(&machine.state(unit)?, wanted).map_err(|error| format!("{unit}: {error}"))
}

fn expect(found: &str, wanted: &str) -> Result<(), String> {
    let found = found.trim();
    if found == wanted { Ok(()) } else { Err(format!("`{found}` should be `{wanted}`")) }
}

fn expect_words(text: &str, words: &str) -> Result<(), String> {
    if text.contains(words) { Ok(()) } else { Err(format!("nothing of `{words}` in:\n{text}")) }
}

fn same(before: &str, after: &str) -> Result<(), String> {
    if before == after {
        return Ok(());
    }
    Err(format!("files of the user have changed:\n{before}became\n{after}"))
}

/// Nothing is left and nothing is missing.
fn same_files(before: &[String], after: &[String]) -> Result<(), String> {
    let left = after.iter().filter(|file| !before.contains(file));
    let missing = before.iter().filter(|file| !after.contains(file));
    let left: Vec<String> = left.map(|file| format!("{file} is left")).collect();
    let missing: Vec<String> = missing.map(|file| format!("{file} is gone")).collect();
    let problems = [left, missing].concat();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}
