//! Is everything there that was ever confirmed, and what is it?

mod json;
mod text;

use std::path::{Path, PathBuf};

use martlet_engine::Instant;
use martlet_engine::kept::{Kept, KeptSession};
use martlet_store::Damage;

use crate::load::Open;
use crate::{DbError, ShardFound};

/// What a look at a store has found.
#[derive(Clone, Debug)]
pub struct Check {
    location: PathBuf,
    created_at: Instant,
    shards: Vec<ShardFound>,
    /// What each of them keeps.
    contents: Vec<Contents>,
    /// Folders of shards that the broker does not read.
    left_over: Vec<u16>,
    /// What earlier starts have set aside: files and their bytes.
    set_aside: Vec<(String, u64)>,
}

/// How much a shard keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Sessions.
    pub sessions: u64,
    /// Their subscriptions, shared ones included.
    pub subscriptions: u64,
    /// Messages that wait to be sent.
    pub queued: u64,
    /// Messages that were sent and are not finished.
    pub in_flight: u64,
    /// QoS 2 messages from clients whose PUBREL has not come.
    pub incoming: u64,
    /// Retained messages.
    pub retained: u64,
    /// Wills that were not published.
    pub wills: u64,
    /// Messages that another shard has to take over.
    pub owed: u64,
}

/// Looks at the store in a folder and changes nothing.
///
/// # Errors
/// See [`DbError`]. Damage is none, it is what this finds.
pub fn check(location: &Path) -> Result<Check, DbError> {
    let open = Open::at(location)?;
    let (engines, shards) = open.restore()?;
    let contents = engines.iter().map(|engine| engine.kept().collect()).collect();
    Ok(Check {
        location: open.location().to_owned(),
        created_at: open.created_at(),
        left_over: open.left_over(),
        set_aside: open.set_aside()?,
        shards,
        contents,
    })
}

impl Check {
    /// Whether all that was ever confirmed is there and can be read.
    pub fn is_sound(&self) -> bool {
        self.shards.iter().all(ShardFound::is_sound)
    }

    /// The shards, in their order.
    pub fn shards(&self) -> &[ShardFound] {
        &self.shards
    }

    /// How much is there, of all shards together.
    pub fn contents(&self) -> Contents {
        self.contents.iter().copied().sum()
    }

    /// Where a copy of damaged bytes is, if an earlier start has made one.
    fn copy_of(&self, damage: &Damage) -> Option<String> {
        let copy = format!("damaged/{}-at-{}", damage.file.replace('/', "-"), damage.offset);
        self.set_aside.iter().any(|(aside, _)| *aside == copy).then_some(copy)
    }
}

impl Contents {
    fn add(&mut self, kept: &Kept) {
        match kept {
            Kept::Session(session) => self.add_session(session),
            Kept::Will(_) => self.wills += 1,
            Kept::Retained(_) => self.retained += 1,
            Kept::Owed(_) => self.owed += 1,
        }
    }

    fn add_session(&mut self, session: &KeptSession) {
        self.sessions += 1;
        self.subscriptions += session.subscriptions.len() as u64;
        self.queued += session.queued.len() as u64;
        self.in_flight += session.in_flight.len() as u64;
        self.incoming += session.incoming.len() as u64;
    }

    /// Each number with its name for people.
    const fn numbers(&self) -> [(&'static str, u64); 8] {
        [
            ("Sessions", self.sessions),
            ("subscriptions", self.subscriptions),
            ("queued messages", self.queued),
            ("messages in flight", self.in_flight),
            ("QoS 2 messages from clients that await PUBREL", self.incoming),
            ("retained messages", self.retained),
            ("Wills", self.wills),
            ("messages owed to another shard", self.owed),
        ]
    }
}

impl core::fmt::Display for Contents {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let there = self.numbers().into_iter().filter(|(_, number)| *number > 0);
        let there: Vec<_> = there.map(|(name, number)| format!("{name} {number}")).collect();
        if there.is_empty() { f.write_str("nothing") } else { f.write_str(&there.join(", ")) }
    }
}

impl FromIterator<Kept> for Contents {
    fn from_iter<I: IntoIterator<Item = Kept>>(all: I) -> Self {
        let mut contents = Self::default();
        all.into_iter().for_each(|kept| contents.add(&kept));
        contents
    }
}

impl core::iter::Sum for Contents {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            sessions: a.sessions + b.sessions,
            subscriptions: a.subscriptions + b.subscriptions,
            queued: a.queued + b.queued,
            in_flight: a.in_flight + b.in_flight,
            incoming: a.incoming + b.incoming,
            retained: a.retained + b.retained,
            wills: a.wills + b.wills,
            owed: a.owed + b.owed,
        })
    }
}
