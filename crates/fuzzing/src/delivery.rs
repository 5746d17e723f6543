//! The states of QoS 1 and QoS 2 against a list.

use martlet_proto::{Acknowledgement, Outbound, Resend};
use martlet_wire::{PacketId, QoS};

use crate::source::Source;

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sent,
    Releasing,
    Released,
}

/// An unfinished message, as a list has it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    id: PacketId,
    qos: QoS,
    name: u32,
    state: State,
}

/// Messages to a peer, and what is known of them.
#[derive(Default)]
struct Model {
    outbound: Outbound<u32>,
    entries: Vec<Entry>,
    names: u32,
}

/// Runs operations on the outgoing messages of a Session, and compares each result with a plain list.
///
/// # Panics
/// If they differ.
pub fn delivery(data: &[u8]) {
    let mut source = Source::new(data);
    let mut model = Model::default();
    while !source.is_empty() {
        model.step(&mut source);
        assert_eq!(model.outbound.len(), model.entries.len());
        assert_eq!(model.outbound.is_empty(), model.entries.is_empty());
        assert!(model.outbound.in_flight() <= model.outbound.len(), "more in flight than there is");
        assert_eq!(model.outbound.unanswered().count(), model.unanswered().count());
    }
}

impl Model {
    fn step(&mut self, source: &mut Source<'_>) {
        match source.below(11) {
            0..=4 => self.push(if source.bool() { QoS::AtLeastOnce } else { QoS::ExactlyOnce }),
            5 => self.puback(source),
            6 => self.pubrec(source),
            7 => self.release(source),
            8 => self.pubcomp(source),
            9 => self.resend(source),
            _ => assert_eq!(self.outbound.push(QoS::AtMostOnce, 7), Err(7), "QoS 0 takes no identifier"),
        }
    }

    fn push(&mut self, qos: QoS) {
        self.names += 1;
        let name = self.names;
        let Ok(id) = self.outbound.push(qos, name) else {
            assert!(self.outbound.is_exhausted(), "a message is refused though identifiers are free");
            return;
        };
        assert!(self.entries.iter().all(|entry| entry.id != id), "an identifier is used twice");
        self.entries.push(Entry { id, qos, name, state: State::Sent });
    }

    /// The identifier of an unfinished message, or any.
    fn id(&self, source: &mut Source<'_>) -> PacketId {
        let known = self.entries.get(usize::from(source.u8()) % (self.entries.len() + 1));
        known.map_or_else(|| PacketId::new(source.u16()).unwrap_or(PacketId::MIN), |entry| entry.id)
    }

    fn place(&self, id: PacketId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.id == id)
    }

    fn unanswered(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.state == State::Sent)
    }

    fn puback(&mut self, source: &mut Source<'_>) {
        let id = self.id(source);
        let place = self.place(id).filter(|place| self.entries[*place].qos == QoS::AtLeastOnce);
        let expected = place.map_or(Acknowledgement::Unknown, |place| {
            Acknowledgement::Finished(Some(self.entries.remove(place).name))
        });
        assert_eq!(self.outbound.puback(id), expected);
    }

    fn pubrec(&mut self, source: &mut Source<'_>) {
        let (id, failed) = (self.id(source), source.u8() < 32);
        let place = self.place(id).filter(|place| self.entries[*place].qos == QoS::ExactlyOnce);
        let Some(place) = place else {
            assert_eq!(self.outbound.pubrec(id, failed), Acknowledgement::Unknown);
            return;
        };
        let entry = &mut self.entries[place];
        let name = (entry.state == State::Sent).then_some(entry.name);
        let expected = if failed {
            self.entries.remove(place);
            Acknowledgement::Finished(name)
        } else {
            if entry.state == State::Sent {
                entry.state = State::Releasing;
            }
            Acknowledgement::Received(name)
        };
        assert_eq!(self.outbound.pubrec(id, failed), expected);
    }

    fn release(&mut self, source: &mut Source<'_>) {
        let id = self.id(source);
        let place = self.place(id).filter(|place| self.entries[*place].state != State::Sent);
        if let Some(place) = place {
            self.entries[place].state = State::Released;
        }
        assert_eq!(self.outbound.release(id, source.bool()), place.is_some());
    }

    fn pubcomp(&mut self, source: &mut Source<'_>) {
        let id = self.id(source);
        let place = self.place(id).filter(|place| self.entries[*place].state == State::Released);
        let expected = place.map_or(Acknowledgement::Unknown, |place| {
            self.entries.remove(place);
            Acknowledgement::Finished(None)
        });
        assert_eq!(self.outbound.pubcomp(id), expected);
    }

    /// A new connection: what is unfinished comes again, each once; PUBLISH in order.
    fn resend(&mut self, source: &mut Source<'_>) {
        self.outbound.restart();
        assert_eq!(self.outbound.in_flight(), 0, "nothing was sent on a new connection");
        let stops_after = usize::from(source.u8());
        let (mut publishes, mut releases) = (Vec::new(), Vec::new());
        while publishes.len() + releases.len() < stops_after {
            match self.outbound.next_resend() {
                Some(Resend::Publish(id, qos, name)) => publishes.push((id, qos, name)),
                Some(Resend::PubRel(id)) => releases.push(id),
                None => break,
            }
        }
        let is_whole = publishes.len() + releases.len() < stops_after;
        let expected: Vec<_> = self.unanswered().map(|entry| (entry.id, entry.qos, entry.name)).collect();
        assert!(expected.starts_with(&publishes), "{publishes:?} of {expected:?}");
        let due: Vec<PacketId> =
            self.entries.iter().filter(|e| e.state == State::Released).map(|e| e.id).collect();
        assert!(due.starts_with(&releases), "{releases:?} of {due:?}");
        if is_whole {
            assert_eq!((publishes.len(), releases.len()), (expected.len(), due.len()));
            assert!(!self.outbound.resends_publish());
        }
    }
}
