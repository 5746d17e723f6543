//! QoS 1 and QoS 2 as states, in both directions.

use alloc::collections::{BTreeSet, VecDeque};

use martlet_wire::{PacketId, QoS};

/// Unfinished messages towards the peer, in the order in which they were first sent.
///
/// Packet Identifiers are given out in order, 1 to 65,535 and round again past those in use, so that the place of a message
/// mostly follows from its identifier.
#[derive(Debug)]
pub struct Outbound<M> {
    entries: VecDeque<Entry<M>>,
    /// The identifier given out last; 0 before the first.
    last_id: u16,
    /// How many entries are not done.
    unfinished: usize,
    /// How many of them were sent on the present connection.
    in_flight: usize,
    /// From here on, PUBREL has to be sent on the present connection.
    unreleased_from: usize,
    /// From here on, PUBLISH has to be sent on the present connection.
    unsent_from: usize,
    /// Identifiers went once round since the first entry was pushed: those of the entries are not in order.
    has_gone_round: bool,
}

#[derive(Debug)]
struct Entry<M> {
    id: PacketId,
    slot: Slot<M>,
    /// Whether it was sent on the present connection, and counts against the peer's Receive Maximum.
    is_in_flight: bool,
}

#[derive(Debug)]
enum Slot<M> {
    /// PUBLISH sent with QoS 1; PUBACK is due [MQTT-4.3.2-3].
    AwaitsPubAck(M),
    /// PUBLISH sent with QoS 2; PUBREC is due [MQTT-4.3.3-3].
    AwaitsPubRec(M),
    /// PUBREC came, and PUBREL is being prepared: it has not been promised yet.
    Releasing,
    /// PUBREL sent; PUBCOMP is due [MQTT-4.3.3-5].
    AwaitsPubComp,
    /// Finished; the slot waits for the ones before it.
    Done,
}

impl<M> Slot<M> {
    /// A PUBLISH was sent, with QoS 1 or 2.
    fn unanswered_by(qos: QoS, message: M) -> Self {
        if qos == QoS::AtLeastOnce { Self::AwaitsPubAck(message) } else { Self::AwaitsPubRec(message) }
    }

    /// The message of a PUBLISH that was not answered, and its QoS.
    fn unanswered(&self) -> Option<(QoS, &M)> {
        match self {
            Self::AwaitsPubAck(message) => Some((QoS::AtLeastOnce, message)),
            Self::AwaitsPubRec(message) => Some((QoS::ExactlyOnce, message)),
            Self::Releasing | Self::AwaitsPubComp | Self::Done => None,
        }
    }

    fn into_message(self) -> Option<M> {
        match self {
            Self::AwaitsPubAck(message) | Self::AwaitsPubRec(message) => Some(message),
            Self::Releasing | Self::AwaitsPubComp | Self::Done => None,
        }
    }
}

/// What an acknowledgement from the peer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgement<M> {
    /// It finished a message, which is handed back where it was still held.
    Finished(Option<M>),
    /// A PUBREC was taken: PUBREL is due [MQTT-4.3.3-4]. The message is handed back, since it is never sent again.
    Received(Option<M>),
    /// No message with this identifier waits for it.
    Unknown,
}

/// What has to be sent again on a new connection [MQTT-4.4.0-1].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend<M> {
    /// The PUBLISH, with DUP 1 [MQTT-3.3.1-1].
    Publish(PacketId, QoS, M),
    /// The PUBREL.
    PubRel(PacketId),
}

impl<M> Default for Outbound<M> {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            last_id: 0,
            unfinished: 0,
            in_flight: 0,
            unreleased_from: 0,
            unsent_from: 0,
            has_gone_round: false,
        }
    }
}

impl<M> Outbound<M> {
    /// Takes a message up for sending with `qos`, and tells its Packet Identifier [MQTT-2.2.1-4].
    ///
    /// # Errors
    /// Gives the message back if every identifier is taken, or if `qos` is 0, which needs none.
    pub fn push(&mut self, qos: QoS, message: M) -> Result<PacketId, M> {
        self.push_beside(qos, message, |_| false)
    }

    /// The same where other packets take identifiers too: SUBSCRIBE and UNSUBSCRIBE of a client [MQTT-2.2.1-3].
    ///
    /// # Errors
    /// Those of [`Outbound::push`].
    pub fn push_beside(
        &mut self,
        qos: QoS,
        message: M,
        is_taken: impl Fn(PacketId) -> bool,
    ) -> Result<PacketId, M> {
        if qos == QoS::AtMostOnce || self.is_exhausted() {
            return Err(message);
        }
        let Some(id) = self.reserve(is_taken) else { return Err(message) };
        self.push_as(id, qos, message);
        Ok(id)
    }

    /// Gives out an identifier for [`Outbound::push_as`]: the next one that no unfinished message has and that is not taken
    /// otherwise; `None` if there is none.
    pub fn reserve(&mut self, is_taken: impl Fn(PacketId) -> bool) -> Option<PacketId> {
        let mut id = self.last_id;
        for _ in 0..u16::MAX {
            let candidate = PacketId::new(id.wrapping_add(1)).unwrap_or(PacketId::MIN);
            id = candidate.get();
            // Identifiers follow each other, so the first to be met again is that of the first slot.
            self.has_gone_round |= self.entries.front().is_some_and(|first| first.id == candidate);
            let is_in_use = self.has_gone_round && self.place(candidate).is_some();
            if !is_in_use && !is_taken(candidate) {
                self.last_id = id;
                return Some(candidate);
            }
        }
        None
    }

    /// Goes on behind an identifier that was given out elsewhere, 0 for none. Only while nothing is unfinished.
    pub fn go_on_behind(&mut self, id: u16) {
        debug_assert!(self.is_empty(), "the place of a message follows from its identifier");
        self.last_id = id;
    }

    /// Passes an identifier over, for a message that is not sent after all: Mosquitto gives out an identifier before it knows.
    pub fn skip(&mut self) {
        self.reserve(|_| false);
    }

    /// Takes a message up for sending with `qos` 1 or 2 under an identifier that [`Outbound::reserve`] gave out.
    pub fn push_as(&mut self, id: PacketId, qos: QoS, message: M) {
        self.entries.push_back(Entry { id, slot: Slot::unanswered_by(qos, message), is_in_flight: true });
        self.unfinished += 1;
        self.in_flight += 1;
        self.unreleased_from = self.entries.len();
        self.unsent_from = self.entries.len();
    }

    /// Takes a message up again that an earlier process began to send: with its QoS where its PUBLISH is unanswered, with
    /// nothing where PUBREC came. To be called in the order of the messages, before anything else; what is due comes out of
    /// [`Outbound::next_resend`].
    pub fn restore(&mut self, id: PacketId, unanswered: Option<(QoS, M)>) {
        let slot = unanswered.map_or(Slot::AwaitsPubComp, |(qos, message)| Slot::unanswered_by(qos, message));
        self.entries.push_back(Entry { id, slot, is_in_flight: false });
        self.unfinished += 1;
        self.last_id = id.get();
        self.has_gone_round = true; // nobody knows where the numbers began
    }

    /// Gives up a message, wherever it is; `false` if there is no such message.
    pub fn abandon(&mut self, id: PacketId) -> bool {
        let place = self.place(id);
        place.map(|place| self.finish(place)).is_some()
    }

    /// PUBACK came [MQTT-4.3.2-3].
    pub fn puback(&mut self, id: PacketId) -> Acknowledgement<M> {
        match self.place(id) {
            Some(place) if matches!(self.entries[place].slot, Slot::AwaitsPubAck(_)) => self.finish(place),
            _ => Acknowledgement::Unknown,
        }
    }

    /// PUBREC came. A failure (0x80 and above) finishes the message [MQTT-4.4.0-2]; else PUBREL is due, and
    /// [`Outbound::release`] is to be called before it is sent. A repeated PUBREC is answered by PUBREL again.
    pub fn pubrec(&mut self, id: PacketId, failed: bool) -> Acknowledgement<M> {
        let Some(place) = self.place(id) else { return Acknowledgement::Unknown };
        let slot = &mut self.entries[place].slot;
        match slot {
            Slot::AwaitsPubAck(_) | Slot::Done => Acknowledgement::Unknown,
            Slot::AwaitsPubRec(_) | Slot::Releasing | Slot::AwaitsPubComp if failed => self.finish(place),
            Slot::AwaitsPubRec(_) => {
                Acknowledgement::Received(core::mem::replace(slot, Slot::Releasing).into_message())
            }
            Slot::Releasing | Slot::AwaitsPubComp => Acknowledgement::Received(None),
        }
    }

    /// PUBREL is due from here on; `false` if there is no such message. Unless it is sent right now, it comes with what has to
    /// be sent again on the next connection.
    pub fn release(&mut self, id: PacketId, is_sent: bool) -> bool {
        let Some(place) = self.place(id) else { return false };
        let entry = &mut self.entries[place];
        let is_released = matches!(entry.slot, Slot::Releasing | Slot::AwaitsPubComp);
        if is_released {
            entry.slot = Slot::AwaitsPubComp;
            if is_sent && !entry.is_in_flight {
                entry.is_in_flight = true;
                self.in_flight += 1;
            }
        }
        is_released
    }

    /// PUBCOMP came.
    pub fn pubcomp(&mut self, id: PacketId) -> Acknowledgement<M> {
        match self.place(id) {
            Some(place) if matches!(self.entries[place].slot, Slot::AwaitsPubComp) => self.finish(place),
            _ => Acknowledgement::Unknown,
        }
    }

    /// A new connection resumes the Session: everything unfinished has to be sent again.
    pub fn restart(&mut self) {
        self.unreleased_from = 0;
        self.unsent_from = 0;
        self.in_flight = 0;
        for entry in &mut self.entries {
            entry.is_in_flight = false;
        }
    }

    /// What comes next of that which has to be sent again: first each PUBREL, which no quota holds back [MQTT-3.3.4-10],
    /// then each PUBLISH, in their order. `None` when all was, and new messages may follow.
    ///
    /// A PUBLISH takes quota, so its sender calls this only while there is some; see [`Outbound::resends_publish`].
    pub fn next_resend(&mut self) -> Option<Resend<M>>
    where
        M: Clone,
    {
        while let Some(entry) = self.entries.get_mut(self.unreleased_from) {
            self.unreleased_from += 1;
            if matches!(entry.slot, Slot::AwaitsPubComp) && !entry.is_in_flight {
                entry.is_in_flight = true;
                self.in_flight += 1;
                return Some(Resend::PubRel(entry.id));
            }
        }
        while let Some(entry) = self.entries.get_mut(self.unsent_from) {
            self.unsent_from += 1;
            if let Some((qos, message)) = entry.slot.unanswered() {
                let resend = Resend::Publish(entry.id, qos, message.clone());
                entry.is_in_flight = true;
                self.in_flight += 1;
                return Some(resend);
            }
        }
        None
    }

    /// Whether the next thing to be sent again is a PUBLISH.
    pub fn resends_publish(&self) -> bool {
        let rest = |from: usize| self.entries.range(from.min(self.entries.len())..);
        let is_pubrel = |entry: &Entry<M>| matches!(entry.slot, Slot::AwaitsPubComp) && !entry.is_in_flight;
        !rest(self.unreleased_from).any(is_pubrel)
            && rest(self.unsent_from).any(|entry| entry.slot.unanswered().is_some())
    }

    /// Whether something is left to be sent again.
    pub fn has_resends(&self) -> bool {
        self.unsent_from < self.entries.len() || self.unreleased_from < self.entries.len()
    }

    /// How many unfinished messages were sent on the present connection: these count against the peer's Receive Maximum
    /// [MQTT-3.3.4-9].
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The messages that were sent on the present connection and whose PUBLISH has not been answered.
    pub fn sent(&self) -> impl Iterator<Item = &M> {
        let sent = self.entries.iter().filter(|entry| entry.is_in_flight);
        sent.filter_map(|entry| entry.slot.unanswered().map(|(_, message)| message))
    }

    /// Whether an unfinished message has this identifier.
    pub fn contains(&self, id: PacketId) -> bool {
        self.place(id).is_some()
    }

    /// Whether every Packet Identifier is taken: nothing can be pushed.
    pub fn is_exhausted(&self) -> bool {
        self.unfinished >= usize::from(u16::MAX)
    }

    /// How many messages are unfinished.
    pub const fn len(&self) -> usize {
        self.unfinished
    }

    /// Whether nothing is unfinished.
    pub const fn is_empty(&self) -> bool {
        self.unfinished == 0
    }

    /// The messages whose PUBLISH has not been answered, oldest first, with their QoS.
    pub fn unanswered(&self) -> impl Iterator<Item = (QoS, &M)> {
        self.entries.iter().filter_map(|entry| entry.slot.unanswered())
    }

    fn finish(&mut self, place: usize) -> Acknowledgement<M> {
        let entry = &mut self.entries[place];
        self.in_flight -= usize::from(core::mem::take(&mut entry.is_in_flight));
        self.unfinished -= 1;
        let message = core::mem::replace(&mut entry.slot, Slot::Done).into_message();
        while matches!(self.entries.front(), Some(entry) if matches!(entry.slot, Slot::Done)) {
            self.entries.pop_front();
            self.unsent_from = self.unsent_from.saturating_sub(1);
            self.unreleased_from = self.unreleased_from.saturating_sub(1);
        }
        if self.entries.is_empty() {
            *self = Self { last_id: self.last_id, ..Self::default() }; // gives the memory back
        } else if self.entries.len() > DONE_KEPT_MAX + 2 * self.unfinished {
            self.sweep();
        }
        Acknowledgement::Finished(message)
    }

    /// Takes out what is done, but stands behind something that is not.
    fn sweep(&mut self) {
        let is_unfinished = |entry: &Entry<M>| !matches!(entry.slot, Slot::Done);
        let count =
            |until: usize| self.entries.iter().take(until).filter(|entry| is_unfinished(entry)).count();
        (self.unsent_from, self.unreleased_from) = (count(self.unsent_from), count(self.unreleased_from));
        self.entries.retain(is_unfinished);
    }

    /// An unanswered message, with its QoS.
    pub fn get(&self, id: PacketId) -> Option<(QoS, &M)> {
        self.entries.get(self.place(id)?)?.slot.unanswered()
    }

    /// The unfinished messages, oldest first: each with its identifier, and with its QoS and content until PUBREC came.
    pub fn unfinished(&self) -> impl Iterator<Item = (PacketId, Option<(QoS, &M)>)> {
        let is_unfinished = |entry: &&Entry<M>| !matches!(entry.slot, Slot::Done);
        self.entries.iter().filter(is_unfinished).map(|entry| (entry.id, entry.slot.unanswered()))
    }

    /// Where the unfinished message with this identifier stands.
    fn place(&self, id: PacketId) -> Option<usize> {
        let first = self.entries.front()?.id;
        // As long as nothing was skipped or swept, the distance from the first identifier is the place; else it is before.
        let (wanted, first) = (usize::from(id.get()), usize::from(first.get()));
        let guess = if wanted >= first { wanted - first } else { wanted + usize::from(u16::MAX) - first };
        let is_it = |entry: &Entry<M>| entry.id == id && !matches!(entry.slot, Slot::Done);
        let until = self.entries.len().min(guess + 1);
        let before = self.entries.range(..until).rev().position(is_it).map(|distance| until - 1 - distance);
        before.or_else(|| self.entries.range(until..).position(is_it).map(|distance| until + distance))
    }
}

/// How many finished messages may stand behind an unfinished one, besides twice as many as are unfinished.
const DONE_KEPT_MAX: usize = 64;

/// The Packet Identifiers of QoS 2 messages that came from the peer and whose PUBREL has not come yet.
#[derive(Debug, Default)]
pub struct Inbound {
    /// Taken over for good: PUBREC was sent, or may be sent again.
    received: BTreeSet<PacketId>,
    /// Being taken over: PUBREC may not be sent yet.
    pending: BTreeSet<PacketId>,
}

/// What a QoS 2 PUBLISH from the peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A new message, to be passed on.
    New,
    /// A repeat of one that was taken over: answer PUBREC, pass nothing on [MQTT-4.3.3-10].
    Repeated,
    /// A repeat of one that is being taken over; its PUBREC follows by itself.
    Pending,
}

impl Inbound {
    /// A QoS 2 PUBLISH came.
    pub fn publish(&mut self, id: PacketId) -> Arrival {
        if self.received.contains(&id) {
            Arrival::Repeated
        } else if self.pending.insert(id) {
            Arrival::New
        } else {
            Arrival::Pending
        }
    }

    /// The message was taken over: PUBREC goes out [MQTT-4.3.3-8].
    pub fn taken_over(&mut self, id: PacketId) {
        if self.pending.remove(&id) {
            self.received.insert(id);
        }
    }

    /// An earlier process took a message over whose PUBREL has not come yet.
    pub fn restore(&mut self, id: PacketId) {
        self.received.insert(id);
    }

    /// The message was refused by a PUBREC of 0x80 or above: the identifier is free again [MQTT-4.3.3-9].
    pub fn refused(&mut self, id: PacketId) {
        self.pending.remove(&id);
    }

    /// PUBREL came; `true` if the identifier was known. It is free again [MQTT-4.3.3-12].
    pub fn release(&mut self, id: PacketId) -> bool {
        self.received.remove(&id)
    }

    /// The identifiers whose messages were taken over.
    pub fn taken_over_ids(&self) -> impl Iterator<Item = PacketId> {
        self.received.iter().copied()
    }

    /// Whether PUBREL is due for this identifier.
    pub fn contains(&self, id: PacketId) -> bool {
        self.received.contains(&id)
    }

    /// How many messages are between PUBLISH and PUBREL.
    pub fn len(&self) -> usize {
        self.received.len() + self.pending.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.received.is_empty() && self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests;
