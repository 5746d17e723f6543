//! `martlet sub`, which is `mosquitto_sub`.

mod messages;
mod requests;

use core::num::NonZeroU16;
use core::time::Duration;
use std::ffi::OsString;
use std::process::ExitCode;

use martlet_proto::client::Event;
use martlet_tools::flags::{self, Address, SubscribeOptions, Tool};
use martlet_wire::{PacketId, ReasonCode, TopicFilter};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::session::{
    self, EXIT_ARGUMENTS, EndReason, Ending, Errors, Failure, OpenError, Printing, RECEIVE_MAXIMUM, Refusal,
    Session, Token,
};

use requests::Requests;

/// The exit status when the time of `-W` was over.
const EXIT_TIMEOUT: u8 = 27;
/// The exit status when a signal came before the broker had accepted the connection.
const EXIT_SIGNAL_EARLY: u8 = 255;
/// How long the end waits for messages of QoS 1 and 2 that are between their first and their last packet.
const SETTLING: Duration = Duration::from_secs(5);
/// How often `--message-rate` tells the rate.
const RATE_PERIOD: Duration = Duration::from_secs(1);

/// Subscribes.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    session::run(Tool::Subscribe, arguments, flags::subscribe, subscribe)
}

async fn subscribe(options: SubscribeOptions) -> u8 {
    match Subscriber::new(&options) {
        Ok(subscriber) => Box::pin(subscriber.run()).await,
        Err(message) => {
            Errors { is_quiet: options.connection.quiet }.say(&message);
            EXIT_ARGUMENTS
        }
    }
}

/// How the work ends.
enum End {
    /// Everything that was wanted is done.
    Done,
    /// The connection was lost, and connecting again is of no use.
    Failed(Failure),
    /// The connection came about once, but not again.
    Open(OpenError),
    /// The broker refused the connection.
    Refused(Refusal),
    /// The record cannot be written: what is told.
    Record(String),
    /// From outside.
    Outside(EndReason),
}

struct Subscriber<'a> {
    options: &'a SubscribeOptions,
    session: Session,
    requests: Requests<'a>,
    hidden: Vec<TopicFilter<'a>>,
    printing: Printing,
    ending: Ending,
    /// The Packet Identifier of SUBSCRIBE.
    subscribe_id: Option<PacketId>,
    /// How many UNSUBACK came on this connection.
    unsubscribed: usize,
    /// Whether a broker ever accepted the connection.
    was_accepted: bool,
    /// Whether no more messages are of interest, and only what is under way is waited for.
    is_done: bool,
    /// How many messages counted for `-C`.
    counted: u32,
    /// How many messages came since the rate was told.
    rate: u64,
}

impl<'a> Subscriber<'a> {
    /// Checks everything; the error is a text that ends in a newline.
    fn new(options: &'a SubscribeOptions) -> Result<Self, String> {
        // With fewer than this many messages to come, no more may be sent than are wanted.
        let wanted =
            options.count.and_then(|count| NonZeroU16::new(u16::try_from(count).unwrap_or(u16::MAX)));
        let receive_maximum = wanted.unwrap_or(RECEIVE_MAXIMUM).min(RECEIVE_MAXIMUM);
        let session = Session::new(Tool::Subscribe, &options.connection, receive_maximum)?;
        let mut output = options.output.clone();
        output.watch &= !options.message_rate;
        let mut printing = Printing::new(&output);
        if let Some(path) = &options.record {
            printing.record_to(path)?;
        }
        Ok(Self {
            requests: Requests::of(options, session.version())?,
            hidden: requests::filters(&options.filter_out, "filter")?,
            printing,
            ending: Ending::by_signals().map_err(|error| format!("Error: {error}\n"))?,
            subscribe_id: None,
            unsubscribed: 0,
            was_accepted: false,
            is_done: false,
            counted: 0,
            rate: 0,
            options,
            session,
        })
    }

    async fn run(mut self) -> u8 {
        let heading = self.printing.heading(&self.host());
        self.session.out.bytes().extend_from_slice(&heading);
        if let Err(error) = self.session.open().await {
            self.session.errors.say(&error.message());
            return error.number();
        }
        self.ending.begin(self.options.timeout);
        let mut ending = core::mem::replace(&mut self.ending, Ending::without_signals());
        let end = tokio::select! {
            end = self.work() => end,
            reason = ending.wait() => End::Outside(reason),
        };
        let reason = match end {
            End::Outside(_) => ReasonCode::DisconnectWithWillMessage,
            _ => ReasonCode::NORMAL_DISCONNECTION,
        };
        self.session.disconnect(reason).await;
        self.tell(&end)
    }

    /// Tells how it ended, and answers the exit status.
    fn tell(&self, end: &End) -> u8 {
        let errors = self.session.errors;
        match end {
            End::Done => 0,
            End::Failed(failure) => {
                errors.say(&failure.message());
                failure.number()
            }
            End::Open(error) => {
                errors.say(&error.message());
                error.number()
            }
            End::Refused(refusal) => {
                errors.say(&refusal.message);
                refusal.number
            }
            End::Record(message) => {
                errors.say(message);
                EXIT_ARGUMENTS
            }
            End::Outside(EndReason::Timeout) => {
                errors.say("Timed out\n");
                EXIT_TIMEOUT
            }
            End::Outside(EndReason::Signal) if self.was_accepted => 0,
            End::Outside(EndReason::Signal) => EXIT_SIGNAL_EARLY,
        }
    }

    /// What `-w` shows as the broker.
    fn host(&self) -> String {
        match &self.options.connection.address {
            Address::Tcp { host, .. } => host.clone(),
            Address::Unix(path) => path.display().to_string(),
        }
    }

    /// Takes messages until there is a reason to end. A lost connection is none.
    async fn work(&mut self) -> End {
        loop {
            match self.serve().await {
                Ok(()) => return End::Done,
                Err(End::Failed(failure)) if !failure.is_final() && !self.is_done => {
                    if let Err(error) = self.session.reopen().await {
                        return End::Open(error);
                    }
                }
                Err(End::Failed(failure)) if self.is_done && !failure.is_final() => return End::Done,
                Err(end) => return end,
            }
        }
    }

    async fn serve(&mut self) -> Result<(), End> {
        let mut rate = interval_at(Instant::now() + RATE_PERIOD, RATE_PERIOD);
        rate.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            while let Some(event) = self.session.poll() {
                self.take(event)?;
            }
            self.printing.rest().map_err(End::Record)?;
            if self.is_done {
                return self.settle().await;
            }
            self.session.out.flush();
            if self.session.out.is_broken() {
                return Ok(()); // nobody reads what is printed
            }
            tokio::select! {
                turned = self.session.turn() => turned.map_err(End::Failed)?,
                _ = rate.tick(), if self.options.message_rate => {
                    let count = core::mem::take(&mut self.rate);
                    self.session.out.line(&format!("{count} msgs/s"));
                }
            }
        }
    }

    /// Waits until the messages of QoS 1 and 2 are finished that were begun, but not for ever.
    async fn settle(&mut self) -> Result<(), End> {
        let finish = async {
            while !self.session.is_settled() {
                self.session.turn().await?;
                while self.session.poll().is_some() {}
            }
            Ok::<(), Failure>(())
        };
        match tokio::time::timeout(SETTLING, finish).await {
            Ok(Err(failure)) => Err(End::Failed(failure)),
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    fn take(&mut self, event: Event<Token>) -> Result<(), End> {
        match event {
            Event::ConnAck { reason, properties, .. } => {
                if let Some(refusal) = Refusal::of(self.session.version(), reason, &properties) {
                    return Err(End::Refused(refusal));
                }
                self.was_accepted = true;
                self.unsubscribed = 0;
                self.subscribe_id = self.requests.send(&mut self.session);
            }
            Event::Answered { token: Token::Subscribe, codes } => self.subscribed(&codes),
            Event::Answered { token: Token::Unsubscribe, .. } => {
                self.unsubscribed += 1;
                let is_all = self.unsubscribed == self.options.unsubscribe.len();
                self.is_done |= self.options.exit_after_subscribe && self.options.topics.is_empty() && is_all;
            }
            Event::Message(message) => self.message(&message)?,
            _ => {}
        }
        Ok(())
    }

    fn subscribed(&mut self, codes: &[ReasonCode]) {
        if self.options.connection.debug && !self.options.connection.quiet {
            let id = self.subscribe_id.map_or(0, PacketId::get);
            let codes: Vec<_> = codes.iter().map(|code| (*code as u8).to_string()).collect();
            self.session.out.line(&format!("Subscribed (mid: {id}): {}", codes.join(", ")));
        }
        if codes.iter().all(|code| code.is_error()) {
            self.session.errors.say("All subscription requests were denied.\n");
            self.is_done = true;
        }
        self.is_done |= self.options.exit_after_subscribe;
    }
}
