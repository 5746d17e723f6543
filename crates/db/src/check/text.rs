//! The report for people.

use core::fmt::{self, Display};

use martlet_store::{CheckpointFound, Damage, Lost, TornTail};

use super::{Check, Contents};
use crate::line::time;
use crate::{ShardFound, Unreadable};

impl Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shards = count(self.shards.len() as u64, "shard");
        write!(f, "{}: {shards}", self.location.display())?;
        if self.created_at.as_millis() > 0 {
            write!(f, ", made {}", time(self.created_at))?;
        }
        writeln!(f)?;
        for (found, contents) in self.shards.iter().zip(&self.contents) {
            self.shard(f, found, contents)?;
        }
        for shard in &self.left_over {
            writeln!(f, "shard {shard}: left over, since the store has fewer shards. No broker reads it")?;
        }
        writeln!(f, "There are:")?;
        for (name, number) in self.contents().numbers() {
            writeln!(f, "{number:12} {name}")?;
        }
        if !self.set_aside.is_empty() {
            let bytes = self.set_aside.iter().map(|(_, bytes)| bytes).sum();
            writeln!(
                f,
                "Earlier starts have set {} aside, {}. No broker reads them; to be rid of them:\n  rm -r '{}/damaged'",
                count(self.set_aside.len() as u64, "file"),
                count(bytes, "byte"),
                self.location.display()
            )?;
        }
        writeln!(f, "{}", if self.is_sound() { "Sound" } else { "DAMAGED" })
    }
}

impl Check {
    fn shard(&self, f: &mut fmt::Formatter<'_>, found: &ShardFound, contents: &Contents) -> fmt::Result {
        let report = &found.report;
        writeln!(f, "shard {}: {}", found.shard, if found.is_sound() { "sound" } else { "DAMAGED" })?;
        writeln!(f, "  keeps       {contents}")?;
        if let Some(checkpoint) = &report.checkpoint {
            write_checkpoint(f, checkpoint)?;
        }
        if report.segments > 0 {
            writeln!(
                f,
                "  log         {}, {}; {} to be read at a start, {}",
                count(report.segments, "segment"),
                count(report.segment_bytes, "byte"),
                batches(report.entries),
                count(report.entry_bytes, "byte")
            )?;
        }
        if let Some(torn) = &report.torn {
            write_torn(f, torn)?;
        }
        for damage in &report.damage {
            write_damage(f, damage, self.copy_of(damage))?;
        }
        let unlisted = report.damage_count - report.damage.len() as u64;
        if unlisted > 0 {
            writeln!(f, "  damaged     {unlisted} more places")?;
        }
        found.unreadable.iter().try_for_each(|unreadable| write_unreadable(f, *unreadable))
    }
}

fn write_checkpoint(f: &mut fmt::Formatter<'_>, found: &CheckpointFound) -> fmt::Result {
    let CheckpointFound { file, replay_from, records, record_bytes } = found;
    let (parts, bytes) = (count(*records, "part"), count(*record_bytes, "byte"));
    writeln!(f, "  checkpoint  {file}: {parts}, {bytes}; all before batch {replay_from}")
}

fn write_torn(f: &mut fmt::Formatter<'_>, torn: &TornTail) -> fmt::Result {
    let TornTail { file, offset, bytes, .. } = torn;
    let bytes = count(*bytes, "byte");
    writeln!(
        f,
        "  torn        {file}: {bytes} from {offset} on, a write that a crash has cut short. Nobody was told that it is kept"
    )
}

fn write_damage(f: &mut fmt::Formatter<'_>, damage: &Damage, copy: Option<String>) -> fmt::Result {
    let Damage { file, offset, bytes, lost, .. } = damage;
    write!(f, "  damaged     {file}: ")?;
    if *bytes > 0 {
        write!(f, "{} from {offset} on; ", count(*bytes, "byte"))?;
    }
    match lost {
        Lost::Entries(range) if range.is_empty() => write!(f, "no batch is lost")?,
        Lost::Entries(range) => {
            let number = range.end.0 - range.start.0;
            write!(f, "{} lost, from {} on", batches(number), range.start)?;
        }
        Lost::Records(range) => {
            write!(f, "{} of the checkpoint lost", count(range.end.saturating_sub(range.start), "part"))?;
        }
        Lost::Unknown => write!(f, "nobody knows what was in it")?,
    }
    match copy {
        Some(copy) => writeln!(f, "; a copy is in {copy}"),
        None => writeln!(f),
    }
}

fn write_unreadable(f: &mut fmt::Formatter<'_>, unreadable: Unreadable) -> fmt::Result {
    let Unreadable { batch, cause } = unreadable;
    match batch {
        Some(batch) => writeln!(f, "  unreadable  batch {batch}: {cause}"),
        None => writeln!(f, "  unreadable  a part of the checkpoint: {cause}"),
    }
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn batches(number: u64) -> String {
    if number == 1 { "1 batch".to_owned() } else { format!("{number} batches") }
}
