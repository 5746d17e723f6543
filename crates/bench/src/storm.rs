//! A storm of TLS handshakes, or of wrong passwords, and what a pair of clients that exchanges messages meanwhile notices of it.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use authority::{Authority, Folder};
use clap::Args;
use martlet_wire::{
    Connect, Delivery, Packet, PacketId, Properties, ProtocolVersion, Publish, Subscribe, SubscribeRequest,
    SubscribeRequests, SubscriptionOptions, TopicFilter, TopicName,
};

use crate::brokers::Running;
use crate::carrier::{Carrier, Way};
use crate::program::{Program, free_port};

const VERSION: ProtocolVersion = ProtocolVersion::Mqtt311;
const TOPIC: &str = "storm";
/// Who the clients of the pair are, where a password is asked for.
const USER: &str = "ann";
const PASSWORD: &str = "secret";
/// Connections of one thread of the storm that stay open.
const OPEN_MAX: usize = 500;
/// The time between two messages of the pair.
const INTERVAL: Duration = Duration::from_millis(1);

/// What the storm is like.
#[derive(Args)]
pub(crate) struct Storm {
    /// Handshakes a second.
    #[arg(long, default_value_t = 2000)]
    rate: u64,
    /// Threads that do them.
    #[arg(long, default_value_t = 4)]
    threads: u64,
    /// How long it takes.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Clients with wrong passwords, and no TLS.
    #[arg(long)]
    wrong_passwords: bool,
    /// The program of Martlet, for wrong passwords.
    #[arg(long, default_value = "target/release/martlet")]
    martlet: PathBuf,
}

/// What each try of the storm does.
type Try<'a> = &'a (dyn Fn() -> io::Result<Option<Carrier>> + Sync);

impl Storm {
    pub(crate) fn run(&self) -> io::Result<()> {
        if self.wrong_passwords {
            return self.guess();
        }
        let authority = Authority::new("bench-storm");
        let broker = Running::martlet(&authority)?;
        let [tcp, tls, ..] = &broker.ways;
        for way in [tcp, tls] {
            self.compare(way, "handshakes", &|| tls.open().map(|_| None))?;
        }
        Ok(())
    }

    /// Somebody guesses passwords, and waits for no answer.
    fn guess(&self) -> io::Result<()> {
        let broker = Guarded::start(&self.martlet)?;
        let guess = || {
            let mut client = broker.way.open()?;
            send(&mut client, &Packet::Connect(connect_as("guess", Some(b"guess"))))?;
            Ok(Some(client))
        };
        self.compare(&broker.way, "wrong passwords", &guess)
    }

    /// What a pair of clients notices of a storm.
    fn compare(&self, way: &Way, what: &str, attempt: Try<'_>) -> io::Result<()> {
        report(&format!("a pair by {way}, calm"), &mut self.exchange(way)?);
        let is_over = AtomicBool::new(false);
        let count = AtomicU64::new(0);
        let started = Instant::now();
        let mut times = thread::scope(|scope| {
            for number in 0..self.threads {
                let (is_over, count) = (&is_over, &count);
                scope.spawn(move || self.blow(attempt, number, is_over, count));
            }
            let times = self.exchange(way);
            is_over.store(true, Ordering::Relaxed);
            times
        })?;
        let rate = u128::from(count.into_inner()) * 1000 / started.elapsed().as_millis().max(1);
        report(&format!("a pair by {way}, {rate} {what}/s"), &mut times);
        Ok(())
    }

    /// Tries as often as falls to one thread.
    fn blow(&self, attempt: Try<'_>, number: u64, is_over: &AtomicBool, count: &AtomicU64) {
        let interval = Duration::from_secs(1) * u32::try_from(self.threads).unwrap_or(1)
            / u32::try_from(self.rate).unwrap_or(1).max(1);
        let started = Instant::now() + interval * u32::try_from(number).unwrap_or(0) / 4;
        let mut open = VecDeque::new();
        for done in 0.. {
            thread::sleep((started + interval * done).saturating_duration_since(Instant::now()));
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            if let Ok(client) = attempt() {
                count.fetch_add(1, Ordering::Relaxed);
                open.extend(client);
            }
            // Those that wait for their answers; the system has room for so many.
            if open.len() > OPEN_MAX {
                open.pop_front();
            }
        }
    }

    /// Publishes a message now and then and waits for it. Answers how long each took.
    fn exchange(&self, way: &Way) -> io::Result<Vec<Duration>> {
        let mut subscriber = connect(way, "storm-subscriber")?;
        let filter = TopicFilter::parse(TOPIC).map_err(io::Error::other)?;
        let requests = [SubscribeRequest { filter, options: SubscriptionOptions::default() }];
        send(
            &mut subscriber,
            &Packet::Subscribe(Subscribe {
                id: PacketId::MIN,
                properties: Properties::EMPTY,
                requests: SubscribeRequests::list(&requests),
            }),
        )?;
        subscriber.read_exact(&mut [0; 5])?;
        let mut publisher = connect(way, "storm-publisher")?;
        let message = Packet::Publish(Publish {
            topic: TopicName::parse(TOPIC).ok(),
            delivery: Delivery::AtMostOnce,
            retain: false,
            properties: Properties::EMPTY,
            payload: b"0123456789abcdef",
        });
        let mut received = vec![0; message.encoded_len(VERSION).map_err(io::Error::other)?];
        let mut times = Vec::new();
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(self.seconds) {
            let sent = Instant::now();
            send(&mut publisher, &message)?;
            subscriber.read_exact(&mut received)?;
            times.push(sent.elapsed());
            thread::sleep(INTERVAL.saturating_sub(sent.elapsed()));
        }
        Ok(times)
    }
}

fn connect(way: &Way, name: &str) -> io::Result<Carrier> {
    let mut client = way.open()?;
    send(&mut client, &Packet::Connect(connect_as(name, Some(PASSWORD.as_bytes()))))?;
    let mut connack = [0; 4];
    client.read_exact(&mut connack)?;
    if connack[3] != 0 {
        return Err(io::Error::other("the broker turned a client of the pair away"));
    }
    Ok(client)
}

fn connect_as<'a>(name: &'a str, password: Option<&'a [u8]>) -> Connect<'a> {
    Connect {
        version: VERSION,
        bridge: false,
        clean_start: true,
        keep_alive: 0,
        properties: Properties::EMPTY,
        client_identifier: name,
        will: None,
        user_name: Some(USER),
        password,
    }
}

/// A broker that asks for passwords.
struct Guarded {
    way: Way,
    _program: Program,
    _folder: Folder,
}

impl Guarded {
    fn start(martlet: &Path) -> io::Result<Self> {
        let folder = Folder::new("bench-passwords");
        let passwords = folder.join("passwords");
        let made = Command::new(martlet)
            .args(["passwd", "-c", "-b"])
            .arg(&passwords)
            .args([USER, PASSWORD])
            .status()?;
        if !made.success() {
            return Err(io::Error::other("no password file was made"));
        }
        let port = free_port()?;
        let text = format!(
            "listener {port} 127.0.0.1\npersistence false\nuser root\nlog_dest none\npassword_file {}\n",
            passwords.display()
        );
        let configuration = folder.write("conf", text);
        let mut program =
            Program::start(Command::new(martlet).arg("-c").arg(configuration).stdout(Stdio::null()))?;
        let way = Way { port, tls: None, websocket: false };
        program.wait_until(Duration::from_secs(10), || way.open().is_ok())?;
        Ok(Self { way, _program: program, _folder: folder })
    }
}

fn send(client: &mut Carrier, packet: &Packet<'_>) -> io::Result<()> {
    let mut bytes = Vec::new();
    packet.encode(VERSION, &mut bytes).map_err(io::Error::other)?;
    client.write_all(&bytes)?;
    client.flush()
}

fn report(name: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at =
        |share: usize| times.get(times.len() * share / 1000).or(times.last()).copied().unwrap_or_default();
    println!(
        "{name:45} {:6} messages: p50 {:?}, p99 {:?}, p99.9 {:?}, max {:?}",
        times.len(),
        at(500),
        at(990),
        at(999),
        times.last().copied().unwrap_or_default()
    );
}
