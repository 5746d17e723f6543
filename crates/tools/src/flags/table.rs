//! The table of flags.

mod rows;

use crate::program::Hint;

pub use rows::FLAGS;

/// A program with arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tool {
    /// `mosquitto_pub`
    Publish,
    /// `mosquitto_sub`
    Subscribe,
    /// `mosquitto_rr`
    Request,
    /// `mosquitto_ctrl`
    Control,
    /// `martlet play`
    Play,
    /// `martlet test`
    Probe,
}

/// Some of the tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolSet(u8);

/// One flag.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// Which one.
    pub id: FlagId,
    /// The name with one dash, or empty.
    pub short: &'static str,
    /// The name with two dashes, or empty.
    pub long: &'static str,
    /// Who takes it.
    pub tools: ToolSet,
    /// What follows it.
    pub value: ValueKind,
    /// What it does, in lines of any length.
    pub help: &'static str,
}

/// What follows a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Nothing.
    None,
    /// One argument.
    One {
        /// What `--help` calls it.
        name: &'static str,
        /// How the message about its absence ends.
        missing: &'static str,
        /// What a shell can offer for it.
        hint: Hint,
    },
    /// A packet, a property's name and one or two values.
    Property,
}

/// The meaning of a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table explains each")]
pub enum FlagId {
    Bind,
    CaFile,
    CaPath,
    Certificate,
    Ciphers,
    Count,
    CleanSessionOff,
    Debug,
    Property,
    ResponseTopic,
    ExitAfterSubscribe,
    File,
    DataFile,
    Format,
    Help,
    Host,
    Insecure,
    ClientId,
    ClientIdPrefix,
    KeepAlive,
    Key,
    KeyForm,
    Url,
    StdinLines,
    Latency,
    Message,
    InFlight,
    MessageRate,
    NoDelay,
    NoTls,
    NullMessage,
    NoNewline,
    OptionsFile,
    Port,
    Pretty,
    Password,
    Proxy,
    Psk,
    PskIdentity,
    Qos,
    Quiet,
    Retain,
    HideRetained,
    RandomFilter,
    Record,
    RemoveRetained,
    Repeat,
    RepeatDelay,
    RetainAsPublished,
    RetainHandling,
    RetainedOnly,
    StdinFile,
    Topic,
    FilterOut,
    TlsAlpn,
    TlsEngine,
    TlsEngineKeyPass,
    TlsOsCertificates,
    TlsVersion,
    TlsKeyLog,
    Unsubscribe,
    Username,
    Unix,
    ProtocolVersion,
    Verbose,
    Version,
    Timeout,
    Watch,
    WillPayload,
    WillQos,
    WillRetain,
    WillTopic,
    WebSocket,
    SessionExpiry,
    Speed,
    SkipDamaged,
    TestTopic,
    Json,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Self; 6] =
        [Self::Publish, Self::Subscribe, Self::Request, Self::Control, Self::Play, Self::Probe];

    /// The program's name.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Publish => "mosquitto_pub",
            Self::Subscribe => "mosquitto_sub",
            Self::Request => "mosquitto_rr",
            Self::Control => "mosquitto_ctrl",
            Self::Play => "martlet play",
            Self::Probe => "martlet test",
        }
    }

    /// The name of its options file.
    pub const fn options_file(self) -> &'static str {
        match self {
            Self::Play => "martlet_play",
            Self::Probe => "martlet_test",
            _ => self.program(),
        }
    }

    /// Whether it takes one argument that is no flag and no value of one.
    pub(super) const fn takes_operand(self) -> bool {
        matches!(self, Self::Play | Self::Probe)
    }
}

impl ToolSet {
    /// Whether a tool is among them.
    pub const fn contains(self, tool: Tool) -> bool {
        self.0 & (1 << tool as u8) != 0
    }

    const fn of(tools: &[Tool]) -> Self {
        let mut bits = 0;
        let mut next = 0;
        while next < tools.len() {
            bits |= 1 << tools[next] as u8;
            next += 1;
        }
        Self(bits)
    }
}

impl Flag {
    /// The name that messages use.
    pub fn shown(&self) -> &'static str {
        if self.short.is_empty() || self.id == FlagId::ProtocolVersion { self.long } else { self.short }
    }

    /// Its names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        [self.short, self.long].into_iter().filter(|name| !name.is_empty())
    }
}

/// The flags that a tool takes, in the table's order.
pub fn flags_of(tool: Tool) -> impl Iterator<Item = &'static Flag> {
    FLAGS.iter().filter(move |flag| flag.tools.contains(tool))
}

/// The flag of this name, if the tool takes it.
pub(super) fn find(tool: Tool, name: &str) -> Option<&'static Flag> {
    if name.is_empty() {
        return None;
    }
    flags_of(tool).find(|flag| flag.short == name || flag.long == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tool_has_two_flags_of_one_name() {
        for tool in Tool::ALL {
            let mut names: Vec<_> = flags_of(tool).flat_map(Flag::names).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{tool:?}");
        }
    }

    #[test]
    fn every_flag_has_a_name_and_a_help() {
        for flag in FLAGS {
            assert!(flag.names().count() > 0 && flag.help.ends_with('.'), "{:?}", flag.id);
        }
    }
}
