//! Many publishers and many subscribers whose connections break at random: nothing that was acknowledged is lost, at
//! QoS 2 nothing comes twice, and the order of each publisher and topic is kept.

mod storm_peers;

use std::time::Instant;

use conformance::Transport;
use conformance::prelude::*;
use conformance::random::Random;
use storm_peers::{Counts, Peer};

const PUBLISHERS: usize = 100;
const SUBSCRIBERS: u8 = 100;
/// The time that passes in memory with each step.
const TICK: Duration = Duration::from_millis(10);
/// Messages on their way, copies counted, beyond which the publishers wait.
const UNDERWAY_MAX: u64 = 20_000;
/// How long the last messages may take, when nobody breaks connections any more.
const CALM_MAX: Duration = Duration::from_mins(2);

/// How long the storm lasts, how dense it is, and what it blows upon.
#[derive(Debug)]
struct Weather {
    transport: Transport,
    seed: u64,
    shards: u16,
    /// Unfinished messages towards one subscriber.
    inflight_messages_max: u16,
    duration: Duration,
    /// A publisher sends a message in one of so many ticks.
    publishes_one_in: usize,
    /// A connection breaks in one of so many ticks.
    breaks_one_in: usize,
}

struct Storm {
    broker: Broker,
    random: Random,
    peers: Vec<Peer>,
    counts: Counts,
}

impl Storm {
    fn new(weather: &Weather) -> Self {
        // Some clients have to wait for their admission.
        let mut setup = Setup { shards: weather.shards, access: true, ..Setup::default() };
        setup.seed = weather.seed;
        setup.limits.inflight_messages_max = weather.inflight_messages_max;
        // Nothing may be dropped for lack of room: that is another promise.
        setup.limits.queued_messages_max = usize::MAX;
        setup.limits.queued_bytes_max = usize::MAX;
        let broker = Broker::new(weather.transport, &setup);
        let peers = (0..PUBLISHERS).map(Peer::publisher);
        let peers = peers.chain((0..SUBSCRIBERS).map(|index| Peer::subscriber(index, PUBLISHERS))).collect();
        Self { broker, random: Random::new(weather.seed), peers, counts: Counts::default() }
    }

    /// Lets the broker and every peer do a little.
    fn step(&mut self, now: u64) {
        self.broker.turn(TICK);
        for peer in &mut self.peers {
            peer.step(now, &mut self.broker, &mut self.counts);
        }
    }

    /// Steps until all peers meet a condition.
    fn calm(&mut self, mut now: u64, done: impl Fn(&Peer) -> bool) -> u64 {
        let deadline = Instant::now() + CALM_MAX;
        while !self.peers.iter().all(&done) {
            if Instant::now() > deadline {
                let late: Vec<&Peer> = self.peers.iter().filter(|peer| !done(peer)).take(3).collect();
                panic!("not done in time, among others: {late:#?}\n{:?}", self.counts);
            }
            now += 1;
            self.step(now);
        }
        now
    }

    /// What the subscribers still have to get.
    fn underway(&self) -> u64 {
        self.counts.published * u64::from(SUBSCRIBERS) - self.counts.delivered
    }

    /// Breaks one connection, in one of several ways.
    fn break_one(&mut self, now: u64) {
        let index = self.random.below(self.peers.len());
        let pause = self.random.number() % 50;
        let takes_over = self.random.one_in(4);
        self.peers[index].break_off(now + pause, takes_over, &mut self.counts);
    }
}

fn storm(weather: &Weather) {
    let mut storm = Storm::new(weather);
    // All subscriptions are there before the first message.
    let mut now = storm.calm(0, Peer::is_ready);
    let begin = Instant::now();
    let mut virtual_time = Duration::ZERO;
    loop {
        let over = match weather.transport {
            Transport::Memory => virtual_time >= weather.duration,
            Transport::Socket => begin.elapsed() >= weather.duration,
        };
        if over {
            break;
        }
        now += 1;
        if storm.underway() < UNDERWAY_MAX {
            for index in 0..PUBLISHERS {
                if storm.random.one_in(weather.publishes_one_in) {
                    storm.peers[index].publish(&mut storm.counts);
                }
            }
        }
        if storm.random.one_in(weather.breaks_one_in) {
            storm.break_one(now);
        }
        storm.step(now);
        virtual_time += TICK;
    }
    storm.calm(now, |peer| peer.is_ready() && peer.is_done());
    let sent: Vec<u64> = storm.peers[..PUBLISHERS].iter().map(Peer::sent).collect();
    storm.calm(now, |peer| peer.has_received(&sent));
    println!("{weather:?}: {:?}", storm.counts);
    assert_eq!(storm.underway(), 0);
    assert!(storm.counts.published > 500, "that was no storm");
    assert!(storm.counts.broken > 100, "that was no storm");
}

#[test]
fn memory_loses_nothing_in_a_storm() {
    let first = std::env::var("STORM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for (seed, shards, inflight_messages_max) in [(first, 2, 20), (first + 1, 3, 1), (first + 2, 1, 500)] {
        storm(&Weather {
            transport: Transport::Memory,
            seed,
            shards,
            inflight_messages_max,
            duration: Duration::from_mins(1),
            publishes_one_in: 200,
            breaks_one_in: 3,
        });
    }
}

#[test]
fn socket_loses_nothing_in_a_storm() {
    let seconds = std::env::var("STORM_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(5);
    storm(&Weather {
        transport: Transport::Socket,
        seed: 3,
        shards: 2,
        inflight_messages_max: 20,
        duration: Duration::from_secs(seconds),
        publishes_one_in: 100,
        breaks_one_in: 3,
    });
}
