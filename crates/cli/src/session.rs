//! One run of a tool that talks to a broker: `pub`, `sub` and `rr`.
//!
//! The tools send exactly the packets that Mosquitto's send, so they drive [`martlet_proto::Client`] themselves, in one
//! thread. A [`Session`] owns the protocol, the connection and standard output; a tool alternates between [`Session::poll`],
//! which tells what happened, and [`Session::turn`], which waits until more can have happened.

mod clock;
mod debug;
mod ending;
mod failure;
mod hello;
mod input;
mod link;
mod output;
mod printing;
mod properties;
mod refusal;
mod start;

use core::num::NonZeroU16;
use core::time::Duration;

use martlet_client::dial;
use martlet_proto::client::{Client, Event, Failure as RequestFailure, Input, Outgoing, Settings};
use martlet_tools::flags::{self, Connection, Tool};
use martlet_tools::property::Property;
use martlet_wire::{
    PacketId, PacketType, Properties, PropertyOwner, ProtocolVersion, ReasonCode, RetainHandling,
    SubscribeRequests, TopicFilters, fixed_header,
};
use tokio::time::Instant;

pub(crate) use ending::{Ending, Reason as EndReason};
pub(crate) use failure::{Failure, OpenError};
pub(crate) use input::Input as StandardInput;
pub(crate) use output::{Errors, Output};
pub(crate) use printing::Printing;
pub(crate) use properties::Section;
pub(crate) use refusal::Refusal;
pub(crate) use start::{EXIT_ARGUMENTS, run};

use crate::connect;
use clock::Clock;
use debug::Debug;
use hello::Hello;
use link::{Link, Traffic};

/// How many bytes may wait to be sent before nothing new is published.
const OUTGOING_BYTES_MAX: usize = 256 << 10;
/// How many bytes of messages may be unfinished before nothing new is published.
const UNFINISHED_BYTES_MAX: usize = 4 << 20;
/// How many messages may wait behind those in flight.
const WAITING_MESSAGES_MAX: usize = 64;

/// What CONNECT says of Receive Maximum if neither flags nor the number of messages say otherwise; as in Mosquitto.
pub(crate) const RECEIVE_MAXIMUM: NonZeroU16 = NonZeroU16::new(20).expect("it is not 0");
/// The time between two attempts to connect after a connection was lost.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// What an answer of the broker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A message with a payload of so many bytes.
    Publish(usize),
    Subscribe,
    Unsubscribe,
}

/// A tool's connection to the broker, which may be lost and come again.
pub(crate) struct Session {
    /// What is printed.
    pub(crate) out: Output,
    pub(crate) errors: Errors,
    way: martlet_client::Options,
    hello: Hello,
    disconnect: Section,
    protocol: Client<Token>,
    link: Option<Link>,
    clock: Clock,
    debug: Option<Debug>,
    /// With `-d` packets are taken one by one: what came and was not taken.
    pending: Vec<u8>,
    /// How much of the outgoing bytes was told by `-d`.
    told: usize,
    /// Until when the broker has to accept the connection.
    accepts_until: Option<Instant>,
    /// Why the connection is to be given up.
    lost: Option<Failure>,
    unfinished_bytes: usize,
    in_flight_max: usize,
}

impl Session {
    /// Checks all that can be checked before connecting. The error is a text; the exit status is then 1.
    ///
    /// `receive_maximum` is what CONNECT says if the flags do not.
    pub(crate) fn new(
        tool: Tool,
        connection: &Connection,
        receive_maximum: NonZeroU16,
    ) -> Result<Self, String> {
        let errors = Errors { is_quiet: connection.quiet };
        flags::check_tls(tool, &connection.tls).map_err(|error| format!("{error}\n"))?;
        let way = connect::way(connection).map_err(|error| format!("{error}\n"))?;
        let hello = Hello::of(connection, receive_maximum)?;
        let version = hello.version();
        let disconnect = section(PacketType::Disconnect, version, &connection.properties.disconnect)?;
        let idle = connect::idle_tls_flags(&connection.tls);
        if !idle.is_empty() {
            errors.say(&format!("Warning: {} without effect, since TLS is not used.\n", idle.join(", ")));
        }
        let settings = Settings {
            inflight_messages_max: u16::try_from(connection.in_flight_max).unwrap_or(u16::MAX),
            topic_alias_maximum_outgoing: 0,
            acknowledges_itself: true,
            // Mosquitto 2.0 sends more of QoS 2.
            tells_changes: false,
        };
        Ok(Self {
            out: Output::default(),
            errors,
            way,
            disconnect,
            debug: connection.debug.then(|| Debug::new(version, hello.client_id().to_owned())),
            hello,
            in_flight_max: usize::from(settings.inflight_messages_max),
            protocol: Client::new(settings),
            link: None,
            clock: Clock::start(),
            pending: Vec::new(),
            told: 0,
            accepts_until: None,
            lost: None,
            unfinished_bytes: 0,
        })
    }

    pub(crate) const fn version(&self) -> ProtocolVersion {
        self.hello.version()
    }

    /// Opens a connection, and has CONNECT sent on it.
    pub(crate) async fn open(&mut self) -> Result<(), OpenError> {
        self.out.flush();
        self.link = Some(Link::new(dial(&self.way).await?));
        self.pending.clear();
        self.told = 0;
        self.lost = None;
        self.accepts_until = Some(Instant::now() + self.hello.keep_alive());
        // It was found out before that it can be encoded.
        let _ = self.protocol.connect(self.clock.now(), &self.hello.packet());
        self.tell_sent();
        Ok(())
    }

    /// Whether the broker has accepted the connection, and it stands.
    pub(crate) fn is_connected(&self) -> bool {
        self.protocol.is_connected()
    }

    /// What happened, oldest first; `None` when there is nothing more at the moment.
    pub(crate) fn poll(&mut self) -> Option<Event<Token>> {
        let event = self.protocol.poll()?;
        match &event {
            Event::ConnAck { properties, .. } => {
                let read = received(PacketType::ConnAck, properties);
                if let Some(name) = read.assigned_client_identifier() {
                    self.hello.set_client_id(name);
                }
            }
            Event::Published { token: Token::Publish(len), .. }
            | Event::Unpublished { token: Token::Publish(len), .. } => {
                self.unfinished_bytes = self.unfinished_bytes.saturating_sub(*len);
            }
            Event::Auth { .. } => self.lose(Failure::authentication()),
            Event::Disconnected { reason, properties } => {
                let read = received(PacketType::Disconnect, properties);
                self.lose(Failure::disconnected(*reason, read.reason_string()));
            }
            Event::Failed(misbehaved) => self.lose(Failure::misbehaved(*misbehaved)),
            _ => {}
        }
        Some(event)
    }

    /// The connection is to be given up, and nothing more to be taken from it.
    fn lose(&mut self, failure: Failure) {
        self.lost = Some(failure);
        self.pending.clear();
    }

    /// Writes what is to be printed, and waits until something happens on the connection. To be called when
    /// [`Session::poll`] has nothing more. May be dropped while it waits.
    ///
    /// An error means that the connection is gone.
    pub(crate) async fn turn(&mut self) -> Result<(), Failure> {
        self.out.flush();
        if self.take_pending() {
            return Ok(());
        }
        if self.lost.is_some() {
            self.hang_up().await;
            return Err(self.lost.take().unwrap_or_else(Failure::lost));
        }
        let accepts_until = self.accepts_until.filter(|_| !self.protocol.is_connected());
        let wake = accepts_until.or_else(|| self.protocol.wake_at().map(|time| self.clock.at(time)));
        let Self { link: Some(link), protocol, clock, debug, pending, told, lost, .. } = self else {
            return Err(Failure::lost());
        };
        if !link.is_busy() && !protocol.outgoing().is_empty() {
            link.begin(protocol.take_outgoing());
            *told = 0;
        }
        let wake = async {
            match wake {
                Some(time) => tokio::time::sleep_until(time).await,
                None => core::future::pending().await,
            }
        };
        tokio::select! {
            traffic = link.wait() => match traffic {
                Ok(Traffic::Sent) => {}
                Ok(Traffic::Received([])) => *lost = Some(Failure::lost()),
                Ok(Traffic::Received(bytes)) if debug.is_some() => pending.extend_from_slice(bytes),
                Ok(Traffic::Received(bytes)) => protocol.handle(clock.now(), Input::Received(bytes)),
                Err(error) => *lost = Some(Failure::of_io(&error)),
            },
            () = wake => match accepts_until {
                Some(_) => *lost = Some(Failure::silent()),
                None => protocol.handle(clock.now(), Input::WakeUp),
            },
        }
        if self.lost.is_some() {
            self.link = None;
        }
        self.tell_sent();
        Ok(())
    }

    /// Publishes a message, now or as soon as it can be sent.
    pub(crate) fn publish(&mut self, message: &Outgoing<'_>) {
        self.unfinished_bytes += message.payload.len();
        self.protocol.publish(message, Token::Publish(message.payload.len()));
        self.tell_sent();
    }

    /// Whether something more should be published, so that what waits stays within bounds.
    pub(crate) fn has_room(&self) -> bool {
        let unfinished = self.protocol.unfinished_publishes();
        let is_little = unfinished < self.in_flight_max + WAITING_MESSAGES_MAX
            && self.unfinished_bytes < UNFINISHED_BYTES_MAX;
        self.protocol.outgoing().len() < OUTGOING_BYTES_MAX && (unfinished == 0 || is_little)
    }

    /// Subscribes, and tells the Packet Identifier. A request that cannot be sent ends the connection.
    pub(crate) fn subscribe(
        &mut self,
        requests: SubscribeRequests<'_>,
        properties: Properties<'_>,
    ) -> Option<PacketId> {
        let sent = self.protocol.subscribe(requests, properties, Token::Subscribe);
        self.requested(sent)
    }

    /// Unsubscribes. A request that cannot be sent ends the connection.
    pub(crate) fn unsubscribe(&mut self, filters: TopicFilters<'_>, properties: Properties<'_>) {
        let sent = self.protocol.unsubscribe(filters, properties, Token::Unsubscribe);
        self.requested(sent);
    }

    fn requested(&mut self, sent: Result<PacketId, (RequestFailure, Token)>) -> Option<PacketId> {
        self.tell_sent();
        match sent {
            Ok(id) => return Some(id),
            Err((RequestFailure::Unsendable, _)) => self.lost = Some(Failure::oversize()),
            Err(_) => self.lost = Some(Failure::lost()),
        }
        None
    }

    /// Whether the broker takes retained messages.
    pub(crate) fn can_retain(&self) -> bool {
        self.protocol.connection().is_none_or(|connection| connection.retain_available)
    }

    /// How many publishes have not ended.
    pub(crate) fn unfinished_publishes(&self) -> usize {
        self.protocol.unfinished_publishes()
    }

    /// Waits until everything that was published is sent.
    ///
    /// An error means that the connection is gone.
    pub(crate) async fn send_all(&mut self) -> Result<(), Failure> {
        while self.link.as_ref().is_none_or(Link::is_busy) || !self.protocol.outgoing().is_empty() {
            self.turn().await?;
            while self.poll().is_some() {}
        }
        Ok(())
    }

    /// Waits, and opens a connection again: as often as it takes, unless it is of no use.
    pub(crate) async fn reopen(&mut self) -> Result<(), OpenError> {
        loop {
            tokio::time::sleep(RECONNECT_PAUSE).await;
            match self.open().await {
                Err(error) if !error.is_final() => {}
                opened => return opened,
            }
        }
    }

    /// Whether no message of QoS 1 or 2 is between its first and its last packet, in either direction.
    pub(crate) fn is_settled(&self) -> bool {
        self.protocol.unfinished_publishes() == 0 && self.protocol.unreleased_messages() == 0
    }

    /// Sends DISCONNECT if the broker has accepted the connection, and closes it in good order.
    pub(crate) async fn disconnect(&mut self, reason: ReasonCode) {
        if self.protocol.is_connected() {
            self.protocol.disconnect(reason, self.disconnect.get());
        }
        self.tell_sent();
        self.out.flush();
        self.hang_up().await;
    }

    /// Closes what there is of a connection.
    async fn hang_up(&mut self) {
        let last = self.protocol.take_outgoing();
        self.told = 0;
        if let Some(link) = self.link.take() {
            link.close(&last).await;
        }
        self.protocol.handle(self.clock.now(), Input::Closed);
    }

    /// With `-d`: takes the next packet, if a whole one is there.
    fn take_pending(&mut self) -> bool {
        let Some(debug) = &mut self.debug else { return false };
        let header = fixed_header(Some(self.hello.version()), &self.pending);
        let len = match header {
            Ok(Some(header)) if header.packet_len() <= self.pending.len() => header.packet_len(),
            Ok(_) => return false,
            Err(_) => self.pending.len(), // the protocol says what is wrong
        };
        if len == 0 {
            return false;
        }
        let packet: Vec<u8> = self.pending.drain(..len).collect();
        if let Some(line) = debug.received(&packet) {
            self.out.line(&line);
        }
        self.protocol.handle(self.clock.now(), Input::Received(&packet));
        self.tell_sent();
        true
    }

    /// With `-d`: tells the packets that are to be sent and were not told.
    fn tell_sent(&mut self) {
        let Some(debug) = &mut self.debug else { return };
        let outgoing = self.protocol.outgoing();
        for line in debug.sent(outgoing.get(self.told..).unwrap_or_default()) {
            self.out.line(&line);
        }
        self.told = outgoing.len();
    }
}

/// The properties that the flags give to a packet; the error is a text that ends in a newline.
pub(crate) fn section(
    packet_type: PacketType,
    version: ProtocolVersion,
    list: &[Property],
) -> Result<Section, String> {
    if !version.has_properties() && !list.is_empty() {
        return Err(format!("Error: Properties of {packet_type} need MQTT 5.\n"));
    }
    Section::of(PropertyOwner::Packet(packet_type), list)
        .map_err(|error| format!("Error in {packet_type} properties: {}.\n", error.words()))
}

/// Properties that came with a packet.
pub(crate) fn received(packet_type: PacketType, section: &[u8]) -> Properties<'_> {
    Properties::from_section(PropertyOwner::Packet(packet_type), section).unwrap_or_default()
}

/// The handling that MQTT 5 has a number for.
pub(crate) const fn retain_handling(handling: flags::RetainHandling) -> RetainHandling {
    match handling {
        flags::RetainHandling::Always => RetainHandling::SendAtSubscribe,
        flags::RetainHandling::New => RetainHandling::SendIfNew,
        flags::RetainHandling::Never => RetainHandling::DoNotSend,
    }
}

/// A number below `bound`, by chance; not good enough for secrets.
pub(crate) fn random_below(bound: u64) -> u64 {
    use core::hash::{BuildHasher, Hasher};
    // The standard library seeds its hashers from the operating system.
    std::hash::RandomState::new().build_hasher().finish() % bound.max(1)
}
