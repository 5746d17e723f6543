//! How fast publishers get their acknowledgements when what they publish has to be durable.

use core::time::Duration;
use std::io;
use std::time::Instant;

use martlet_wire::QoS;
use mio::{Events, Poll};

use super::contender::Running;
use crate::client::{Client, READ_BYTES};

const TOPIC: &str = "bench/durable";

/// Publishers of QoS 1, and how many of their messages may be unfinished.
#[derive(Clone, Copy)]
pub(super) struct Crowd {
    pub(super) publishers: usize,
    pub(super) window: usize,
    pub(super) payload: usize,
}

/// What came of it.
pub(super) struct Acknowledged {
    /// Messages a second.
    pub(super) rate: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    /// Bytes written to the disk for each byte of payload.
    pub(super) written: f64,
}

/// A publisher, and when its unfinished messages were sent, the oldest first.
struct Publisher {
    client: Client,
    sent: std::collections::VecDeque<Instant>,
}

impl Crowd {
    /// Lets them publish to one client with a Session that survives, each again as soon as it may.
    pub(super) fn publish(self, broker: &Running, duration: Duration) -> io::Result<Acknowledged> {
        let mut poll = Poll::new()?;
        let mut subscriber = Client::open(&broker.way, "bench-subscriber", false, TOPIC.to_owned())?;
        subscriber.subscribe(QoS::AtLeastOnce)?;
        subscriber.register(&poll, self.publishers)?;
        let mut publishers = Vec::with_capacity(self.publishers);
        for index in 0..self.publishers {
            let client = Client::open(&broker.way, &format!("bench-{index}"), true, TOPIC.to_owned())?;
            client.register(&poll, index)?;
            publishers.push(Publisher { client, sent: std::collections::VecDeque::new() });
        }
        let payload = vec![b'x'; self.payload];
        let (mut buffer, mut events, mut times) =
            (vec![0; READ_BYTES], Events::with_capacity(1024), Vec::new());
        let (started, written) = (Instant::now(), broker.written_bytes());
        for publisher in &mut publishers {
            publisher.fill(self.window, &payload)?;
        }
        while started.elapsed() < duration {
            poll.poll(&mut events, Some(Duration::from_millis(10)))?;
            for event in &events {
                let Some(publisher) = publishers.get_mut(event.token().0) else {
                    subscriber.read(&mut buffer)?;
                    subscriber.flush()?;
                    continue;
                };
                publisher.read(&mut buffer, &mut times)?;
                publisher.fill(self.window, &payload)?;
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        let bytes = (times.len() * self.payload) as f64;
        let written = (broker.written_bytes() - written) as f64 / bytes;
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
        Ok(Acknowledged { rate: times.len() as f64 / seconds, p50: at(50), p99: at(99), written })
    }
}

impl Publisher {
    fn fill(&mut self, window: usize, payload: &[u8]) -> io::Result<()> {
        while self.sent.len() < window {
            self.client.push_publish(QoS::AtLeastOnce, false, payload);
            self.sent.push_back(Instant::now());
        }
        self.client.flush()
    }

    fn read(&mut self, buffer: &mut [u8], times: &mut Vec<Duration>) -> io::Result<()> {
        let before = self.client.acknowledged;
        self.client.read(buffer)?;
        for _ in before..self.client.acknowledged {
            times.extend(self.sent.pop_front().map(|sent| sent.elapsed()));
        }
        Ok(())
    }
}
