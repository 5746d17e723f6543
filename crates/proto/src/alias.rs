//! Topic Aliases: small numbers that stand for Topic Names on one connection, in one direction [MQTT-3.3.2-7].

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use martlet_wire::TopicName;

use crate::error::PeerMisbehaved;

/// The aliases that the peer has set.
#[derive(Debug, Default)]
pub struct IncomingAliases {
    topics: BTreeMap<u16, Box<str>>,
}

impl IncomingAliases {
    /// Finds the Topic Name of a PUBLISH, and learns the alias where both are given.
    ///
    /// # Errors
    /// [`PeerMisbehaved::TopicAliasInvalid`] for 0 or above `maximum` [MQTT-3.3.2-8] [MQTT-3.3.2-9], and
    /// [`PeerMisbehaved::TopicAliasUnknown`] for an alias that was never set.
    pub fn resolve<'a>(
        &'a mut self,
        topic: Option<TopicName<'a>>,
        alias: Option<u16>,
        maximum: u16,
    ) -> Result<TopicName<'a>, PeerMisbehaved> {
        let Some(alias) = alias else {
            return topic.ok_or(PeerMisbehaved::TopicMissing);
        };
        if alias == 0 || alias > maximum {
            return Err(PeerMisbehaved::TopicAliasInvalid { alias, maximum });
        }
        if let Some(topic) = topic {
            self.topics.insert(alias, topic.as_str().into());
            return Ok(topic);
        }
        let known = self.topics.get(&alias).ok_or(PeerMisbehaved::TopicAliasUnknown { alias })?;
        TopicName::parse(known).map_err(|_| PeerMisbehaved::TopicAliasUnknown { alias })
    }
}

/// The aliases that this side has set. The first topics that come get one; they keep it while the connection lasts.
#[derive(Debug, Default)]
pub struct OutgoingAliases {
    aliases: BTreeMap<Box<str>, u16>,
    maximum: u16,
}

/// How a Topic Name travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutgoingTopic {
    /// In full, without an alias.
    Plain,
    /// In full, and the peer is to remember this alias for it.
    Introduce(u16),
    /// As a zero-length Topic Name with this alias.
    Alias(u16),
}

impl OutgoingAliases {
    /// No more than `maximum` aliases [MQTT-3.1.2-26]; 0 uses none [MQTT-3.1.2-27].
    pub const fn new(maximum: u16) -> Self {
        Self { aliases: BTreeMap::new(), maximum }
    }

    /// How many aliases may be used.
    pub const fn maximum(&self) -> u16 {
        self.maximum
    }

    /// Whether any alias may be used.
    pub const fn is_enabled(&self) -> bool {
        self.maximum > 0
    }

    /// Tells how `topic` is to be sent, without changing anything.
    pub fn plan(&self, topic: &str) -> OutgoingTopic {
        if let Some(&alias) = self.aliases.get(topic) {
            return OutgoingTopic::Alias(alias);
        }
        match u16::try_from(self.aliases.len()) {
            Ok(used) if used < self.maximum => OutgoingTopic::Introduce(used + 1),
            _ => OutgoingTopic::Plain,
        }
    }

    /// Whether an alias was introduced for this topic, and for no other since.
    pub fn stands_for(&self, alias: u16, topic: &str) -> bool {
        self.aliases.get(topic) == Some(&alias)
    }

    /// Remembers that an alias was introduced in a packet that is really sent.
    pub fn introduced(&mut self, topic: &str, alias: u16) {
        self.aliases.insert(topic.into(), alias);
    }

    /// The same for an alias that may have stood for another topic before.
    pub fn moved(&mut self, topic: &str, alias: u16) {
        self.aliases.retain(|_, other| *other != alias);
        self.introduced(topic, alias);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_set_replaced_and_bounded() {
        let mut aliases = IncomingAliases::default();
        let a = TopicName::parse("a").unwrap();
        let b = TopicName::parse("b").unwrap();
        assert_eq!(aliases.resolve(Some(a), Some(1), 2), Ok(a));
        assert_eq!(aliases.resolve(None, Some(1), 2), Ok(a));
        assert_eq!(aliases.resolve(Some(b), Some(1), 2), Ok(b));
        assert_eq!(aliases.resolve(None, Some(1), 2), Ok(b));
        assert_eq!(aliases.resolve(None, Some(2), 2), Err(PeerMisbehaved::TopicAliasUnknown { alias: 2 }));
        for alias in [0, 3] {
            assert_eq!(
                aliases.resolve(Some(a), Some(alias), 2),
                Err(PeerMisbehaved::TopicAliasInvalid { alias, maximum: 2 })
            );
        }
        assert_eq!(aliases.resolve(None, None, 2), Err(PeerMisbehaved::TopicMissing));
    }

    #[test]
    fn outgoing_aliases_stay_within_the_maximum() {
        let mut aliases = OutgoingAliases::new(1);
        assert_eq!(aliases.plan("a"), OutgoingTopic::Introduce(1));
        aliases.introduced("a", 1);
        assert_eq!(aliases.plan("a"), OutgoingTopic::Alias(1));
        assert_eq!(aliases.plan("b"), OutgoingTopic::Plain);
        assert_eq!(OutgoingAliases::new(0).plan("a"), OutgoingTopic::Plain);
    }
}
