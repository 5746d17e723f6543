//! Access rules: their kinds, and what holds where there is none.

/// What an access rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AclType {
    /// Publishing to topics that match a pattern.
    PublishClientSend,
    /// Receiving what was published to topics that match a pattern.
    PublishClientReceive,
    /// Subscribing to one Topic Filter.
    SubscribeLiteral,
    /// Subscribing to Topic Filters within a pattern.
    SubscribePattern,
    /// Unsubscribing from one Topic Filter.
    UnsubscribeLiteral,
    /// Unsubscribing from Topic Filters within a pattern.
    UnsubscribePattern,
}

impl AclType {
    /// All kinds, in the order in which they are listed and written.
    pub const ALL: [Self; 6] = [
        Self::PublishClientSend,
        Self::PublishClientReceive,
        Self::SubscribeLiteral,
        Self::SubscribePattern,
        Self::UnsubscribeLiteral,
        Self::UnsubscribePattern,
    ];

    /// The name in files and commands.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PublishClientSend => "publishClientSend",
            Self::PublishClientReceive => "publishClientReceive",
            Self::SubscribeLiteral => "subscribeLiteral",
            Self::SubscribePattern => "subscribePattern",
            Self::UnsubscribeLiteral => "unsubscribeLiteral",
            Self::UnsubscribePattern => "unsubscribePattern",
        }
    }

    /// The kind of this name, in whichever case.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// An access rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// What it is about.
    pub kind: AclType,
    /// A pattern with `+`, `#`, `%c` and `%u` as whole levels, or for the literal kinds the very Topic Filter.
    pub topic: String,
    /// From -100,000 to 100,000. Of the rules of one role and kind those of higher priority come first, then those that were
    /// given earlier.
    pub priority: i32,
    /// Whether it allows or denies.
    pub allow: bool,
}

/// What holds where no rule of any role does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent answers")]
pub struct DefaultAccess {
    /// Whether clients may publish.
    pub publish_client_send: bool,
    /// Whether clients receive what they subscribed to.
    pub publish_client_receive: bool,
    /// Whether clients may subscribe.
    pub subscribe: bool,
    /// Whether clients may unsubscribe.
    pub unsubscribe: bool,
}

impl DefaultAccess {
    /// The names in files and commands, and the values, in the order in which they are listed.
    pub(crate) const fn entries(self) -> [(&'static str, bool); 4] {
        [
            ("publishClientSend", self.publish_client_send),
            ("publishClientReceive", self.publish_client_receive),
            ("subscribe", self.subscribe),
            ("unsubscribe", self.unsubscribe),
        ]
    }

    /// The value of this name, in whichever case.
    pub(crate) fn named(&mut self, name: &[u8]) -> Option<&mut bool> {
        [
            ("publishClientSend", &mut self.publish_client_send),
            ("publishClientReceive", &mut self.publish_client_receive),
            ("subscribe", &mut self.subscribe),
            ("unsubscribe", &mut self.unsubscribe),
        ]
        .into_iter()
        .find_map(|(other, value)| other.as_bytes().eq_ignore_ascii_case(name).then_some(value))
    }
}
