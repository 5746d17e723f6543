//! A lossy network: connections that split, delay and break at random.
//!
//! A connection is two pipes. Bytes in a pipe never change or overtake each other, as with TCP; what chance decides is
//! how they are split, when they arrive, how much of the other side's writing is taken at once, and after how many bytes
//! the connection breaks. A broken connection ends at either side at its own time, and what was on its way may be lost.

use std::collections::VecDeque;

use martlet_engine::ConnectionId;

use crate::clock::Millis;
use crate::random::Random;

/// Names a connection of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(pub(crate) usize);

/// How the network behaves.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    /// How long a piece takes at most.
    pub(crate) delay_max: Millis,
    /// In how many of a hundred cases bytes are split into pieces.
    pub(crate) split_percent: u64,
    /// In how many of a hundred cases a new connection is going to break.
    pub(crate) break_percent: u64,
    /// Bytes, of both directions, after which a connection breaks at the latest if it is going to.
    pub(crate) break_bytes_max: u64,
    /// How long a side does not notice that the connection broke, at most.
    pub(crate) notice_max: Millis,
}

impl Weather {
    pub(crate) fn from_seed(random: &mut Random) -> Self {
        Self {
            delay_max: *random.pick(&[1, 5, 20, 100]),
            split_percent: *random.pick(&[0, 20, 60]),
            break_percent: *random.pick(&[0, 30, 60, 90]),
            break_bytes_max: *random.pick(&[200, 1000, 5000, 20_000]),
            notice_max: *random.pick(&[10, 500, 5000]),
        }
    }

    /// Nothing breaks, everything arrives soon.
    pub(crate) fn calm() -> Self {
        Self { delay_max: 1, split_percent: 0, break_percent: 0, break_bytes_max: 0, notice_max: 1 }
    }
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    flying: VecDeque<(Millis, Vec<u8>)>,
    arrived: VecDeque<u8>,
    unread: usize,
    last: Millis,
    /// When the receiving side learns that no more comes.
    end: Option<Millis>,
    /// Whether the end is a break.
    is_cut: bool,
}

impl Pipe {
    fn send(&mut self, now: Millis, mut bytes: &[u8], weather: &Weather, random: &mut Random) {
        if self.end.is_some() {
            return;
        }
        self.unread += bytes.len();
        while !bytes.is_empty() {
            let piece =
                if random.percent(weather.split_percent) { random.len(1, bytes.len()) } else { bytes.len() };
            let (head, tail) = bytes.split_at(piece);
            self.last = self.last.max(now + random.between(0, weather.delay_max));
            self.flying.push_back((self.last, head.to_vec()));
            bytes = tail;
        }
    }

    /// Takes up to `most` bytes that have arrived.
    pub(crate) fn read(&mut self, now: Millis, most: usize) -> Vec<u8> {
        self.settle(now);
        let bytes: Vec<u8> = self.arrived.drain(..most.min(self.arrived.len())).collect();
        self.unread -= bytes.len();
        bytes
    }

    /// Whether bytes have arrived that nobody has read.
    pub(crate) fn has_bytes(&mut self, now: Millis) -> bool {
        self.settle(now);
        !self.arrived.is_empty()
    }

    /// Whether all was read and the end is known.
    pub(crate) fn is_at_end(&mut self, now: Millis) -> bool {
        !self.has_bytes(now) && self.flying.is_empty() && self.end.is_some_and(|at| at <= now)
    }

    /// Whether a reset is known, which makes the rest of what arrived worthless.
    pub(crate) fn is_reset(&self, now: Millis, link_is_reset: bool) -> bool {
        link_is_reset && self.is_cut && self.end.is_some_and(|at| at <= now)
    }

    /// When something new arrives.
    pub(crate) fn next(&self) -> Option<Millis> {
        self.flying.front().map(|(at, _)| *at).or(self.end)
    }

    /// Bytes that were sent and not read.
    pub(crate) fn unread(&self) -> usize {
        self.unread
    }

    /// No more comes behind what is on its way.
    fn finish(&mut self, at: Millis) {
        let at = at.max(self.last);
        self.end = Some(self.end.map_or(at, |end| end.min(at)));
    }

    /// What is on its way is lost from a random place on, and the end is noticed at a time of its own.
    fn cut(&mut self, at: Millis, random: &mut Random) {
        let kept = random.len(0, self.flying.len());
        for (_, lost) in self.flying.drain(kept..) {
            self.unread -= lost.len();
        }
        self.last = self.flying.back().map_or(0, |(at, _)| *at);
        self.is_cut = true;
        self.finish(at);
    }

    fn settle(&mut self, now: Millis) {
        while self.flying.front().is_some_and(|(at, _)| *at <= now) {
            self.arrived.extend(self.flying.pop_front().map(|(_, bytes)| bytes).unwrap_or_default());
        }
    }
}

/// Where the broker's end of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) shard: usize,
    pub(crate) connection: ConnectionId,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Link {
    /// The client at its other end.
    pub(crate) client: usize,
    pub(crate) up: Pipe,
    pub(crate) down: Pipe,
    /// How many unread bytes the way to the client holds.
    window: usize,
    /// Bytes until it breaks.
    breaks_after: Option<u64>,
    is_broken: bool,
    /// Whether the broker learns of a break before it has read what arrived.
    pub(crate) is_reset: bool,
    /// Where the broker has it, until the broker closed it or learned of its end.
    pub(crate) place: Option<Place>,
    /// Whether the client still looks at it.
    pub(crate) is_watched: bool,
}

impl Link {
    /// Whether the way to the client takes more bytes.
    pub(crate) fn takes_more(&self) -> bool {
        self.is_broken || self.down.unread() < self.window
    }
}

/// All connections of a run.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) links: Vec<Link>,
    weather: Weather,
    random: Random,
}

impl Network {
    pub(crate) fn new(weather: Weather, random: Random) -> Self {
        Self { links: Vec::new(), weather, random }
    }

    /// A client opens a connection.
    pub(crate) fn open(&mut self, client: usize) -> LinkId {
        let random = &mut self.random;
        let breaks = random.percent(self.weather.break_percent);
        self.links.push(Link {
            client,
            up: Pipe::default(),
            down: Pipe::default(),
            window: *random.pick(&[64, 500, 4000, 65_536]),
            breaks_after: breaks.then(|| random.between(1, self.weather.break_bytes_max)),
            is_broken: false,
            is_reset: random.percent(30),
            place: None,
            is_watched: true,
        });
        LinkId(self.links.len() - 1)
    }

    pub(crate) fn link(&mut self, id: LinkId) -> &mut Link {
        &mut self.links[id.0]
    }

    /// The client writes.
    pub(crate) fn send_up(&mut self, now: Millis, id: LinkId, bytes: &[u8]) {
        let bytes = self.spend(now, id, bytes);
        self.links[id.0].up.send(now, bytes, &self.weather, &mut self.random);
        self.snap(now, id);
    }

    /// The broker writes; tells how many bytes were taken.
    pub(crate) fn send_down(&mut self, now: Millis, id: LinkId, bytes: &[u8]) -> usize {
        let link = &self.links[id.0];
        if link.is_broken {
            return bytes.len(); // the socket does not know yet
        }
        let room = link.window.saturating_sub(link.down.unread()).min(bytes.len());
        let taken = if room > 0 && self.random.percent(self.weather.split_percent) {
            self.random.len(1, room)
        } else {
            room
        };
        self.push_down(now, id, &bytes[..taken]);
        taken
    }

    /// The broker writes its last bytes, and closes.
    pub(crate) fn finish_down(&mut self, now: Millis, id: LinkId, farewell: &[u8]) {
        self.push_down(now, id, farewell);
        let link = &mut self.links[id.0];
        link.place = None;
        link.down.finish(now);
        link.up.finish(now);
    }

    fn push_down(&mut self, now: Millis, id: LinkId, bytes: &[u8]) {
        let bytes = self.spend(now, id, bytes);
        self.links[id.0].down.send(now, bytes, &self.weather, &mut self.random);
        self.snap(now, id);
    }

    /// The client looks at it no more, and tells nobody.
    pub(crate) fn abandon(&mut self, id: LinkId) {
        self.links[id.0].is_watched = false;
    }

    /// The client closes behind what it sent, or is gone; the broker learns it as the network likes.
    pub(crate) fn leave(&mut self, now: Millis, id: LinkId, is_orderly: bool) {
        let notice = self.random.between(0, self.weather.notice_max);
        let link = &mut self.links[id.0];
        link.is_watched = false;
        if is_orderly {
            link.up.finish(now);
        } else if !link.is_broken {
            link.is_broken = true;
            link.up.cut(now + notice, &mut self.random);
        }
    }

    /// The broker is gone: every connection breaks, and each client notices at its own time.
    pub(crate) fn break_all(&mut self, now: Millis) {
        for link in &mut self.links {
            link.place = None;
            if !link.is_broken {
                link.is_broken = true;
                let notice = now + self.random.between(0, self.weather.notice_max);
                link.down.cut(notice, &mut self.random);
            }
        }
    }

    /// From here on nothing breaks. What is broken or abandoned ends soon.
    pub(crate) fn heal(&mut self, now: Millis) {
        self.weather = Weather::calm();
        for link in &mut self.links {
            link.breaks_after = None;
            link.window = 1 << 20;
            if link.is_broken || !link.is_watched {
                link.up.finish(now);
                link.down.finish(now);
            }
        }
    }

    /// The part of the bytes that gets through before the connection breaks.
    fn spend<'a>(&mut self, _now: Millis, id: LinkId, bytes: &'a [u8]) -> &'a [u8] {
        let link = &mut self.links[id.0];
        if link.is_broken {
            return &[];
        }
        let Some(left) = &mut link.breaks_after else { return bytes };
        let through = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
        *left -= through as u64;
        &bytes[..through]
    }

    fn snap(&mut self, now: Millis, id: LinkId) {
        let link = &mut self.links[id.0];
        if link.is_broken || link.breaks_after != Some(0) {
            return;
        }
        link.is_broken = true;
        let notices = [0, 1].map(|_| now + self.random.between(0, self.weather.notice_max));
        link.up.cut(notices[0], &mut self.random);
        link.down.cut(notices[1], &mut self.random);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(weather: Weather) -> Network {
        Network::new(weather, Random::new(1))
    }

    #[test]
    fn bytes_arrive_in_order_however_they_are_split() {
        let weather = Weather { delay_max: 50, split_percent: 90, ..Weather::calm() };
        let mut network = network(weather);
        let id = network.open(0);
        network.send_up(0, id, b"hello ");
        network.send_up(3, id, b"world");
        let mut got = Vec::new();
        for now in 0..200 {
            got.extend(network.link(id).up.read(now, 3));
        }
        assert_eq!(got, b"hello world");
        network.leave(200, id, true);
        assert!(network.link(id).up.is_at_end(200));
    }

    #[test]
    fn a_broken_connection_delivers_a_beginning_and_ends_at_both_sides() {
        let weather = Weather { break_percent: 100, break_bytes_max: 10, ..Weather::calm() };
        let mut network = network(weather);
        let id = network.open(0);
        network.send_up(0, id, &[7; 100]);
        let link = network.link(id);
        assert!(link.up.read(10, 100).len() <= 10);
        assert!(link.up.is_at_end(10) && link.down.is_at_end(10));
    }

    #[test]
    fn a_full_window_takes_nothing() {
        let mut network = network(Weather::calm());
        let id = network.open(0);
        let window = network.links[0].window;
        assert_eq!(network.send_down(0, id, &vec![0; window + 5]), window);
        assert_eq!(network.send_down(0, id, &[0]), 0);
        assert_eq!(network.link(id).down.read(9, 4).len(), 4);
        assert_eq!(network.send_down(9, id, &[0; 9]), 4);
    }
}
