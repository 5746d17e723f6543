//! `martlet play FILE`: publishes the messages of a record, in their order and at their pace.

mod pace;

use core::fmt::{self, Display};
use core::time::Duration;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use martlet_client::blocking::{Client, Completion};
use martlet_client::{PublishError, Reconnect};
use martlet_tools::flags::{self, Environment, PlayOptions, Request, Tool};
use martlet_tools::payload::reason;
use martlet_tools::property::PropertyId;
use martlet_tools::record::{Reader, RecordErrorKind, RecordedMessage};

use crate::{EXIT_RUNTIME, connect, say};
use pace::Pace;

const TOOL: Tool = Tool::Play;
/// How many messages may be on their way at once.
const UNFINISHED_MAX: usize = 1_000;
/// After so many attempts in a row that fail, about a minute, a lost broker is given up.
const RECONNECT_ATTEMPTS_MAX: u32 = 8;
/// How many failures are told one by one.
const FAILURES_TOLD_MAX: u64 = 10;

/// Follows the arguments.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    match flags::play(arguments, &Environment::of_process()) {
        Ok(Request::Run(options)) => match play(&options) {
            Ok(tally) => {
                say(io::stdout(), format_args!("{tally}\n"));
                if tally.is_good() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_RUNTIME) }
            }
            Err(text) => {
                complain(&options, &text);
                ExitCode::from(EXIT_RUNTIME)
            }
        },
        Ok(Request::Help) => {
            say(io::stdout(), flags::help(TOOL));
            ExitCode::SUCCESS
        }
        Ok(Request::Version) => {
            say(io::stdout(), flags::version(TOOL));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(io::stderr(), flags::complaint(TOOL, &error));
            ExitCode::from(EXIT_RUNTIME)
        }
    }
}

/// What became of the messages.
#[derive(Debug, Default)]
struct Tally {
    published: u64,
    failed: u64,
    skipped: u64,
    /// Whether it ended before the record did.
    stopped: bool,
    took: Duration,
}

impl Tally {
    const fn is_good(&self) -> bool {
        self.failed == 0 && !self.stopped
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = if seconds > 0.0 { self.published as f64 / seconds } else { 0.0 };
        let messages = if self.published == 1 { "message" } else { "messages" };
        write!(f, "{} {messages} in {seconds:.1} s, {rate:.0} a second", self.published)?;
        if self.failed > 0 {
            write!(f, "; {} not published", self.failed)?;
        }
        if self.skipped > 0 {
            write!(f, "; {} damaged lines passed over", self.skipped)?;
        }
        if self.stopped { f.write_str("; stopped before the end") } else { Ok(()) }
    }
}

fn play(options: &PlayOptions) -> Result<Tally, String> {
    let input = open(&options.file)?;
    flags::check_tls(TOOL, &options.connection.tls).map_err(|error| error.to_string())?;
    let client_options = connect::options(&options.connection).map_err(|error| error.to_string())?;
    let reconnect = Reconnect::default().attempts_max(RECONNECT_ATTEMPTS_MAX);
    let client =
        Client::connect(client_options.reconnect(reconnect).unfinished_publishes_max(UNFINISHED_MAX))
            .map_err(|error| format!("Error: {}.", connect::why(&error)))?;
    let player = Player { options, client: &client, unfinished: VecDeque::new(), tally: Tally::default() };
    let tally = player.play(Reader::new(input));
    // The messages are with the broker, or their failure was told.
    let _ = client.disconnect();
    Ok(tally)
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, String> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(BufReader::new(file))),
        Err(error) => Err(format!("Error: {}: {}.", path.display(), reason(&error))),
    }
}

/// Publishes a record.
struct Player<'a> {
    options: &'a PlayOptions,
    client: &'a Client,
    /// Messages on their way, each with its line.
    unfinished: VecDeque<(u64, Completion)>,
    tally: Tally,
}

impl Player<'_> {
    fn play(mut self, mut record: Reader<Box<dyn BufRead>>) -> Tally {
        let started = Instant::now();
        let mut pace = Pace::new(self.options.speed);
        while let Some(read) = record.next() {
            let message = match read {
                Ok(message) => message,
                Err(error) => {
                    let is_end = matches!(error.kind, RecordErrorKind::Io(_) | RecordErrorKind::Version);
                    self.complain(format_args!("Error: {}: {error}.", self.options.file.display()));
                    if is_end || !self.options.skip_damaged {
                        if !is_end {
                            self.complain("--skip-damaged passes over such lines.");
                        }
                        self.tally.stopped = true;
                        break;
                    }
                    self.tally.skipped += 1;
                    continue;
                }
            };
            thread::sleep(pace.due(message.time_micros).saturating_sub(started.elapsed()));
            if let Err(PublishError::Closed) = self.publish(record.line(), message) {
                self.complain("Error: The connection was lost.");
                self.tally.stopped = true;
                break;
            }
        }
        while let Some((line, completion)) = self.unfinished.pop_front() {
            self.finished(line, completion.wait().map(drop));
        }
        self.tally.took = started.elapsed();
        self.tally
    }

    fn publish(&mut self, line: u64, message: RecordedMessage) -> Result<(), PublishError> {
        let mut publish = self.client.publish(message.topic, message.payload);
        publish = publish.qos(connect::qos(message.qos)).retain(message.retain);
        // A recorded message has these from the connection on which it came.
        let is_of_connection = |id| matches!(id, PropertyId::SubscriptionIdentifier | PropertyId::TopicAlias);
        for property in message.properties.iter().filter(|property| !is_of_connection(property.id)) {
            let Some(property) = connect::to_wire(property) else {
                self.failed(line, format_args!("the property {} cannot be sent", property.id.name()));
                return Ok(());
            };
            publish = publish.property(&property);
        }
        if self.unfinished.len() >= UNFINISHED_MAX
            && let Some((line, completion)) = self.unfinished.pop_front()
        {
            self.finished(line, completion.wait().map(drop));
        }
        match publish.enqueue() {
            Ok(completion) => self.unfinished.push_back((line, completion)),
            Err(PublishError::Closed) => return Err(PublishError::Closed),
            Err(error) => self.failed(line, error),
        }
        Ok(())
    }

    fn finished(&mut self, line: u64, outcome: Result<(), PublishError>) {
        match outcome {
            Ok(()) => self.tally.published += 1,
            Err(error) => self.failed(line, error),
        }
    }

    fn failed(&mut self, line: u64, why: impl Display) {
        self.tally.failed += 1;
        if self.tally.failed <= FAILURES_TOLD_MAX {
            self.complain(format_args!("Error: {}: line {line}: {why}.", self.options.file.display()));
        } else if self.tally.failed == FAILURES_TOLD_MAX + 1 {
            self.complain("Further failures are only counted.");
        }
    }

    fn complain(&self, text: impl Display) {
        complain(self.options, text);
    }
}

/// Tells bad news, unless nobody wants them.
fn complain(options: &PlayOptions, text: impl Display) {
    if !options.connection.quiet {
        say(io::stderr(), format_args!("{text}\n"));
    }
}
