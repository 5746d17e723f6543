//! What is offered at one listener, where that differs from what is offered at all.

use martlet_proto::PeerMisbehaved;
use martlet_wire::{ProtocolVersion, QoS};

use crate::identity::UserNameSource;
use crate::limits::Config;

/// How the Client Identifiers begin that the engine assigns, unless a listener says otherwise.
const PREFIX_DEFAULT: &str = "auto-";

/// What is offered at one listener. Where it says nothing, [`Features`](crate::Features) and [`Limits`](crate::Limits) do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerRules {
    /// The versions that clients may not speak; they get CONNACK 0x84 or return code 1.
    pub refused_versions: Vec<ProtocolVersion>,
    /// Maximum QoS.
    pub maximum_qos: Option<QoS>,
    /// Topic Alias Maximum: aliases that a client may use towards the broker.
    pub topic_alias_maximum: Option<u16>,
    /// Aliases that the broker uses towards one client at most.
    pub topic_alias_maximum_outgoing: Option<u16>,
    /// Whether a zero-length Client Identifier is accepted, and one assigned.
    pub allow_zero_length_client_identifier: Option<bool>,
    /// How the Client Identifiers begin that are assigned.
    pub client_identifier_prefix: Option<String>,
    /// Where the user name of a client comes from.
    pub user_name: UserNameSource,
    /// Whether the user name takes the place of the Client Identifier; a client without one is turned away.
    pub user_name_is_client_identifier: bool,
    /// What all topics of its clients begin with, unknown to them.
    pub mount_point: Option<String>,
}

impl ListenerRules {
    /// These rules with what other ones say of who comes in, and under which Client Identifier. Clients that are connected were
    /// told of the rest.
    #[must_use]
    pub fn renewed(&self, new: &Self) -> Self {
        Self {
            refused_versions: new.refused_versions.clone(),
            allow_zero_length_client_identifier: new.allow_zero_length_client_identifier,
            client_identifier_prefix: new.client_identifier_prefix.clone(),
            ..self.clone()
        }
    }

    /// The rules of all listeners, renewed by those with the same numbers.
    pub(crate) fn all_renewed(old: &[Self], new: &[Self]) -> Vec<Self> {
        let renewed = |(number, rules): (usize, &Self)| match new.get(number) {
            Some(new) => rules.renewed(new),
            None => rules.clone(),
        };
        old.iter().enumerate().map(renewed).collect()
    }
}

impl Config {
    fn at(&self, listener: u16) -> Option<&ListenerRules> {
        self.listeners.get(usize::from(listener))
    }

    /// Whether a topic has no more levels than may be, where Mosquitto's answers are wanted: the end of the connection.
    ///
    /// # Errors
    /// [`PeerMisbehaved::TooManyTopicLevels`].
    pub(crate) fn check_levels(&self, topic: &str) -> Result<(), PeerMisbehaved> {
        let limit = self.limits.topic_levels_max;
        // A topic has not more levels than bytes, but for one, so most are not looked at.
        let has_too_many = self.features.mosquitto_behaviour
            && topic.len() >= limit
            && topic.bytes().filter(|byte| *byte == b'/').count() >= limit;
        if has_too_many { Err(PeerMisbehaved::TooManyTopicLevels { limit }) } else { Ok(()) }
    }

    /// In how many seconds a message expires that carries this Message Expiry Interval; for Mosquitto 0 is none.
    pub(crate) fn expiry_interval(&self, seconds: u32) -> Option<u32> {
        (seconds > 0 || !self.features.mosquitto_behaviour).then_some(seconds)
    }

    /// Whether clients may speak a version at a listener.
    pub(crate) fn accepts_version(&self, listener: u16, version: ProtocolVersion) -> bool {
        self.at(listener).is_none_or(|rules| !rules.refused_versions.contains(&version))
    }

    pub(crate) fn maximum_qos(&self, listener: u16) -> QoS {
        self.at(listener).and_then(|rules| rules.maximum_qos).unwrap_or(self.features.maximum_qos)
    }

    pub(crate) fn topic_alias_maximum(&self, listener: u16) -> u16 {
        let own = self.at(listener).and_then(|rules| rules.topic_alias_maximum);
        own.unwrap_or(self.limits.topic_alias_maximum)
    }

    pub(crate) fn topic_alias_maximum_outgoing(&self, listener: u16) -> u16 {
        let own = self.at(listener).and_then(|rules| rules.topic_alias_maximum_outgoing);
        own.unwrap_or(self.limits.topic_alias_maximum_outgoing)
    }

    pub(crate) fn allows_zero_length_client_identifier(&self, listener: u16) -> bool {
        let own = self.at(listener).and_then(|rules| rules.allow_zero_length_client_identifier);
        own.unwrap_or(self.features.allow_zero_length_client_identifier)
    }

    pub(crate) fn user_name_source(&self, listener: u16) -> UserNameSource {
        self.at(listener).map(|rules| rules.user_name).unwrap_or_default()
    }

    pub(crate) fn user_name_is_client_identifier(&self, listener: u16) -> bool {
        self.at(listener).is_some_and(|rules| rules.user_name_is_client_identifier)
    }

    /// What all topics of a listener's clients begin with; mostly nothing.
    pub(crate) fn mount_point(&self, listener: u16) -> &str {
        self.at(listener).and_then(|rules| rules.mount_point.as_deref()).unwrap_or_default()
    }

    pub(crate) fn client_identifier_prefix(&self, listener: u16) -> &str {
        let own = self.at(listener).and_then(|rules| rules.client_identifier_prefix.as_deref());
        own.unwrap_or(PREFIX_DEFAULT)
    }
}
