//! Faults put between the broker and the world on purpose, each of which the judge has to find.

mod mail;

use std::collections::{BTreeMap, BTreeSet};

use martlet_engine::Stored;
use martlet_wire::{Delivery, Packet, PacketType, ProtocolVersion, Publish, QoS, decode};

use crate::checker::split_packet;
use crate::network::LinkId;
use crate::random::Random;

/// What goes wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sabotage {
    /// A batch between two shards gets lost.
    LoseForward,
    /// A batch between two shards comes twice.
    RepeatForward,
    /// Two batches to one shard come in the wrong order.
    SwapForwards,
    /// The engine is told that a batch is durable before it is.
    PersistEarly,
    /// From some time on, one shard's log is never done.
    PersistNever,
    /// Batches are said to be durable without a sync.
    SkipSync,
    /// The disk leaves out a sync of a file or a folder, and answers well.
    LoseSync,
    /// The engine is not handed a batch of the log after a crash.
    LoseBatch,
    /// The end of a batch is not written.
    LoseRecords,
    /// After a crash the engine is handed the checkpoint before the last one, while the log was trimmed for the last.
    OldCheckpoint,
    /// After a crash, what a shard owes to another is taken for something new there.
    RepeatOwed,
    /// From some time on, one shard's clock stands.
    StopClock,
    /// The engine is not told that a connection is gone.
    HideLoss,
    /// The engine is handed a QoS 0 PUBLISH twice.
    RepeatPublishIn,
    /// The engine is not handed a PUBLISH, while the client gets no other chance.
    LosePublishIn,
    /// An UNSUBSCRIBE reaches the engine with another Topic Filter.
    AlterUnsubscribe,
    /// A DISCONNECT reaches the engine as if the client wanted its Will published.
    AlterDisconnect,
    /// A QoS 1 or 2 PUBLISH does not leave.
    LosePublishOut,
    /// A QoS 0 PUBLISH leaves twice.
    RepeatPublishOut,
    /// Two PUBLISH packets leave in the wrong order.
    SwapPublishesOut,
    /// DUP is missing where it has to be set.
    ClearDup,
    /// RETAIN has the wrong value.
    FlipRetain,
    /// A PUBLISH leaves with another payload.
    AlterPayload,
    /// A PUBACK does not leave.
    LosePubAck,
    /// A PUBREL does not leave.
    LosePubRel,
    /// Session Present has the wrong value.
    FlipSessionPresent,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::LoseForward,
        Self::RepeatForward,
        Self::SwapForwards,
        Self::PersistEarly,
        Self::PersistNever,
        Self::SkipSync,
        Self::LoseSync,
        Self::LoseBatch,
        Self::LoseRecords,
        Self::OldCheckpoint,
        Self::RepeatOwed,
        Self::StopClock,
        Self::HideLoss,
        Self::RepeatPublishIn,
        Self::LosePublishIn,
        Self::AlterUnsubscribe,
        Self::AlterDisconnect,
        Self::LosePublishOut,
        Self::RepeatPublishOut,
        Self::SwapPublishesOut,
        Self::ClearDup,
        Self::FlipRetain,
        Self::AlterPayload,
        Self::LosePubAck,
        Self::LosePubRel,
        Self::FlipSessionPresent,
    ];

    /// How many chances are passed over between two strikes, at most.
    const fn patience_max(self) -> u64 {
        match self {
            // Few clients with a Will say goodbye in a run.
            Self::AlterDisconnect => 1,
            Self::SkipSync => 2,
            // There are many events between two syncs.
            Self::LoseSync => 30,
            _ => 10,
        }
    }

    /// Whether the log comes back different from what was written.
    pub(crate) const fn is_at_disk(self) -> bool {
        matches!(
            self,
            Self::SkipSync | Self::LoseSync | Self::LoseBatch | Self::LoseRecords | Self::OldCheckpoint
        )
    }

    const fn is_at_input(self) -> bool {
        matches!(
            self,
            Self::RepeatPublishIn | Self::LosePublishIn | Self::AlterUnsubscribe | Self::AlterDisconnect
        )
    }

    const fn is_at_output(self) -> bool {
        matches!(
            self,
            Self::LosePublishOut
                | Self::RepeatPublishOut
                | Self::SwapPublishesOut
                | Self::ClearDup
                | Self::FlipRetain
                | Self::AlterPayload
                | Self::LosePubAck
                | Self::LosePubRel
                | Self::FlipSessionPresent
        )
    }
}

/// Does the sabotage: now and then, not always.
#[derive(Debug)]
pub(crate) struct Saboteur {
    kind: Option<Sabotage>,
    random: Random,
    /// How many chances are passed over before the next strike.
    patience: u64,
    /// A shard whose log or clock stands.
    stopped: Option<usize>,
    inputs: BTreeMap<LinkId, Vec<u8>>,
    /// Connections with a Will.
    with_will: BTreeSet<LinkId>,
    outputs: BTreeMap<LinkId, Vec<u8>>,
    held_batch: Option<(usize, Vec<u8>)>,
    /// The last checkpoints of each shard: the one before the last, the last, and the one that is being written.
    checkpoints: BTreeMap<u16, [Vec<Vec<u8>>; 3]>,
    /// Ways between shards on which nothing has gone since the start.
    fresh_ways: BTreeSet<(usize, usize)>,
}

impl Saboteur {
    pub(crate) fn new(kind: Option<Sabotage>, mut random: Random) -> Self {
        Self {
            kind,
            patience: random.between(0, kind.map_or(0, Sabotage::patience_max)),
            random,
            stopped: None,
            inputs: BTreeMap::new(),
            with_will: BTreeSet::new(),
            outputs: BTreeMap::new(),
            held_batch: None,
            checkpoints: BTreeMap::new(),
            fresh_ways: BTreeSet::new(),
        }
    }

    /// Whether this is the moment for a certain kind.
    fn strikes(&mut self, kind: Sabotage) -> bool {
        if self.kind != Some(kind) {
            return false;
        }
        if self.patience > 0 {
            self.patience -= 1;
            return false;
        }
        self.patience = self.random.between(0, kind.patience_max());
        true
    }

    /// What becomes of a batch between shards.
    pub(crate) fn forward(&mut self, from: usize, to: usize, mut batch: Vec<u8>) -> Vec<Vec<u8>> {
        if self.kind == Some(Sabotage::RepeatOwed) && self.fresh_ways.remove(&(from, to)) {
            mail::make_new(&mut batch);
        }
        if let Some((_, held)) = self.held_batch.take_if(|(held_for, _)| *held_for == to) {
            return vec![batch, held];
        }
        if self.strikes(Sabotage::LoseForward) {
            return Vec::new();
        }
        if self.strikes(Sabotage::RepeatForward) {
            return vec![batch.clone(), batch];
        }
        if self.held_batch.is_none() && self.strikes(Sabotage::SwapForwards) {
            self.held_batch = Some((to, batch));
            return Vec::new();
        }
        vec![batch]
    }

    /// Whether the engine is told too early that a batch is durable.
    pub(crate) fn persists_early(&mut self) -> bool {
        self.kind == Some(Sabotage::PersistEarly)
    }

    /// Whether a sync is left out.
    pub(crate) fn skips_sync(&mut self) -> bool {
        self.strikes(Sabotage::SkipSync)
    }

    /// Whether the disk leaves out the next sync.
    pub(crate) fn loses_sync(&mut self) -> bool {
        self.strikes(Sabotage::LoseSync)
    }

    /// What is written instead of these records.
    pub(crate) fn written(&mut self, mut records: Vec<u8>) -> Vec<u8> {
        if self.strikes(Sabotage::LoseRecords) {
            records.truncate(self.random.len(0, records.len() - 1));
        }
        records
    }

    /// Whether records may be cut off in the middle.
    pub(crate) fn spoils_records(&self) -> bool {
        self.kind == Some(Sabotage::LoseRecords)
    }

    /// A part of a checkpoint is written.
    pub(crate) fn part(&mut self, shard: u16, part: &[u8]) {
        if self.kind == Some(Sabotage::OldCheckpoint) {
            self.checkpoints.entry(shard).or_default()[2].push(part.to_vec());
        }
    }

    /// A checkpoint was begun.
    pub(crate) fn begun(&mut self, shard: u16) {
        if let Some([_, _, under_way]) = self.checkpoints.get_mut(&shard) {
            under_way.clear();
        }
    }

    /// A checkpoint is durable.
    pub(crate) fn checkpointed(&mut self, shard: u16) {
        if let Some(all) = self.checkpoints.get_mut(&shard) {
            all.rotate_left(1);
            all[2].clear();
        }
    }

    /// The broker starts anew.
    pub(crate) fn restarted(&mut self, shards: u16) {
        let shards = usize::from(shards);
        self.fresh_ways = (0..shards * shards).map(|way| (way / shards, way % shards)).collect();
    }

    /// What the engine is handed instead of what was found; `place` counts from 0.
    pub(crate) fn recovered(
        &mut self,
        shard: u16,
        stored: Stored,
        place: usize,
        found: &[u8],
    ) -> Vec<Vec<u8>> {
        match stored {
            Stored::Batch(_) if self.strikes(Sabotage::LoseBatch) => Vec::new(),
            Stored::Checkpoint if self.kind == Some(Sabotage::OldCheckpoint) => {
                let old = self.checkpoints.get(&shard).map_or(&[][..], |[old, ..]| old);
                if place == 0 { old.to_vec() } else { Vec::new() }
            }
            _ => vec![found.to_vec()],
        }
    }

    /// Whether the log of a shard stands.
    pub(crate) fn stops_log(&mut self, shard: usize) -> bool {
        if self.strikes(Sabotage::PersistNever) {
            self.stopped.get_or_insert(shard);
        }
        self.kind == Some(Sabotage::PersistNever) && self.stopped == Some(shard)
    }

    /// Whether the clock of a shard stands.
    pub(crate) fn stops_clock(&mut self, shard: usize) -> bool {
        if self.strikes(Sabotage::StopClock) {
            self.stopped.get_or_insert(shard);
        }
        self.kind == Some(Sabotage::StopClock) && self.stopped == Some(shard)
    }

    /// Whether the end of a connection is kept from the engine.
    pub(crate) fn hides_loss(&mut self) -> bool {
        self.strikes(Sabotage::HideLoss)
    }

    /// Whether the log comes back different from what was written.
    pub(crate) fn is_at_disk(&self) -> bool {
        self.kind.is_some_and(Sabotage::is_at_disk)
    }

    /// Whether what leaves the broker passes through here.
    pub(crate) fn is_at_output(&self) -> bool {
        self.kind.is_some_and(Sabotage::is_at_output)
    }

    /// What the engine gets instead of these bytes.
    pub(crate) fn input(&mut self, link: LinkId, version: ProtocolVersion, bytes: &[u8]) -> Vec<u8> {
        if !self.kind.is_some_and(Sabotage::is_at_input) {
            return bytes.to_vec();
        }
        let mut waiting = self.inputs.remove(&link).unwrap_or_default();
        waiting.extend_from_slice(bytes);
        let mut altered = Vec::new();
        while let Some(packet) = split_packet(&mut waiting) {
            self.alter_input(link, version, packet, &mut altered);
        }
        self.inputs.insert(link, waiting);
        altered
    }

    fn alter_input(&mut self, link: LinkId, version: ProtocolVersion, bytes: Vec<u8>, altered: &mut Vec<u8>) {
        let mut copies = vec![bytes.clone()];
        match decode(version, &bytes) {
            Ok(Packet::Connect(connect)) if connect.will.is_some() => _ = self.with_will.insert(link),
            Ok(Packet::Publish(publish))
                if publish.delivery.qos() == QoS::AtMostOnce
                    && publish.properties.topic_alias().is_none()
                    && self.strikes(Sabotage::RepeatPublishIn) =>
            {
                copies.push(bytes);
            }
            Ok(Packet::Publish(publish))
                if publish.delivery.qos() == QoS::AtLeastOnce && self.strikes(Sabotage::LosePublishIn) =>
            {
                copies.clear();
            }
            Ok(Packet::Unsubscribe(_)) if self.strikes(Sabotage::AlterUnsubscribe) => {
                // The last character of the last filter.
                if let Some(last) = copies[0].last_mut() {
                    *last = b'?';
                }
            }
            Ok(Packet::Disconnect(_))
                if version.has_properties()
                    && bytes.len() == 2
                    && self.with_will.contains(&link)
                    && self.strikes(Sabotage::AlterDisconnect) =>
            {
                copies[0] = vec![bytes[0], 1, 4];
            }
            _ => {}
        }
        altered.extend(copies.concat());
    }

    /// What leaves instead of these bytes.
    pub(crate) fn output(&mut self, link: LinkId, version: ProtocolVersion, bytes: &[u8]) -> Vec<u8> {
        let mut waiting = self.outputs.remove(&link).unwrap_or_default();
        waiting.extend_from_slice(bytes);
        let mut packets = Vec::new();
        while let Some(packet) = split_packet(&mut waiting) {
            self.alter_output(version, packet, &mut packets);
        }
        self.outputs.insert(link, waiting);
        let is_publish = |packet: &Vec<u8>| packet[0] >> 4 == PacketType::Publish as u8;
        if let Some(place) = packets.windows(2).position(|two| two.iter().all(is_publish))
            && self.strikes(Sabotage::SwapPublishesOut)
        {
            packets.swap(place, place + 1);
        }
        packets.concat()
    }

    fn alter_output(&mut self, version: ProtocolVersion, mut bytes: Vec<u8>, packets: &mut Vec<Vec<u8>>) {
        const DUP: u8 = 0b1000;
        const RETAIN: u8 = 0b0001;
        let mut copies = 1;
        match decode(version, &bytes) {
            Ok(Packet::Publish(publish)) => {
                let is_repeat = publish.delivery.dup();
                copies = self.times(&publish);
                let has_payload = !publish.payload.is_empty();
                if is_repeat && self.strikes(Sabotage::ClearDup) {
                    bytes[0] &= !DUP;
                }
                if self.strikes(Sabotage::FlipRetain) {
                    bytes[0] ^= RETAIN;
                }
                if has_payload && self.strikes(Sabotage::AlterPayload) {
                    let last = bytes.len() - 1;
                    bytes[last] ^= 1;
                }
            }
            Ok(Packet::PubAck(_)) if self.strikes(Sabotage::LosePubAck) => copies = 0,
            Ok(Packet::PubRel(_)) if self.strikes(Sabotage::LosePubRel) => copies = 0,
            Ok(Packet::ConnAck(_)) if self.strikes(Sabotage::FlipSessionPresent) => bytes[2] ^= 1,
            _ => {}
        }
        packets.extend(core::iter::repeat_n(bytes, copies));
    }

    fn times(&mut self, publish: &Publish<'_>) -> usize {
        match publish.delivery {
            Delivery::AtMostOnce if self.strikes(Sabotage::RepeatPublishOut) => 2,
            Delivery::AtLeastOnce { .. } | Delivery::ExactlyOnce { .. }
                if self.strikes(Sabotage::LosePublishOut) =>
            {
                0
            }
            _ => 1,
        }
    }
}
