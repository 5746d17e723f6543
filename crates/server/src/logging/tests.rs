use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::config::LogFormat::{Json, Mosquitto, Text};

/// A log file that is gone when the test is over.
struct LogFile(PathBuf);

impl LogFile {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("martlet-log-{}-{name}", std::process::id())))
    }

    fn plan(&self, format: LogFormat) -> LogPlan {
        let settings = LogSettings {
            destinations: Some(Destinations { file: Some(self.0.clone()), ..Destinations::default() }),
            format: Some(format),
            timestamp: false,
            ..LogSettings::default()
        };
        LogPlan::new(&settings, Dialect::Martlet, None)
    }

    fn lines(&self) -> Vec<String> {
        std::fs::read_to_string(&self.0).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Says something while a log of its own listens: this thread's, so that tests do not meet.
fn said(plan: LogPlan, say: impl FnOnce(&Log)) {
    let shared = Arc::new(Shared {
        types: AtomicU16::new(plan.types.bits()),
        connection_messages: AtomicBool::new(plan.connection_messages),
        is_mosquittos: AtomicBool::new(plan.format == Mosquitto),
        output: Mutex::new(Output::open(plan).unwrap()),
        publisher: RwLock::default(),
    });
    let log = Log { shared: Arc::clone(&shared) };
    tracing::subscriber::with_default(Logger { shared }, || say(&log));
}

fn say_things(_: &Log) {
    tracing::warn!(client = "a\u{1b}\"b", count = 3, peer = %"127.0.0.1:1", "the queue is full");
    tracing::info!(target: CONNECTIONS, "New client connected");
    tracing::debug!("not wanted");
}

#[test]
fn lines_in_each_format() {
    let table: &[(LogFormat, &[&str])] = &[
        (
            Text,
            &[
                r#"WARNING the queue is full client="a\u{1b}\"b" count=3 peer=127.0.0.1:1"#,
                " NOTICE New client connected",
            ],
        ),
        (
            Mosquitto,
            &[r#"the queue is full client="a\u{1b}\"b" count=3 peer=127.0.0.1:1"#, "New client connected"],
        ),
        (
            Json,
            &[
                r#"{"level":"warning","message":"the queue is full","client":"a\u001b\"b","count":3,"peer":"127.0.0.1:1"}"#,
                r#"{"level":"notice","message":"New client connected"}"#,
            ],
        ),
    ];
    for (format, expected) in table {
        let file = LogFile::new(&format!("{format:?}"));
        said(file.plan(*format), say_things);
        let lines: Vec<String> =
            file.lines().iter().map(|line| line.trim_start_matches("  ").to_owned()).collect();
        assert_eq!(lines, *expected);
    }
}

#[test]
fn a_line_begins_with_the_time() {
    let file = LogFile::new("time");
    let stamped = |stamp: Stamp| {
        let plan = LogPlan { stamp, ..file.plan(Mosquitto) };
        said(plan, |_| tracing::info!("hello"));
        file.lines().pop().unwrap()
    };
    let line = stamped(Stamp::UnixSeconds);
    let (seconds, rest) = line.split_once(": ").unwrap();
    assert!(seconds.parse::<u64>().unwrap() > 1_700_000_000 && rest == "hello", "{line}");
    assert!(stamped(Stamp::Letters("%Y".into())).starts_with("20"));
    let (date, time) = ("Wed Nov 25 ".len(), "22:18:00 2026".len());
    let line = stamped(Stamp::Letters("%c".into()));
    assert_eq!(line.find(": hello"), Some(date + time), "{line}");
    assert_eq!(stamped(Stamp::None), "hello");
}

#[test]
fn kinds_can_be_chosen_and_changed() {
    let file = LogFile::new("kinds");
    let plan = |types| LogPlan { types, ..file.plan(Mosquitto) };
    let say = || {
        tracing::error!("error");
        tracing::info!("information");
        tracing::info!(target: NOTICE, "notice");
        tracing::info!(target: SUBSCRIBE, "subscribe");
        tracing::debug!("ours");
        tracing::debug!(target: MOSQUITTO, "debug");
        tracing::trace!("ours");
    };
    said(plan(LogTypes::of(LogType::Subscribe)), |log| {
        say();
        assert_eq!(file.lines(), ["subscribe"]);
        log.change(plan(LogTypes::of(LogType::Error) | LogTypes::of(LogType::Notice))).unwrap();
        say();
        assert_eq!(file.lines()[1..], ["error", "notice"]);
        log.change(LogPlan { types: LogTypes::ALL, connection_messages: false, ..file.plan(Mosquitto) })
            .unwrap();
        tracing::info!(target: CONNECTIONS, "nobody wants to know");
        say();
        assert_eq!(file.lines()[3..], ["error", "information", "notice", "subscribe", "debug"]);
    });
}

#[test]
fn in_the_format_of_mosquitto_there_is_nothing_that_it_would_not_say() {
    let say = |_: &Log| {
        tracing::trace!(bytes = 4, "sent");
        tracing::debug!(shard = 0, "recovered");
        tracing::info!(target: OWN, "shutting down");
        tracing::debug!(target: MOSQUITTO, "Received PINGREQ from c");
        tracing::warn!("an operator has to know");
    };
    for (format, count) in [(Mosquitto, 2), (Text, 5), (Json, 5)] {
        let file = LogFile::new(&format!("own-{format:?}"));
        said(LogPlan { types: LogTypes::ALL, ..file.plan(format) }, say);
        assert_eq!(file.lines().len(), count, "{format:?}");
    }
}

#[test]
fn a_file_that_was_moved_away_stays_as_it_is() {
    let (file, moved) = (LogFile::new("moved-from"), LogFile::new("moved-to"));
    said(file.plan(Mosquitto), |log| {
        tracing::info!("before");
        std::fs::rename(&file.0, &moved.0).unwrap();
        log.change(file.plan(Mosquitto)).unwrap();
        tracing::info!("after");
    });
    assert_eq!(moved.lines(), ["before"]);
    assert_eq!(file.lines(), ["after"]);
    assert_eq!(std::fs::metadata(&file.0).unwrap().permissions().mode() & 0o077, 0);
}

#[test]
fn a_place_that_cannot_be_opened_is_an_error_and_changes_nothing() {
    let file = LogFile::new("good");
    said(file.plan(Mosquitto), |log| {
        let nowhere = Destinations { file: Some("/nonexistent/log".into()), ..Destinations::default() };
        let error = log.change(LogPlan { destinations: nowhere, ..file.plan(Mosquitto) }).unwrap_err();
        assert!(
            error.to_string().starts_with("Unable to open log file /nonexistent/log for writing: "),
            "{error}"
        );
        tracing::info!("still here");
    });
    assert_eq!(file.lines(), ["still here"]);
}

#[test]
fn the_dialect_decides_what_is_left_open() {
    let settings = LogSettings::default();
    let ours = LogPlan::new(&settings, Dialect::Martlet, None);
    assert_eq!((ours.format, &ours.stamp), (Text, &Stamp::Rfc3339));
    let theirs = LogPlan::new(&settings, Dialect::Mosquitto, Some(LogTypes::ALL));
    assert_eq!((theirs.format, &theirs.stamp), (Mosquitto, &Stamp::UnixSeconds));
    assert_eq!((theirs.types, theirs.program), (LogTypes::ALL, "mosquitto"));
    assert_eq!(theirs.destinations, Destinations::stderr());
}
