//! What is not wrong, but should be said.

use core::fmt;

use super::problem::Place;
use super::unsupported::HINT_NOT_SENT;

/// Something about a line that should be said, although it is not wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line.
    pub at: Place,
    /// What there is to say.
    pub kind: NoteKind,
}

/// What there is to say about a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoteKind {
    /// The option belongs to a listener, and makes one on port 1883 since there is none above it.
    DefaultListener {
        /// The option.
        option: String,
    },
    /// The option is on its way out of Mosquitto.
    Deprecated {
        /// The option.
        option: String,
        /// What Mosquitto says.
        advice: &'static str,
    },
    /// The option did something in the past, and does nothing any more.
    Gone {
        /// The option.
        option: String,
    },
    /// Another value is taken, the nearest that is possible.
    Nearest {
        /// The option.
        option: String,
        /// The value taken.
        taken: i64,
        /// What Mosquitto says.
        theirs: &'static str,
    },
    /// What stands behind the value has no effect.
    Rest {
        /// The option.
        option: String,
    },
    /// The option has no effect.
    NoEffect {
        /// The option.
        option: String,
        /// Why.
        reason: &'static str,
    },
    /// The text of `psk_hint` is not sent to clients.
    HintNotSent,
    /// A second `port` takes the place of the first.
    PortAgain,
    /// `per_listener_settings` cannot be taken back.
    StaysPerListener,
    /// A bridge does not check whom it speaks to.
    BridgeInsecure {
        /// Its name.
        bridge: String,
    },
    /// A bridge has this topic already.
    TopicAgain {
        /// The topic.
        topic: String,
    },
    /// `message_size_limit`: `max_packet_size` does more.
    PacketSize,
    /// `allow_anonymous` of one listener: `listener_allow_anonymous` says it without `per_listener_settings`.
    ListenerAllowAnonymous,
    /// A file is included.
    Included {
        /// Its name.
        file: String,
    },
}

/// How much a note weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Someone should change something.
    Warning,
    /// Someone may want to know.
    Notice,
    /// It is so.
    Information,
}

impl NoteKind {
    /// How much it weighs.
    pub const fn weight(&self) -> Weight {
        match self {
            Self::Gone { .. }
            | Self::Rest { .. }
            | Self::NoEffect { .. }
            | Self::PortAgain
            | Self::StaysPerListener
            | Self::BridgeInsecure { .. } => Weight::Warning,
            Self::Deprecated { .. }
            | Self::Nearest { .. }
            | Self::PacketSize
            | Self::HintNotSent
            | Self::ListenerAllowAnonymous => Weight::Notice,
            Self::DefaultListener { .. } | Self::TopicAgain { .. } | Self::Included { .. } => {
                Weight::Information
            }
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.kind)
    }
}

impl fmt::Display for NoteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefaultListener { option } => {
                write!(f, "`{option}` has no `listener` above it, so it concerns the one on port 1883")
            }
            Self::Deprecated { option, .. } => write!(f, "`{option}` is on its way out of Mosquitto"),
            Self::Gone { option } => write!(f, "`{option}` has no effect any more"),
            Self::Nearest { option, taken, .. } => write!(f, "`{option}` is taken as {taken}"),
            Self::Rest { option } => write!(f, "what stands behind the value of `{option}` has no effect"),
            Self::NoEffect { option, reason } => write!(f, "`{option}` has no effect: {reason}"),
            Self::HintNotSent => write!(f, "`psk_hint`: {HINT_NOT_SENT}"),
            Self::PortAgain => write!(f, "this `port` takes the place of an earlier one"),
            Self::StaysPerListener => write!(f, "`per_listener_settings` cannot be taken back"),
            Self::BridgeInsecure { bridge } => {
                write!(f, "the bridge `{}` does not check whom it speaks to", bridge.escape_debug())
            }
            Self::TopicAgain { topic } => write!(f, "the bridge has `{}` already", topic.escape_debug()),
            Self::PacketSize => {
                write!(f, "`max_packet_size` does it better: it limits whole packets, and tells clients")
            }
            Self::ListenerAllowAnonymous => {
                write!(f, "`listener_allow_anonymous` says the same without `per_listener_settings`")
            }
            Self::Included { file } => write!(f, "{file} is read"),
        }
    }
}
