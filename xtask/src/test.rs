//! Everything that a change has to pass, in the order in which it fails fastest. All builds share one profile and one
//! set of features, so nothing is compiled twice.

mod counts;

use core::time::Duration;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::repository::Repository;
use crate::{command, peers, statements, tidy};
use counts::Counts;

/// Seeds that the simulation plays.
const SEEDS: core::ops::Range<u32> = 1..11;

/// A bare target; its libraries need not be installed.
const BARE_TARGET: &str = "thumbv7em-none-eabi";

pub(crate) fn run(repository: &Repository) -> Result<(), String> {
    let mut steps = Steps { began: Instant::now(), done: Vec::new() };
    let root = repository.root();
    let mut counts = Counts::default();
    let skipped = steps.run("peers", || install_peers(repository))?;

    steps.run("format", || cargo(root, &["fmt", "--all", "--check"]))?;
    steps.run("tidy", || tidy::run(repository))?;
    steps.run("statements", || statements::run(repository))?;
    steps.run("lints", || {
        cargo(root, &["clippy", "--workspace", "--all-targets", "--all-features", "--", "--deny", "warnings"])
    })?;
    steps.run("no_std", || no_std(root))?;
    steps.run("build", || cargo(root, &["build", "--workspace", "--all-features"]))?;
    steps.run("tests", || tests(root, &skipped, &mut counts))?;
    steps.run("doc tests", || doc_tests(root, &mut counts))?;
    steps.run("documentation", || {
        let mut doc = command::new("cargo", root);
        doc.env("RUSTDOCFLAGS", "--deny warnings");
        command::run(doc.args(["doc", "--workspace", "--no-deps", "--all-features"]))
    })?;
    steps.run("simulation", || simulation(root))?;

    steps.print();
    for peer in &skipped {
        println!("SKIPPED: every test with the peer {peer}, which is not installed");
    }
    println!("{counts}; {} seeds simulated", SEEDS.len());
    Ok(())
}

/// The steps that went well, with their times.
struct Steps {
    began: Instant,
    done: Vec<(&'static str, Duration)>,
}

impl Steps {
    fn run<T>(&mut self, name: &'static str, step: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
        println!("\n== {name}");
        let began = Instant::now();
        let outcome = step().map_err(|error| {
            self.print();
            format!("the step `{name}` failed: {error}")
        })?;
        self.done.push((name, began.elapsed()));
        Ok(outcome)
    }

    fn print(&self) {
        println!("\n== summary");
        for (name, time) in &self.done {
            println!("{name:14} {:7.1} s  ok", time.as_secs_f64());
        }
        println!("{:14} {:7.1} s", "together", self.began.elapsed().as_secs_f64());
    }
}

/// Installs libraries and peers, and returns the names of those peers whose tests are skipped. CI skips none.
fn install_peers(repository: &Repository) -> Result<Vec<&'static str>, String> {
    peers::install_libraries()?;
    let missing = peers::install_all(repository);
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let text = peers::missing_text(&missing);
    if env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false") {
        return Err(text);
    }
    eprintln!("{text}\nTHE TESTS WITH THESE PEERS WILL BE SKIPPED");
    Ok(missing.iter().map(|missing| missing.peer.name()).collect())
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<(), String> {
    command::run(command::new("cargo", root).args(arguments))
}

/// The crates without std build without their features, and for a bare target where its libraries are installed.
fn no_std(root: &Path) -> Result<(), String> {
    let crates =
        ["check", "--package", "martlet-wire", "--package", "martlet-proto", "--no-default-features"];
    cargo(root, &crates)?;
    let mut rustc = command::new("rustc", root);
    let libraries = command::output(rustc.args(["--print", "target-libdir", "--target", BARE_TARGET]));
    if libraries.is_ok_and(|folder| Path::new(folder.trim()).is_dir()) {
        cargo(root, &[&crates[..], &["--target", BARE_TARGET]].concat())?;
    } else {
        println!("the target {BARE_TARGET} is not installed, so only the host was checked");
    }
    Ok(())
}

fn tests(root: &Path, skipped_peers: &[&str], counts: &mut Counts) -> Result<(), String> {
    let mut tests = command::new("cargo", root);
    tests.env(interop::SKIPPED_PEERS, skipped_peers.join(","));
    if command::output(command::new("cargo", root).args(["nextest", "--version"])).is_ok() {
        tests.args(["nextest", "run", "--workspace", "--all-features", "--no-fail-fast"]);
    } else {
        println!("cargo-nextest is not installed, so `cargo test` runs the tests");
        tests.args(["test", "--workspace", "--all-features", "--tests", "--no-fail-fast"]);
    }
    let lines = command::run_and_keep(&mut tests, counts::is_summary)?;
    counts.add_tests(&lines)
}

fn doc_tests(root: &Path, counts: &mut Counts) -> Result<(), String> {
    let mut tests = command::new("cargo", root);
    tests.args(["test", "--workspace", "--all-features", "--doc"]);
    counts.add_doc_tests(&command::run_and_keep(&mut tests, counts::is_summary)?);
    Ok(())
}

fn simulation(root: &Path) -> Result<(), String> {
    let simulator = beside_this_program("sim")?;
    let mut command = Command::new(simulator);
    let seeds = format!("{}..{}", SEEDS.start, SEEDS.end);
    command::run(command.current_dir(root).args(["--seeds", &seeds]))
}

/// A program of the workspace, built into the same folder as this one.
fn beside_this_program(name: &str) -> Result<PathBuf, String> {
    let this = env::current_exe().map_err(|error| format!("cannot tell where this program is: {error}"))?;
    Ok(this.with_file_name(format!("{name}{}", env::consts::EXE_SUFFIX)))
}
