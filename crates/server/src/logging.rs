//! The log: what goes into it, how its lines look, and where they go to.
//!
//! All of the process shares one log. Whoever has something to say uses the macros of [`tracing`]; the kind of a message
//! (`log_type` of the configuration) is its level, or one of the targets here where Mosquitto has a kind of its own.

mod line;
mod sinks;
mod syslog;
mod topics;

use core::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::config::{Destinations, Dialect, LogFormat, LogSettings, LogType, LogTypes};
use crate::publisher::{OwnMessage, Publisher};
pub use line::Stamp;
use line::Style;
use sinks::Sinks;

/// The target of what tells that clients come and go: `log_type notice`, and `connection_messages`.
pub const CONNECTIONS: &str = "connections";
/// The target of what is worth a notice: `log_type notice`.
pub const NOTICE: &str = "notice";
/// The target of subscriptions: `log_type subscribe`.
pub const SUBSCRIBE: &str = "subscribe";
/// The target of the ends of subscriptions: `log_type unsubscribe`.
pub const UNSUBSCRIBE: &str = "unsubscribe";
/// The target of what Mosquitto says for debugging, in its words: `log_type debug`.
pub const MOSQUITTO: &str = "mosquitto";
/// The target of information that Mosquitto does not give: in its format it is left out, as is all for debugging that is not
/// for [`MOSQUITTO`].
pub const OWN: &str = "martlet";

/// A log with all that its settings leave open decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlan {
    /// Where it goes to.
    pub destinations: Destinations,
    /// What goes into it.
    pub types: LogTypes,
    /// How its lines look.
    pub format: LogFormat,
    /// What they begin with.
    pub stamp: Stamp,
    /// The facility for the system's log.
    pub facility: Option<u8>,
    /// Whether clients that come and go are logged.
    pub connection_messages: bool,
    /// How the program is called, for the system's log.
    pub program: &'static str,
}

impl LogPlan {
    /// The log of a program that is called so. `types` are those of the command line, which override the settings.
    pub fn new(settings: &LogSettings, dialect: Dialect, types: Option<LogTypes>) -> Self {
        let (program, format) = match dialect {
            Dialect::Martlet => ("martlet", LogFormat::Text),
            Dialect::Mosquitto => ("mosquitto", LogFormat::Mosquitto),
        };
        let format = settings.format.unwrap_or(format);
        let stamp = match (&settings.timestamp_format, format) {
            _ if !settings.timestamp => Stamp::None,
            (Some(letters), _) => Stamp::Letters(letters.clone()),
            (None, LogFormat::Mosquitto) => Stamp::UnixSeconds,
            (None, LogFormat::Text | LogFormat::Json) => Stamp::Rfc3339,
        };
        Self {
            destinations: settings.destinations.clone().unwrap_or_else(Destinations::stderr),
            types: types.or(settings.types).unwrap_or_default(),
            format,
            stamp,
            facility: settings.facility,
            connection_messages: settings.connection_messages,
            program,
        }
    }
}

/// The log of this process.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    types: AtomicU16,
    connection_messages: AtomicBool,
    /// Whether nothing is said that Mosquitto would not say.
    is_mosquittos: AtomicBool,
    output: Mutex<Output>,
    /// What publishes the lines for `log_dest topic`, once there is a broker.
    publisher: RwLock<Option<Publisher>>,
}

struct Output {
    plan: LogPlan,
    style: Style,
    sinks: Sinks,
    /// The memory of the last line, used again.
    line: String,
}

impl Log {
    /// Starts the log of this process, or changes it if it has been started already.
    ///
    /// # Errors
    /// A file or the system's log cannot be opened.
    pub fn start(plan: LogPlan) -> io::Result<Self> {
        static LOG: OnceLock<Log> = OnceLock::new();
        if let Some(log) = LOG.get() {
            log.change(plan)?;
            return Ok(log.clone());
        }
        let shared = Arc::new(Shared {
            types: AtomicU16::new(plan.types.bits()),
            connection_messages: AtomicBool::new(plan.connection_messages),
            is_mosquittos: AtomicBool::new(plan.format == LogFormat::Mosquitto),
            output: Mutex::new(Output::open(plan)?),
            publisher: RwLock::default(),
        });
        let log = LOG.get_or_init(|| Self { shared });
        // An embedding program may have a log of its own.
        let _ = tracing::subscriber::set_global_default(Logger { shared: Arc::clone(&log.shared) });
        Ok(log.clone())
    }

    /// From here on this broker publishes the lines, if the plan says so. Lines that find no room are not published.
    pub fn publish_with(&self, publisher: Publisher) {
        *self.shared.publisher.write().unwrap_or_else(PoisonError::into_inner) = Some(publisher);
    }

    /// Changes what is logged, how, and where to; from the next message on. Files are opened anew, so that one that was
    /// moved away stays as it is.
    ///
    /// # Errors
    /// A file or the system's log cannot be opened; everything stays as it was.
    pub fn change(&self, plan: LogPlan) -> io::Result<()> {
        let output = Output::open(plan)?;
        self.shared.types.store(output.plan.types.bits(), Ordering::Relaxed);
        self.shared.connection_messages.store(output.plan.connection_messages, Ordering::Relaxed);
        let is_mosquittos = output.plan.format == LogFormat::Mosquitto;
        self.shared.is_mosquittos.store(is_mosquittos, Ordering::Relaxed);
        *self.shared.output.lock().unwrap_or_else(PoisonError::into_inner) = output;
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }
}

impl core::fmt::Debug for Log {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

impl Output {
    fn open(plan: LogPlan) -> io::Result<Self> {
        let sinks = Sinks::open(&plan)?;
        let style = Style { format: plan.format, colours: sinks.wants_colours() };
        Ok(Self { plan, style, sinks, line: String::new() })
    }

    /// Writes a line, and gives it back if it is to be published.
    fn write(&mut self, event: &Event<'_>, kind: LogType) -> Option<OwnMessage> {
        self.line.clear();
        self.plan.stamp.begin(self.style, &mut self.line);
        line::write(event, kind, self.style, &mut self.line);
        let published = self.plan.destinations.topic.then(|| topics::message(kind, &self.line)).flatten();
        self.sinks.write(&mut self.line, kind);
        published
    }
}

/// What hands the messages of the whole process to the log.
struct Logger {
    shared: Arc<Shared>,
}

impl Subscriber for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let types = LogTypes::from_bits(self.shared.types.load(Ordering::Relaxed));
        let is_wanted =
            metadata.target() != CONNECTIONS || self.shared.connection_messages.load(Ordering::Relaxed);
        let is_wanted = is_wanted && !(is_own(metadata) && self.shared.is_mosquittos.load(Ordering::Relaxed));
        is_wanted && types.has(kind(metadata))
    }

    fn event(&self, event: &Event<'_>) {
        let mut output = self.shared.output.lock().unwrap_or_else(PoisonError::into_inner);
        let published = output.write(event, kind(event.metadata()));
        drop(output); // publishing may have something to say, too
        if let Some(message) = published
            && let Some(publisher) = &*self.shared.publisher.read().unwrap_or_else(PoisonError::into_inner)
        {
            // There is no room for it, which a line in the log would not make better.
            let _ = publisher.publish(vec![message]);
        }
    }

    // Nothing here uses spans.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Whether a message is none of Mosquitto's, and nothing that an operator has to know.
fn is_own(metadata: &Metadata<'_>) -> bool {
    let is_detail = matches!(kind(metadata), LogType::Debug | LogType::Internal);
    metadata.target() == OWN || (is_detail && metadata.target() != MOSQUITTO)
}

/// The kind of a message.
fn kind(metadata: &Metadata<'_>) -> LogType {
    match (metadata.target(), *metadata.level()) {
        (CONNECTIONS | NOTICE, _) => LogType::Notice,
        (SUBSCRIBE, _) => LogType::Subscribe,
        (UNSUBSCRIBE, _) => LogType::Unsubscribe,
        (_, Level::ERROR) => LogType::Error,
        (_, Level::WARN) => LogType::Warning,
        (_, Level::INFO) => LogType::Information,
        (_, Level::DEBUG) => LogType::Debug,
        (_, Level::TRACE) => LogType::Internal,
    }
}

#[cfg(test)]
mod tests;
