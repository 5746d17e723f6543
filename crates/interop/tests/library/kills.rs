//! A process that is killed again and again while it publishes, and goes on from its session store.
//!
//! The process is this test program itself, told by its environment to play the other part.

use core::time::Duration;
use std::collections::VecDeque;
use std::env;
use std::io::stdin;
use std::path::Path;
use std::process::{Command, Stdio};

use interop::{Mosquitto, Process};
use martlet_client::store::DirectoryStore;
use martlet_client::{Client, ProtocolVersion, QoS, Subscription};

use crate::chance::{Chance, messages};
use crate::client::{connect, connect_to, next_text, options, play, runtime, subscribe, within};

/// Where the process finds what it needs: the port of the broker and the directory of the store.
const PORT: &str = "KILL_CHILD_PORT";
const STORE: &str = "KILL_CHILD_STORE";

const KILLS: usize = 10;
/// How many messages there are beyond the moment of a kill, so that it comes in the midst.
const BEYOND: usize = 500;
/// How many messages are on their way to the store at once.
const WINDOW: usize = 64;

fn in_two_parts(name: &str, version: ProtocolVersion) {
    if let (Ok(port), Some(store)) = (env::var(PORT), env::var_os(STORE)) {
        return runtime().block_on(publish_from_store(version, port.parse().unwrap(), Path::new(&store)));
    }
    play(|| kill_and_count(name, version));
}

#[test]
fn a_process_that_is_killed_10_times_publishes_everything_exactly_once() {
    in_two_parts(
        "kills::a_process_that_is_killed_10_times_publishes_everything_exactly_once",
        ProtocolVersion::Mqtt5,
    );
}

#[test]
fn a_process_of_mqtt_311_that_is_killed_10_times_publishes_everything_exactly_once() {
    in_two_parts(
        "kills::a_process_of_mqtt_311_that_is_killed_10_times_publishes_everything_exactly_once",
        ProtocolVersion::Mqtt311,
    );
}

/// The part of the process: finishes what the one before began, and publishes numbers as it is told.
async fn publish_from_store(version: ProtocolVersion, port: u16, store: &Path) {
    let store = DirectoryStore::new(store).sync(false);
    let options = options(port, version).client_identifier("killed").clean_start(false).session_store(store);
    let client = connect(options.session_expiry(Duration::from_hours(1))).await;
    let restored = client.take_restored();
    let unfinished = restored.len();
    for publish in restored {
        publish.into_completion().await.unwrap();
    }
    // The first line may stand behind the name of the test.
    println!("\nfinished {unfinished}");
    let mut line = String::new();
    stdin().read_line(&mut line).unwrap();
    let (first, end) = line.trim().split_once(' ').unwrap();
    publish_numbers(&client, first.parse().unwrap()..end.parse().unwrap()).await;
    println!("done");
    client.disconnect().await.unwrap();
}

async fn publish_numbers(client: &Client, numbers: core::ops::Range<usize>) {
    let (mut window, mut completions) = (VecDeque::new(), Vec::new());
    for number in numbers {
        let publish = client.publish("numbers", number.to_string()).qos(QoS::ExactlyOnce);
        window.push_back((number, publish.enqueue().await.unwrap()));
        if window.len() > WINDOW
            && let Some((number, mut completion)) = window.pop_front()
        {
            completion.stored().await.unwrap();
            println!("stored {number}");
            completions.push(completion);
        }
    }
    completions.extend(window.into_iter().map(|(_, completion)| completion));
    for completion in completions {
        completion.await.unwrap();
    }
}

/// The other part: kills the process, and counts what arrives.
async fn kill_and_count(name: &str, version: ProtocolVersion) {
    let messages = messages(4_000);
    let broker = Mosquitto::with("persistence false\nmax_queued_messages 1000000");
    let store = broker.place().folder.join("store");
    let mut chance = Chance::new();
    let watcher = connect_to(&broker, version).await;
    let mut stream = subscribe(&watcher, "numbers").await;
    let (mut next, mut promised, mut unfinished) = (0, 0, 0);
    for kills_left in (0..=KILLS).rev() {
        let mut process = start(name, &store, broker.port());
        let line = process.find(|line| line.starts_with("finished "));
        unfinished += line["finished ".len()..].parse::<usize>().unwrap();
        take_up_to_marker(&watcher, &mut stream, &mut next).await;
        assert!(next >= promised, "{promised} messages were stored, {next} came");
        if kills_left == 0 {
            process.write_line(&format!("{next} {messages}"));
            process.find(|line| line == "done");
            process.finish();
            break;
        }
        let moment = next + 1 + chance.below(2 * (messages - next) / (kills_left + 1) + 1);
        process.write_line(&format!("{next} {}", messages.min(moment + BEYOND)));
        while next < moment.min(messages) {
            assert_eq!(next_text(&mut stream).await, next.to_string());
            next += 1;
        }
        let lines = process.lines_so_far();
        process.kill();
        promised = last_stored(&lines).map_or(promised, |number| number + 1);
    }
    take_up_to_marker(&watcher, &mut stream, &mut next).await;
    assert_eq!(next, messages);
    assert!(unfinished > KILLS, "they were killed in the midst of something: {unfinished}");
}

fn start(name: &str, store: &Path, port: u16) -> Process {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture"]).env(PORT, port.to_string()).env(STORE, store);
    Process::start(command.stderr(Stdio::inherit()))
}

/// Takes what the broker has so far, which has to be the next numbers without a gap or a repeat.
async fn take_up_to_marker(watcher: &Client, stream: &mut Subscription, next: &mut usize) {
    // Comes behind everything that a process finished before. Waiting for its end here would keep the stream from being read.
    within(watcher.publish("numbers", "marker").qos(QoS::ExactlyOnce).enqueue()).await.unwrap();
    loop {
        let text = next_text(stream).await;
        if text == "marker" {
            return;
        }
        assert_eq!(text, next.to_string(), "exactly once, and in order");
        *next += 1;
    }
}

/// The last number that a process said to be stored.
fn last_stored(lines: &[String]) -> Option<usize> {
    lines.iter().filter_map(|line| line.strip_prefix("stored ")?.parse().ok()).next_back()
}
