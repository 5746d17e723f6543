//! `martlet pub`, which is `mosquitto_pub`.

mod lines;

use core::time::Duration;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use martlet_proto::client::{Event, Outgoing, PublishError};
use martlet_tools::flags::{self, PublishOptions, Tool};
use martlet_tools::payload::Payloads;
use martlet_wire::{PacketId, PacketType, QoS, ReasonCode, TopicName};

use crate::session::{
    self, EXIT_ARGUMENTS, Errors, Failure, RECEIVE_MAXIMUM, Refusal, Section, Session, Token,
};

/// Publishes.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    session::run(Tool::Publish, arguments, flags::publish, publish)
}

async fn publish(options: PublishOptions) -> u8 {
    let errors = Errors { is_quiet: options.connection.quiet };
    let (topic, payloads) = match options.message(io::stdin()) {
        Ok(message) => message,
        Err(error) => return errors.say_incomplete(Tool::Publish, &error),
    };
    match prepare(&options, topic) {
        Ok(publisher) => publisher.run(payloads).await.unwrap_or_else(|end| end.tell(errors)),
        Err(message) => {
            errors.say(&message);
            EXIT_ARGUMENTS
        }
    }
}

/// Checks everything; the error is a text that ends in a newline.
fn prepare<'a>(options: &'a PublishOptions, topic: &'a str) -> Result<Publisher<'a>, String> {
    let topic = TopicName::parse(topic)
        .map_err(|_| "Error: Invalid input. Does your topic contain '+' or '#'?\n".to_owned())?;
    let session = Session::new(Tool::Publish, &options.connection, RECEIVE_MAXIMUM)?;
    let list = &options.connection.properties.publish;
    Ok(Publisher {
        topic,
        qos: QoS::from_u8(options.qos).unwrap_or_default(),
        retain: options.retain,
        properties: session::section(PacketType::Publish, session.version(), list)?,
        repeat_count: options.repeat_count,
        repeat_delay: options.repeat_delay,
        session,
    })
}

/// Why not everything was published.
enum End {
    /// The connection did not come about: the exit status, and what is told.
    Open(session::OpenError),
    /// The broker refused the connection.
    Refused(Refusal),
    /// The connection was lost.
    Lost(Failure),
    /// A message cannot be published at all.
    Unpublished(Failure),
    /// Standard input failed: what is told.
    Input(String),
}

impl End {
    /// Tells it, and answers the exit status.
    fn tell(&self, errors: Errors) -> u8 {
        match self {
            Self::Open(error) => {
                errors.say(&error.message());
                error.number()
            }
            Self::Refused(refusal) => {
                errors.say(&refusal.message);
                errors.say(&Failure::refused().message());
                refusal.number
            }
            Self::Lost(failure) | Self::Unpublished(failure) => {
                errors.say(&failure.message());
                failure.number()
            }
            Self::Input(message) => {
                errors.say(message);
                EXIT_ARGUMENTS
            }
        }
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Lost(failure)
    }
}

/// What the broker said.
enum Note {
    /// It accepted the connection.
    Accepted,
    /// A message has ended.
    Published,
    /// Nothing that matters.
    Nothing,
}

struct Publisher<'a> {
    session: Session,
    topic: TopicName<'a>,
    qos: QoS,
    retain: bool,
    properties: Section,
    repeat_count: u32,
    repeat_delay: Duration,
}

impl Publisher<'_> {
    async fn run(mut self, payloads: Payloads<io::Stdin>) -> Result<u8, End> {
        self.session.open().await.map_err(End::Open)?;
        let published = match payloads {
            Payloads::One(payload) => self.repeat(&payload).await,
            Payloads::Lines(input) => self.lines(input).await,
        };
        self.session.disconnect(ReasonCode::NORMAL_DISCONNECTION).await;
        published.map(|()| 0)
    }

    /// Publishes the same message again and again, each when the one before it has ended.
    async fn repeat(&mut self, payload: &[u8]) -> Result<(), End> {
        let mut remaining = self.repeat_count;
        loop {
            while let Some(event) = self.session.poll() {
                let pause = match self.note(event)? {
                    Note::Nothing => continue,
                    Note::Accepted => Duration::ZERO,
                    Note::Published if remaining == 0 => return Ok(self.session.send_all().await?),
                    Note::Published => self.repeat_delay,
                };
                self.pause(pause).await?;
                remaining -= 1;
                self.send(payload);
            }
            self.session.turn().await?;
        }
    }

    /// Lets time pass while the connection goes on.
    async fn pause(&mut self, pause: Duration) -> Result<(), Failure> {
        if pause.is_zero() {
            return Ok(());
        }
        let mut end = core::pin::pin!(tokio::time::sleep(pause));
        loop {
            tokio::select! {
                turned = self.session.turn() => turned?,
                () = &mut end => return Ok(()),
            }
        }
    }

    /// Publishes a message, or has it wait until that is possible.
    fn send(&mut self, payload: &[u8]) {
        if self.retain && !self.session.can_retain() {
            self.retain = false;
            let text = "Warning: The broker takes no retained messages; it will not retain this one.\n";
            self.session.errors.say(text);
        }
        self.session.publish(&Outgoing {
            topic: self.topic,
            payload,
            qos: self.qos,
            retain: self.retain,
            properties: self.properties.get(),
        });
    }

    /// Takes what the broker said. The messages of this tool end by it.
    fn note(&mut self, event: Event<Token>) -> Result<Note, End> {
        match event {
            Event::ConnAck { reason, properties, .. } => {
                match Refusal::of(self.session.version(), reason, &properties) {
                    Some(refusal) => Err(End::Refused(refusal)),
                    None => Ok(Note::Accepted),
                }
            }
            Event::Published { id, reason, properties, .. } => {
                if reason.is_error() {
                    self.warn(id, reason, &properties);
                }
                Ok(Note::Published)
            }
            Event::Unpublished { error, .. } => {
                if error == PublishError::QosNotSupported {
                    let text = "Error: Message QoS not supported on broker, try a lower QoS.\n";
                    self.session.errors.say(text);
                }
                Err(End::Unpublished(Failure::unpublished(error)))
            }
            _ => Ok(Note::Nothing),
        }
    }

    /// The broker did not accept a message.
    fn warn(&self, id: Option<PacketId>, reason: ReasonCode, properties: &[u8]) {
        let number = id.map_or(0, PacketId::get);
        let text = session::received(PacketType::PubAck, properties).reason_string();
        let text = text.map(|text| format!("{text}\n")).unwrap_or_default();
        self.session.errors.say(&format!("Warning: Publish {number} failed: {reason}.\n{text}"));
    }
}
