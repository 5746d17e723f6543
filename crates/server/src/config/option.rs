//! What the table knows of an option.

use core::fmt;
use std::path::PathBuf;

use martlet_engine::Config;

use super::problem::Problem;
use super::settings::{
    BridgeSettings, General, Keeping, ListenerSettings, LogSettings, PluginSettings, Process, Secret,
    Security,
};
use super::value::Value;

/// An option.
#[derive(Clone, Copy, Debug)]
pub struct ConfigOption {
    /// Its name. One that ends with `*` stands for all names that begin so.
    pub name: &'static str,
    /// Other names of the same option.
    pub aliases: &'static [&'static str],
    /// What it does, in a sentence without a full stop.
    pub help: &'static str,
    /// What it is without a line; empty if there is nothing to say.
    pub default: &'static str,
    /// Whether it has an effect.
    pub status: Status,
    /// When a changed value takes effect.
    pub reload: Reload,
    /// Mosquitto has it, too.
    pub is_mosquittos: bool,
    /// What Mosquitto says of an option that is on its way out.
    pub(super) deprecation: Option<&'static str>,
    /// Its value is never shown.
    pub(super) is_secret: bool,
    /// What Mosquitto's messages call its value, if not by its name.
    pub(super) called: Option<&'static str>,
    pub(super) scope: Scope,
}

/// Whether an option has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does what it says.
    Works,
    /// It has no effect and does no harm, for this reason.
    NoEffect(&'static str),
    /// What it asks for is not there yet: any other value than the default is an error.
    Waits(Feature),
}

/// What a broker can do, or will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is told in words by `Display`")]
pub enum Feature {
    Engines,
    LogTrace,
    MemoryLimit,
    Ocsp,
    Plugins,
    TlsPsk,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Engines => "OpenSSL engines",
            Self::LogTrace => "a log for Diagnostic Log and Trace",
            Self::MemoryLimit => "an allocator that counts memory",
            Self::Ocsp => "OCSP",
            Self::Plugins => "plugins but for some that come with Mosquitto",
            Self::TlsPsk => "TLS with pre-shared keys",
        })
    }
}

impl Feature {
    /// What to do instead, as the end of a sentence.
    pub const fn instead(self) -> &'static str {
        match self {
            Self::Engines => "keep the key in a file, and name that by `keyfile`",
            Self::LogTrace => "use `log_dest syslog` or `log_dest file`",
            Self::MemoryLimit => "let the program make `martlet_heap::Counted` its allocator",
            Self::Ocsp => "without it the certificate counts as long as `bridge_cafile` vouches for it",
            Self::Plugins => {
                "there are acl-file, dynamic-security, password-file and sparkplug-aware, with their own options"
            }
            Self::TlsPsk => "use a build with the feature `psk`, or certificates",
        }
    }
}

/// When a changed value takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// When the broker reads its configuration again, on SIGHUP.
    Live,
    /// When the broker is started again.
    Restart,
}

/// Where an option may stand, and what it sets there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope {
    General(Field<General>),
    Engine(Field<Config>),
    Keeping(Field<Keeping>),
    Logging(Field<LogSettings>),
    Process(Field<Process>),
    /// For all listeners, or with `per_listener_settings` for the one above it.
    Security(Field<Security>),
    Listener(Field<ListenerSettings>, Needs),
    /// Below a `connection`.
    Bridge(Field<BridgeSettings>),
    /// Below a plugin.
    Plugin(Field<PluginSettings>),
    /// More than a value of one place.
    Structure(Structure),
}

/// What has to stand above an option of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// A `listener`, `port` or `bind_address`.
    Listener,
    /// Nothing: without, it makes the default listener.
    Nothing,
    /// A `listener`.
    OwnListener,
}

/// Options that are more than a value of one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Structure {
    BindAddress,
    Connection,
    GlobalPlugin,
    IncludeFolder,
    Listener,
    PerListenerSettings,
    Plugin,
    PluginLoad,
    PluginOption,
    PluginUse,
    Port,
    /// What Mosquitto had once: any value will do.
    Gone,
}

/// What kind of value an option takes, and where that goes.
#[derive(Debug)]
pub(super) enum Field<T: 'static> {
    Flag(fn(&mut T) -> &mut bool),
    OptionalFlag(fn(&mut T) -> &mut Option<bool>),
    Number(Range, fn(&mut T, i64)),
    Choice(&'static [Word<T>]),
    Text(Again, fn(&mut T) -> &mut Option<String>),
    Path(Again, fn(&mut T) -> &mut Option<PathBuf>),
    Secret(fn(&mut T) -> &mut Option<Secret>),
    /// A text; each line adds one.
    Texts(fn(&mut T) -> &mut Vec<String>),
    /// What has a syntax of its own.
    Special(&'static str, fn(&mut T, &mut Value<'_>) -> Result<(), Problem>),
}

/// A word, and what it sets.
pub(super) type Word<T> = (&'static str, fn(&mut T));

// By hand, since a derived one would want `T: Clone`.
impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Field<T> {}

/// What a second line with the same text option means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It takes the place of the first one.
    Replaces,
    /// It is an error.
    IsAnError,
}

/// The numbers that an option takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) least: i64,
    pub(super) most: i64,
    /// What becomes of smaller ones.
    pub(super) below: Beyond,
    /// What becomes of larger ones.
    pub(super) above: Beyond,
}

/// What becomes of a number out of the range.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beyond {
    /// It is an error; Mosquitto says it so, with `{}` for the number. Empty for the usual words.
    Refuse(&'static str),
    /// The nearest one in the range is taken, without a word.
    Clamp,
    /// The nearest one is taken, and Mosquitto says so.
    ClampSaying(&'static str),
}

impl Range {
    /// Numbers from `least` to `most`; others are errors.
    pub(super) const fn new(least: i64, most: i64) -> Self {
        Self { least, most, below: Beyond::Refuse(""), above: Beyond::Refuse("") }
    }

    pub(super) const fn below(mut self, below: Beyond) -> Self {
        self.below = below;
        self
    }

    pub(super) const fn above(mut self, above: Beyond) -> Self {
        self.above = above;
        self
    }
}

impl ConfigOption {
    /// An option of Mosquitto.
    pub(super) const fn new(name: &'static str, scope: Scope, help: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            help,
            default: "",
            status: Status::Works,
            // Limits and features can change; exceptions say so.
            reload: if matches!(scope, Scope::Engine(_)) { Reload::Live } else { Reload::Restart },
            is_mosquittos: true,
            deprecation: None,
            is_secret: false,
            called: None,
            scope,
        }
    }

    /// An option of our own.
    pub(super) const fn own(name: &'static str, scope: Scope, help: &'static str) -> Self {
        let mut option = Self::new(name, scope, help);
        option.is_mosquittos = false;
        option
    }

    /// Whether Mosquitto had it once, and does nothing with it any more.
    pub(super) const fn is_gone(&self) -> bool {
        matches!(self.scope, Scope::Structure(Structure::Gone))
    }

    pub(super) const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    pub(super) const fn waits(mut self, feature: Feature) -> Self {
        self.status = Status::Waits(feature);
        self
    }

    pub(super) const fn no_effect(mut self, reason: &'static str) -> Self {
        self.status = Status::NoEffect(reason);
        self
    }

    pub(super) const fn live(mut self) -> Self {
        self.reload = Reload::Live;
        self
    }

    /// Counts from the next start on.
    pub(super) const fn restart(mut self) -> Self {
        self.reload = Reload::Restart;
        self
    }

    /// On its way out of Mosquitto, which gives this advice.
    pub(super) const fn deprecated(mut self, advice: &'static str) -> Self {
        self.deprecation = Some(advice);
        self
    }

    pub(super) const fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    pub(super) const fn called(mut self, called: &'static str) -> Self {
        self.called = Some(called);
        self
    }

    /// Whether the option has this name.
    pub(super) fn answers_to(&self, name: &str) -> bool {
        core::iter::once(&self.name).chain(self.aliases).any(|own| match own.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == *own,
        })
    }

    /// What its value is, for people.
    pub fn takes(&self) -> String {
        match &self.scope {
            Scope::General(field) => field.takes(),
            Scope::Engine(field) => field.takes(),
            Scope::Keeping(field) => field.takes(),
            Scope::Logging(field) => field.takes(),
            Scope::Process(field) => field.takes(),
            Scope::Security(field) => field.takes(),
            Scope::Listener(field, _) => field.takes(),
            Scope::Bridge(field) => field.takes(),
            Scope::Plugin(field) => field.takes(),
            Scope::Structure(structure) => structure.takes().into(),
        }
    }
}

impl<T> Field<T> {
    /// What the value is, for people.
    pub(super) fn takes(&self) -> String {
        match self {
            Self::Flag(_) | Self::OptionalFlag(_) => "`true` or `false`".into(),
            Self::Number(range, _) => range.to_string(),
            Self::Choice(words) => {
                let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
                either(&words)
            }
            Self::Text(..) | Self::Texts(_) | Self::Secret(_) => "a text".into(),
            Self::Path(..) => "a path".into(),
            Self::Special(takes, _) => (*takes).into(),
        }
    }
}

impl Structure {
    /// What the value is, for people.
    pub(super) const fn takes(self) -> &'static str {
        match self {
            Self::BindAddress => "an address or a name",
            Self::Connection => "a name",
            Self::GlobalPlugin | Self::Plugin => "the path of a library",
            Self::IncludeFolder => "the path of a folder",
            Self::Listener => {
                "a port and, if not all, the address to listen on; or 0 and the path of a Unix socket"
            }
            Self::PerListenerSettings => "`true` or `false`",
            Self::PluginLoad => "a name, and the path of a library",
            Self::PluginOption => "a text",
            Self::PluginUse => "a name that `plugin_load` gave",
            Self::Port => "a number from 1 to 65535",
            Self::Gone => "anything",
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.most == i64::MAX {
            write!(f, "a number from {}", self.least)
        } else {
            write!(f, "a number from {} to {}", self.least, self.most)
        }
    }
}

/// Words as a choice.
fn either(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
