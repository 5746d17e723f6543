//! A million messages that wait, and a million that are retained: how long a start takes after a kill, with how much memory,
//! and whether the disk is given back.

use core::time::Duration;
use std::io;
use std::thread;
use std::time::Instant;

use martlet_wire::QoS;
use mio::{Events, Poll};

use super::contender::Running;
use crate::client::{Client, READ_BYTES};

/// Clients with Sessions that survive.
const SESSIONS: usize = 100;
/// Unfinished messages of a publisher.
const WINDOW: u64 = 1000;
/// Until when the disk should have been given back.
const SHRINK_MAX: Duration = Duration::from_secs(30);

/// Messages wait for clients that are away.
pub(super) fn queued(broker: &mut Running, messages: u64, payload: usize) -> io::Result<()> {
    for session in 0..SESSIONS {
        subscriber(broker, session)?.subscribe(QoS::AtLeastOnce)?;
    }
    let each = messages / SESSIONS as u64;
    let seconds = publish(broker, payload, each, |session, _| format!("queued/{session}"), false)?;
    tell("queued", broker, seconds);
    restart(broker)?;
    let started = Instant::now();
    let present = consume(broker, each)?;
    tell(&format!("consumed ({present} of {SESSIONS} Sessions present)"), broker, started.elapsed());
    shrink(broker);
    Ok(())
}

/// Messages are retained, each under a topic of its own.
pub(super) fn retained(broker: &mut Running, messages: u64, payload: usize) -> io::Result<()> {
    let each = messages / SESSIONS as u64;
    let topic = |session: usize, number: u64| format!("retained/{session}/{}/{number}", number % 100);
    let time = publish(broker, payload, each, topic, true)?;
    tell("retained", broker, time);
    restart(broker)?;
    let time = publish(broker, 0, each, topic, true)?;
    tell("cleared", broker, time);
    shrink(broker);
    Ok(())
}

fn subscriber(broker: &Running, session: usize) -> io::Result<Client> {
    Client::open(&broker.way, &format!("bench-session-{session}"), false, format!("queued/{session}"))
}

/// One publisher for each Session sends it so many messages with QoS 1; tells how long that takes.
fn publish(
    broker: &Running,
    payload: usize,
    each: u64,
    topic: impl Fn(usize, u64) -> String,
    retain: bool,
) -> io::Result<Duration> {
    let mut poll = Poll::new()?;
    let payload = vec![b'x'; payload];
    let mut clients = Vec::new();
    for session in 0..SESSIONS {
        let client = Client::open(&broker.way, &format!("bench-publisher-{session}"), true, String::new())?;
        client.register(&poll, session)?;
        clients.push(client);
    }
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; READ_BYTES]);
    let started = Instant::now();
    let mut sent = vec![0; SESSIONS];
    while clients.iter().any(|client| client.acknowledged < each) {
        for (session, client) in clients.iter_mut().enumerate() {
            while sent[session] < each.min(client.acknowledged + WINDOW) {
                client.topic = topic(session, sent[session]);
                client.push_publish(QoS::AtLeastOnce, retain, &payload);
                sent[session] += 1;
            }
            client.flush()?;
        }
        poll.poll(&mut events, Some(Duration::from_millis(10)))?;
        for event in &events {
            clients[event.token().0].read(&mut buffer)?;
        }
    }
    Ok(started.elapsed())
}

/// All clients come back and take what waits for them; tells how many Sessions were there.
fn consume(broker: &Running, each: u64) -> io::Result<usize> {
    let mut poll = Poll::new()?;
    let mut clients = Vec::new();
    for session in 0..SESSIONS {
        let client = subscriber(broker, session)?;
        client.register(&poll, session)?;
        clients.push(client);
    }
    let present = clients.iter().filter(|client| client.session_present).count();
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; READ_BYTES]);
    let mut last = Instant::now();
    while clients.iter().any(|client| client.messages < each) {
        poll.poll(&mut events, Some(Duration::from_millis(10)))?;
        for event in &events {
            let client = &mut clients[event.token().0];
            if client.read(&mut buffer)? > 0 {
                last = Instant::now();
            }
            client.flush()?;
        }
        if last.elapsed() > SHRINK_MAX {
            let missing: u64 = clients.iter().map(|client| each - client.messages.min(each)).sum();
            println!("    LOST: {missing} messages did not come");
            break;
        }
    }
    Ok(present)
}

fn restart(broker: &mut Running) -> io::Result<()> {
    let time = broker.kill_and_start()?;
    tell("killed, and started again", broker, time);
    Ok(())
}

/// Waits until the files are small again.
fn shrink(broker: &Running) {
    let started = Instant::now();
    let mut least = broker.disk_bytes();
    let mut at = started.elapsed();
    while started.elapsed() < SHRINK_MAX {
        thread::sleep(Duration::from_millis(100));
        let bytes = broker.disk_bytes();
        if bytes < least {
            (least, at) = (bytes, started.elapsed());
        }
    }
    tell("the smallest that the files became", broker, at);
}

fn tell(what: &str, broker: &Running, time: Duration) {
    let (memory, most) = broker.memory_mib();
    let disk = broker.disk_bytes() as f64 / f64::from(1 << 20);
    println!(
        "    {what:42} {:>8.3} s   memory {memory:>5} MiB, at most {most:>5}   files {disk:>8.2} MiB",
        time.as_secs_f64()
    );
}
