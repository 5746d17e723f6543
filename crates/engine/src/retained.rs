//! Retained messages, and finding those that a Topic Filter matches.
//!
//! They stand in one ordered map whose keys are Topic Names with `/` replaced by the character that no Topic Name has,
//! U+0000, so that the order of keys is the order of levels. A filter with wildcards jumps from one candidate to the
//! next, and can go on later from where it stopped: a client with a slow connection is never owed more than a key.

use core::ops::Bound;
use std::collections::BTreeMap;
use std::sync::Arc;

use martlet_proto::Instant;

use crate::message::Message;
use crate::records::{Stamp, next_order};

/// All retained messages of a node.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    messages: BTreeMap<Box<str>, (Stamp, Arc<Message>)>,
    bytes: usize,
    /// How many of them expire at some time.
    expiring: usize,
    /// Topics whose message was deleted, as long as the log of some shard may still have it.
    cleared: BTreeMap<Box<str>, Stamp>,
    keeps_cleared: bool,
    last_order: u64,
}

/// A retained message with its key and stamp.
pub(crate) type RetainedRow = (Box<str>, Stamp, Arc<Message>);

/// Where a walk over the retained messages stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor(Option<Box<str>>);

impl Cursor {
    /// The cursor that stands at a key.
    pub(crate) fn at(key: &str) -> Self {
        Self(Some(key.into()))
    }

    /// The key at which it stands; `None` before the first.
    pub(crate) fn key(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

const SEPARATOR: char = '\0';

impl Retained {
    /// The stamp of the next thing that is done: later than all before, also after a restart that lost some of them.
    pub(crate) fn next_stamp(&mut self, now: Instant, shard: u16) -> Stamp {
        self.last_order = next_order(self.last_order, now);
        Stamp { order: self.last_order, shard }
    }

    /// A stamp of an earlier life.
    pub(crate) fn note_stamp(&mut self, stamp: Stamp) {
        self.last_order = self.last_order.max(stamp.order);
    }

    /// From here on the topics are kept whose message was deleted.
    pub(crate) fn keep_cleared(&mut self) {
        self.keeps_cleared = true;
    }

    /// Keeps a message as the retained one of its topic [MQTT-3.3.1-5], unless something later was done with the topic.
    pub(crate) fn set(&mut self, stamp: Stamp, message: &Arc<Message>) {
        let key = key(&message.topic);
        if self.is_outdated(&key, stamp) {
            return;
        }
        self.cleared.remove(&key);
        self.bytes += message.size();
        self.expiring += usize::from(message.expires_at.is_some());
        let old = self.messages.insert(key, (stamp, Arc::clone(message)));
        self.count_out(old.map(|(_, old)| old).as_deref());
    }

    /// Deletes the retained message of a topic [MQTT-3.3.1-6], unless something later was done with the topic.
    pub(crate) fn clear(&mut self, stamp: Stamp, topic: &str) {
        let key = key(topic);
        if self.is_outdated(&key, stamp) {
            return;
        }
        let old = self.messages.remove(&key);
        self.count_out(old.map(|(_, old)| old).as_deref());
        if self.keeps_cleared {
            self.cleared.insert(key, stamp);
        }
    }

    fn is_outdated(&self, key: &str, stamp: Stamp) -> bool {
        self.messages.get(key).is_some_and(|(there, _)| *there > stamp)
            || self.cleared.get(key).is_some_and(|there| *there > stamp)
    }

    /// How many topics are kept whose message was deleted.
    pub(crate) fn cleared_len(&self) -> usize {
        self.cleared.len()
    }

    /// Forgets the topics whose message was deleted before this order: no log has it.
    pub(crate) fn forget_cleared(&mut self, before: u64) {
        self.cleared.retain(|_, stamp| stamp.order >= before);
    }

    /// Up to `limit` messages behind a key, with their keys and stamps.
    pub(crate) fn page(&self, after: Option<&str>, limit: usize) -> Vec<RetainedRow> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = self.messages.range::<str, _>((from, Bound::Unbounded)).take(limit);
        page.map(|(key, (stamp, message))| (key.clone(), *stamp, Arc::clone(message))).collect()
    }

    /// Up to `limit` topics behind a key whose message was deleted, with their keys and stamps.
    pub(crate) fn cleared_page(&self, after: Option<&str>, limit: usize) -> Vec<(Box<str>, Stamp)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page = self.cleared.range::<str, _>((from, Bound::Unbounded)).take(limit);
        page.map(|(key, stamp)| (key.clone(), *stamp)).collect()
    }

    fn count_out(&mut self, gone: Option<&Message>) {
        self.bytes -= gone.map_or(0, Message::size);
        self.expiring -= usize::from(gone.is_some_and(|gone| gone.expires_at.is_some()));
    }

    /// Whether any of them expires at some time.
    pub(crate) fn has_expiring(&self) -> bool {
        self.expiring > 0
    }

    /// The retained message of a topic.
    pub(crate) fn get(&self, topic: &str) -> Option<&Arc<Message>> {
        self.messages.get(&key(topic)).map(|(_, message)| message)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Their bytes: topics, properties and payloads.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes up to `limit` messages that expired before `now` out [s3.3.1.3], looking at `steps` messages from the
    /// cursor on.
    pub(crate) fn sweep(&mut self, cursor: &mut Cursor, now: Instant, steps: usize) {
        let from = cursor.0.take().map_or(Bound::Unbounded, Bound::Excluded);
        let mut expired = Vec::new();
        let mut last = None;
        for (key, (_, message)) in
            self.messages.range::<str, _>((as_str(&from), Bound::Unbounded)).take(steps)
        {
            if message.is_expired(now) {
                expired.push(key.clone());
            }
            last = Some(key.clone());
        }
        for key in expired {
            let gone = self.messages.remove(&key);
            self.count_out(gone.map(|(_, gone)| gone).as_deref());
        }
        cursor.0 = last;
    }

    /// The first message behind `cursor` that `filter` matches, and moves the cursor onto it. `None` at the end.
    pub(crate) fn next(&self, filter: &str, cursor: &mut Cursor) -> Option<Arc<Message>> {
        let levels: Vec<&str> = filter.split('/').collect();
        let mut from = cursor.0.take().map_or(Bound::Unbounded, Bound::Excluded);
        loop {
            let (key, (_, message)) =
                self.messages.range::<str, _>((as_str(&from), Bound::Unbounded)).next()?;
            match step(key, &levels) {
                Step::Match => {
                    cursor.0 = Some(key.clone());
                    return Some(Arc::clone(message));
                }
                Step::Seek(next) => from = Bound::Included(next.into()),
                Step::End => return None,
            }
        }
    }
}

enum Step {
    Match,
    /// No key before this one matches.
    Seek(String),
    End,
}

/// Compares a key with a filter: does it match, or from which key on could one?
fn step(key: &str, filter: &[&str]) -> Step {
    let levels: Vec<&str> = key.split(SEPARATOR).collect();
    let hidden = levels[0].starts_with('$');
    for (place, wanted) in filter.iter().enumerate() {
        let is_wildcard = matches!(*wanted, "+" | "#");
        if place == 0 && is_wildcard && hidden {
            // Behind all topics that begin with `$`.
            return Step::Seek("%".to_owned());
        }
        if *wanted == "#" {
            return Step::Match;
        }
        let Some(level) = levels.get(place) else {
            // The key ends where the filter goes on. `a/#` matches `a`, and was seen above unless it is next.
            return if filter[place..] == ["#"] {
                Step::Match
            } else {
                Step::Seek(first_below(&levels, filter, place))
            };
        };
        if is_wildcard || level == wanted {
            continue;
        }
        if *level < *wanted {
            return Step::Seek(join(&levels[..place], wanted));
        }
        return behind(&levels, filter, place);
    }
    if levels.len() == filter.len() {
        Step::Match
    } else {
        // The key goes deeper than the filter: go on behind all that is as deep.
        behind(&levels, filter, filter.len())
    }
}

/// The first key below `levels` that could match: the literal levels of the filter that follow.
fn first_below(levels: &[&str], filter: &[&str], place: usize) -> String {
    let literal = filter[place];
    if matches!(literal, "+" | "#") { join(levels, "") } else { join(levels, literal) }
}

/// No more key with these first `place` levels matches: go to the next value of the last wildcard among them.
fn behind(levels: &[&str], filter: &[&str], place: usize) -> Step {
    match filter[..place].iter().rposition(|level| *level == "+") {
        Some(wildcard) => {
            let mut next = join(&levels[..wildcard], levels[wildcard]);
            next.push('\u{1}'); // behind `x`, `x/...`, before any other value
            Step::Seek(next)
        }
        None => Step::End,
    }
}

fn join(levels: &[&str], last: &str) -> String {
    let mut key = String::new();
    for level in levels {
        key.push_str(level);
        key.push(SEPARATOR);
    }
    key.push_str(last);
    key
}

/// The key of a topic.
pub(crate) fn key(topic: &str) -> Box<str> {
    topic.replace('/', "\0").into_boxed_str()
}

/// The topic of a key.
pub(crate) fn topic_of(key: &str) -> String {
    key.replace(SEPARATOR, "/")
}

fn as_str(bound: &Bound<Box<str>>) -> Bound<&str> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

#[cfg(test)]
mod tests;
