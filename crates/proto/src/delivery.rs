//! QoS 1 and QoS 2 as states, in both directions.

use alloc::collections::{BTreeSet, VecDeque};

use martlet_wire::{PacketId, QoS};

/// Unfinished messages towards the peer, in the order in which they were first sent.
///
/// Packet Identifiers are given out in order, 1 to 65,535 and round again past those in use, so that the place of a message
/// mostly follows from its identifier.
#[derive(Debug)]
pub struct Outbound<M> {
    slots: VecDeque<(PacketId, Slot<M>)>,
    /// The identifier given out last; 0 before the first.
    last_id: u16,
    /// How many slots are not done.
    unfinished: usize,
    /// From here on, slots have not been sent on the present connection.
    unsent_from: usize,
    /// Identifiers went once round since the first slot was pushed: those of the slots are not in order.
    has_gone_round: bool,
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
        Self { slots: VecDeque::new(), last_id: 0, unfinished: 0, unsent_from: 0, has_gone_round: false }
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
        let Some(id) = self.free_id(is_taken) else { return Err(message) };
        let slot =
            if qos == QoS::AtLeastOnce { Slot::AwaitsPubAck(message) } else { Slot::AwaitsPubRec(message) };
        self.slots.push_back((id, slot));
        self.unfinished += 1;
        self.unsent_from = self.slots.len();
        Ok(id)
    }

    /// PUBACK came [MQTT-4.3.2-3].
    pub fn puback(&mut self, id: PacketId) -> Acknowledgement<M> {
        match self.slot(id) {
            Some(slot @ Slot::AwaitsPubAck(_)) => {
                let Slot::AwaitsPubAck(message) = core::mem::replace(slot, Slot::Done) else {
                    return Acknowledgement::Unknown;
                };
                self.finish();
                Acknowledgement::Finished(Some(message))
            }
            _ => Acknowledgement::Unknown,
        }
    }

    /// PUBREC came. A failure (0x80 and above) finishes the message [MQTT-4.4.0-2]; else PUBREL is due, and
    /// [`Outbound::release`] is to be called before it is sent. A repeated PUBREC is answered by PUBREL again.
    pub fn pubrec(&mut self, id: PacketId, failed: bool) -> Acknowledgement<M> {
        match self.slot(id) {
            Some(slot @ Slot::AwaitsPubRec(_)) => {
                let next = if failed { Slot::Done } else { Slot::Releasing };
                let Slot::AwaitsPubRec(message) = core::mem::replace(slot, next) else {
                    return Acknowledgement::Unknown;
                };
                if failed {
                    self.finish();
                    Acknowledgement::Finished(Some(message))
                } else {
                    Acknowledgement::Received(Some(message))
                }
            }
            Some(slot @ (Slot::AwaitsPubComp | Slot::Releasing)) => {
                if failed {
                    *slot = Slot::Done;
                    self.finish();
                    Acknowledgement::Finished(None)
                } else {
                    Acknowledgement::Received(None)
                }
            }
            _ => Acknowledgement::Unknown,
        }
    }

    /// PUBREL is sent from here on; `false` if there is no such message.
    pub fn release(&mut self, id: PacketId) -> bool {
        match self.slot(id) {
            Some(slot @ (Slot::Releasing | Slot::AwaitsPubComp)) => {
                *slot = Slot::AwaitsPubComp;
                true
            }
            _ => false,
        }
    }

    /// PUBCOMP came.
    pub fn pubcomp(&mut self, id: PacketId) -> Acknowledgement<M> {
        match self.slot(id) {
            Some(slot @ Slot::AwaitsPubComp) => {
                *slot = Slot::Done;
                self.finish();
                Acknowledgement::Finished(None)
            }
            _ => Acknowledgement::Unknown,
        }
    }

    /// A new connection resumes the Session: everything unfinished has to be sent again, in its order.
    pub fn restart(&mut self) {
        self.unsent_from = 0;
    }

    /// What comes next of that which has to be sent again; `None` when all was, and new messages may follow.
    ///
    /// A PUBLISH takes quota, so its sender calls this only while there is some; see [`Outbound::resends_publish`].
    pub fn next_resend(&mut self) -> Option<Resend<M>>
    where
        M: Clone,
    {
        while self.unsent_from < self.slots.len() {
            let (id, slot) = &self.slots[self.unsent_from];
            self.unsent_from += 1;
            match slot {
                Slot::AwaitsPubAck(message) => {
                    return Some(Resend::Publish(*id, QoS::AtLeastOnce, message.clone()));
                }
                Slot::AwaitsPubRec(message) => {
                    return Some(Resend::Publish(*id, QoS::ExactlyOnce, message.clone()));
                }
                Slot::AwaitsPubComp => return Some(Resend::PubRel(*id)),
                Slot::Releasing | Slot::Done => {}
            }
        }
        None
    }

    /// Whether the next thing to be sent again is a PUBLISH.
    pub fn resends_publish(&self) -> bool {
        self.slots
            .range(self.unsent_from.min(self.slots.len())..)
            .find(|(_, slot)| !matches!(slot, Slot::Done | Slot::Releasing))
            .is_some_and(|(_, slot)| matches!(slot, Slot::AwaitsPubAck(_) | Slot::AwaitsPubRec(_)))
    }

    /// Whether something is left to be sent again.
    pub fn has_resends(&self) -> bool {
        self.unsent_from < self.slots.len()
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
        self.slots.iter().filter_map(|(_, slot)| match slot {
            Slot::AwaitsPubAck(message) => Some((QoS::AtLeastOnce, message)),
            Slot::AwaitsPubRec(message) => Some((QoS::ExactlyOnce, message)),
            Slot::Releasing | Slot::AwaitsPubComp | Slot::Done => None,
        })
    }

    fn finish(&mut self) {
        self.unfinished -= 1;
        while matches!(self.slots.front(), Some((_, Slot::Done))) {
            self.slots.pop_front();
            self.unsent_from = self.unsent_from.saturating_sub(1);
        }
        if self.slots.is_empty() {
            *self = Self { last_id: self.last_id, ..Self::default() }; // gives the memory back
        } else if self.slots.len() > DONE_KEPT_MAX + 2 * self.unfinished {
            self.sweep();
        }
    }

    /// Takes out what is done, but stands behind something that is not.
    fn sweep(&mut self) {
        let is_unfinished = |(_, slot): &(PacketId, Slot<M>)| !matches!(slot, Slot::Done);
        self.unsent_from =
            self.slots.iter().take(self.unsent_from).filter(|slot| is_unfinished(slot)).count();
        self.slots.retain(is_unfinished);
    }

    /// The next Packet Identifier that is not in use.
    fn free_id(&mut self, is_taken: impl Fn(PacketId) -> bool) -> Option<PacketId> {
        let mut id = self.last_id;
        for _ in 0..u16::MAX {
            let candidate = PacketId::new(id.wrapping_add(1)).unwrap_or(PacketId::MIN);
            id = candidate.get();
            // Identifiers follow each other, so the first to be met again is that of the first slot.
            self.has_gone_round |= self.slots.front().is_some_and(|(first, _)| *first == candidate);
            let is_in_use = self.has_gone_round && self.place(candidate).is_some();
            if !is_in_use && !is_taken(candidate) {
                self.last_id = id;
                return Some(candidate);
            }
        }
        None
    }

    /// Where the unfinished message with this identifier stands.
    fn place(&self, id: PacketId) -> Option<usize> {
        let (first, _) = self.slots.front()?;
        // As long as nothing was skipped or swept, the distance from the first identifier is the place.
        let (wanted, first) = (usize::from(id.get()), usize::from(first.get()));
        let guess = if wanted >= first { wanted - first } else { wanted + usize::from(u16::MAX) - first };
        let is_it = |(found, slot): &(PacketId, Slot<M>)| *found == id && !matches!(slot, Slot::Done);
        if self.slots.get(guess).is_some_and(is_it) {
            return Some(guess);
        }
        self.slots.iter().position(is_it)
    }

    fn slot(&mut self, id: PacketId) -> Option<&mut Slot<M>> {
        let place = self.place(id)?;
        self.slots.get_mut(place).map(|(_, slot)| slot)
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

    /// The message was refused by a PUBREC of 0x80 or above: the identifier is free again [MQTT-4.3.3-9].
    pub fn refused(&mut self, id: PacketId) {
        self.pending.remove(&id);
    }

    /// PUBREL came; `true` if the identifier was known. It is free again [MQTT-4.3.3-12].
    pub fn release(&mut self, id: PacketId) -> bool {
        self.received.remove(&id)
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
