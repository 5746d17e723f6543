//! A connection to a broker, and questions to its modules.

use core::fmt;
use core::time::Duration;
use std::io;

use martlet_client::{
    Client, ConnectError, Options, ProtocolVersion, PublishError, QoS, Reconnect, SubscribeError,
    Subscription,
};
use martlet_tools::ctrl::Module;
use martlet_tools::flags::ControlOptions;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::connect::{self, Obstacle, OptionsError};
use crate::say;

/// How long an answer may take.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the broker may take to acknowledge something.
const ACKNOWLEDGEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to a broker. It lives on while nobody asks anything.
pub(super) struct Session {
    // Dropped before the runtime that they need.
    answers: Vec<(Module, Subscription)>,
    client: Client,
    runtime: Runtime,
    version: ProtocolVersion,
    qos: QoS,
    debug: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    Options(OptionsError),
    Runtime(io::Error),
    Connect(ConnectError, ProtocolVersion),
    Subscribe(SubscribeError, ProtocolVersion),
    Publish(PublishError),
    /// Nothing came in time.
    NoAnswer,
    /// The connection is gone, and will not come back.
    Lost,
}

impl Session {
    /// Connects for one question.
    pub(super) fn open_once(options: &ControlOptions) -> Result<Self, Failure> {
        Self::open(options, Reconnect::never())
    }

    /// Connects for many questions, and comes back when the connection is lost.
    pub(super) fn open_for_long(options: &ControlOptions) -> Result<Self, Failure> {
        Self::open(options, Reconnect::default())
    }

    fn open(options: &ControlOptions, reconnect: Reconnect) -> Result<Self, Failure> {
        let client_options: Options = connect::options(&options.connection).map_err(Failure::Options)?;
        let version = connect::version(options.connection.version);
        // One thread of its own, so that the Keep Alive is answered while the user thinks.
        let runtime =
            Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(Failure::Runtime)?;
        let connecting = Client::connect(client_options.reconnect(reconnect));
        let client = runtime.block_on(connecting).map_err(|error| Failure::Connect(error, version))?;
        Ok(Self {
            answers: Vec::new(),
            client,
            runtime,
            version,
            qos: connect::qos(options.qos),
            debug: options.verbose || options.connection.debug,
        })
    }

    /// Subscribes to the answers of a module, if that was not done before.
    pub(super) fn enter(&mut self, module: Module) -> Result<(), Failure> {
        if self.answers.iter().any(|(other, _)| *other == module) {
            return Ok(());
        }
        let subscribing = self.client.subscribe(module.response_topic()).qos(self.qos).into_future();
        let subscribed = self.runtime.block_on(async { timeout(ACKNOWLEDGEMENT_TIMEOUT, subscribing).await });
        let subscription = subscribed
            .map_err(|_| Failure::NoAnswer)?
            .map_err(|error| Failure::Subscribe(error, self.version))?;
        self.answers.push((module, subscription));
        Ok(())
    }

    /// Sends a request to a module that was entered, and waits for the answer.
    pub(super) fn ask(
        &mut self,
        module: Module,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Vec<u8>, Failure> {
        let Some((_, answers)) = self.answers.iter_mut().find(|(other, _)| *other == module) else {
            return Err(Failure::NoAnswer);
        };
        // Answers that came too late for an earlier question.
        while answers.try_recv().is_some() {}
        let (topic, bytes) = (module.topic(), body.len());
        if self.debug {
            say(io::stderr(), format_args!("Sending {bytes} bytes to {topic}\n"));
        }
        let publishing = self.client.publish(topic, body).qos(self.qos).into_future();
        let asked = async {
            publishing.await.map_err(Failure::Publish)?;
            answers.recv().await.ok_or(Failure::Lost)
        };
        let answer = self.runtime.block_on(async { timeout(patience, asked).await });
        let answer = answer.map_err(|_| Failure::NoAnswer)??;
        if self.debug {
            say(io::stderr(), format_args!("Received {} bytes\n", answer.payload().len()));
        }
        Ok(answer.payload().to_vec())
    }

    /// Whether the connection is gone for good.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.client.state().current(), martlet_client::State::Closed(_))
    }

    /// Disconnects in good order.
    pub(super) fn close(self) {
        // What is not in good order concerns nobody any more.
        let _ = self.runtime.block_on(self.client.disconnect());
    }
}

impl Failure {
    /// The exit status: 14, 15 and 8 if the system, the look-up of the host or TLS is in the way, 0 if the broker refuses,
    /// and otherwise 1.
    pub(super) fn status(&self) -> u8 {
        match self {
            Self::Connect(ConnectError::Refused(_), _)
            | Self::Subscribe(SubscribeError::Refused { .. }, _)
            | Self::Publish(PublishError::Refused { .. }) => 0,
            Self::Connect(error, _) => match connect::obstacle(error) {
                Obstacle::System => 14,
                Obstacle::Lookup => 15,
                Obstacle::Tls => 8,
                Obstacle::Other => 1,
            },
            _ => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(error) => error.fmt(f),
            Self::Runtime(error) => write!(f, "Error: {error}."),
            Self::Connect(ConnectError::Refused(reason), version) => {
                write!(f, "Connection error: {}", connect::refusal(reason.code, *version))
            }
            Self::Connect(error, _) => {
                let why = connect::why(error);
                match connect::obstacle(error) {
                    Obstacle::Lookup => f.write_str("Unable to connect (Lookup error)."),
                    Obstacle::Tls => write!(f, "Error: {why}.\nUnable to connect (A TLS error occurred)."),
                    Obstacle::System | Obstacle::Other => write!(f, "Error: {why}."),
                }
            }
            Self::Subscribe(SubscribeError::Refused { code }, ProtocolVersion::Mqtt5) => {
                write!(f, "Subscribe error: {code}")
            }
            Self::Subscribe(SubscribeError::Refused { .. }, _) => {
                f.write_str("Subscribe error: Subscription refused.")
            }
            Self::Subscribe(error, _) => write!(f, "Subscribe error: {error}"),
            Self::Publish(PublishError::Refused { code }) => write!(f, "Publish error: {code}"),
            Self::Publish(error) => write!(f, "Publish error: {error}"),
            Self::NoAnswer => f.write_str("Error: The broker does not answer."),
            Self::Lost => f.write_str("Error: The connection was lost."),
        }
    }
}
