//! What is to be sent on one connection. It takes memory only while there is something.
//!
//! Bytes that many connections get alike stand once in the turn buffer of the shard; each connection holds ranges of it.
//! What a socket did not take by the end of the turn is copied out, and the turn buffer starts over.

use std::sync::Arc;

use crate::message::Message;

/// The unsent bytes of one connection, in order.
#[derive(Debug, Default)]
pub(crate) struct OutBuffer {
    segments: Vec<Segment>,
    /// Bytes of this connection alone; `Segment::Own` counts them off in order.
    own: Vec<u8>,
    /// How many bytes of `own` were sent.
    own_sent: usize,
    /// All unsent bytes.
    len: usize,
    /// Segments before this one were sent.
    first: usize,
    has_runs: bool,
}

#[derive(Debug)]
enum Segment {
    /// The next so many bytes of `own`.
    Own(usize),
    /// A range of the turn buffer.
    Run { start: usize, end: usize },
    /// The payload of a message, from an offset on.
    Payload { message: Arc<Message>, sent: usize },
}

impl OutBuffer {
    /// Unsent bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether all was sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Lets `write` append bytes of this connection alone.
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.own.len();
        write(&mut self.own);
        let added = self.own.len() - before;
        self.len += added;
        match self.segments.last_mut() {
            Some(Segment::Own(len)) => *len += added,
            _ => self.segments.push(Segment::Own(added)),
        }
    }

    /// Appends a range of the turn buffer. Tells whether it is the first.
    pub(crate) fn append_run(&mut self, start: usize, end: usize) -> bool {
        self.len += end - start;
        let is_first = !core::mem::replace(&mut self.has_runs, true);
        match self.segments.last_mut() {
            Some(Segment::Run { end: last, .. }) if *last == start => *last = end,
            _ => self.segments.push(Segment::Run { start, end }),
        }
        is_first
    }

    /// Appends the payload of a message, which stays where it is.
    pub(crate) fn append_payload(&mut self, message: Arc<Message>) {
        self.len += message.payload.len();
        self.segments.push(Segment::Payload { message, sent: 0 });
    }

    /// Pushes the unsent bytes, in order. `turn` is the turn buffer.
    pub(crate) fn slices<'a>(&'a self, turn: &'a [u8], slices: &mut Vec<&'a [u8]>) {
        let mut own = &self.own[self.own_sent..];
        for segment in &self.segments[self.first..] {
            slices.push(match segment {
                Segment::Own(len) => {
                    let (head, tail) = own.split_at(*len);
                    own = tail;
                    head
                }
                Segment::Run { start, end } => &turn[*start..*end],
                Segment::Payload { message, sent } => &message.payload[*sent..],
            });
        }
    }

    /// The socket took `bytes` bytes. More than there are count as all.
    pub(crate) fn sent(&mut self, mut bytes: usize) {
        bytes = bytes.min(self.len);
        self.len -= bytes;
        if self.len == 0 {
            *self = Self::default();
            return;
        }
        while bytes > 0 {
            let Some(segment) = self.segments.get_mut(self.first) else { return };
            let (taken, done) = match segment {
                Segment::Own(len) => {
                    let taken = bytes.min(*len);
                    *len -= taken;
                    self.own_sent += taken;
                    (taken, *len == 0)
                }
                Segment::Run { start, end } => {
                    let taken = bytes.min(*end - *start);
                    *start += taken;
                    (taken, start == end)
                }
                Segment::Payload { message, sent } => {
                    let taken = bytes.min(message.payload.len() - *sent);
                    *sent += taken;
                    (taken, *sent == message.payload.len())
                }
            };
            bytes -= taken;
            if done {
                // A finished segment takes no memory while it waits to be swept.
                *segment = Segment::Own(0);
                self.first += 1;
            }
        }
    }

    /// Copies what stands in the turn buffer, which is about to be cleared, and forgets what was sent.
    pub(crate) fn settle(&mut self, turn: &[u8]) {
        if self.first == 0 && !self.has_runs && self.own_sent == 0 {
            return;
        }
        let mut settled = Self::default();
        let mut own = &self.own[self.own_sent..];
        for segment in self.segments.drain(..).skip(self.first) {
            match segment {
                Segment::Own(len) => {
                    let (head, tail) = own.split_at(len);
                    own = tail;
                    settled.append(|bytes| bytes.extend_from_slice(head));
                }
                Segment::Run { start, end } => {
                    settled.append(|bytes| bytes.extend_from_slice(&turn[start..end]));
                }
                Segment::Payload { message, sent } => {
                    settled.len += message.payload.len() - sent;
                    settled.segments.push(Segment::Payload { message, sent });
                }
            }
        }
        *self = settled;
    }

    /// All unsent bytes in one piece, for a farewell.
    pub(crate) fn collect(&self, turn: &[u8]) -> Vec<u8> {
        let mut slices = Vec::new();
        self.slices(turn, &mut slices);
        slices.concat()
    }
}

#[cfg(test)]
mod tests {
    use martlet_wire::QoS;

    use super::*;

    fn message(payload: &[u8]) -> Arc<Message> {
        Arc::new(Message {
            topic: "t".into(),
            properties: Box::default(),
            payload: payload.into(),
            qos: QoS::AtMostOnce,
            retain: false,
            expires_at: None,
            publisher: "".into(),
        })
    }

    fn filled() -> OutBuffer {
        let mut out = OutBuffer::default();
        out.append(|bytes| bytes.extend_from_slice(b"ab"));
        out.append_run(1, 3);
        out.append_run(3, 4);
        out.append(|bytes| bytes.extend_from_slice(b"cd"));
        out.append_payload(message(b"efg"));
        out.append(|bytes| bytes.extend_from_slice(b"h"));
        out
    }

    #[test]
    fn any_number_of_bytes_may_be_sent_at_a_time() {
        let turn = b"0123456";
        for first in 0..=11 {
            for settle in [false, true] {
                let mut out = filled();
                assert_eq!(out.collect(turn), b"ab123cdefgh");
                out.sent(first);
                if settle {
                    out.settle(turn);
                }
                let turn: &[u8] = if settle { b"" } else { turn };
                assert_eq!(out.collect(turn), b"ab123cdefgh"[first..], "{first} {settle}");
                assert_eq!(out.len(), 11 - first);
                out.sent(11 - first);
                assert!(out.is_empty());
            }
        }
    }
}
