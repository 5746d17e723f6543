//! `martlet rr`, which is `mosquitto_rr`.

use core::num::NonZeroU16;
use core::time::Duration;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::time::Instant;

use martlet_proto::client::{Event, Incoming, Outgoing, PublishError};
use martlet_tools::flags::{self, RequestOptions, Tool, Version};
use martlet_tools::payload::Payloads;
use martlet_tools::property::{Property, PropertyId, Value};
use martlet_wire::{
    PacketType, QoS, ReasonCode, SubscribeRequest, SubscribeRequests, SubscriptionOptions, TopicFilter,
    TopicName,
};

use crate::session::{
    self, EXIT_ARGUMENTS, Ending, Errors, Failure, Printing, Refusal, Section, Session, Token,
};

/// The exit status when the time of `-W` was over.
const EXIT_TIMEOUT: u8 = 27;
/// One answer is wanted.
const RECEIVE_MAXIMUM: NonZeroU16 = NonZeroU16::MIN;

/// Publishes a request and waits for the answer.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    session::run(Tool::Request, arguments, flags::request, request)
}

async fn request(options: RequestOptions) -> u8 {
    let errors = Errors { is_quiet: options.connection.quiet };
    let (topic, payload, response) = match options.message(io::stdin()) {
        Ok((topic, Payloads::One(payload), response)) => (topic, payload, response),
        Ok((_, Payloads::Lines(_), _)) => unreachable!("the table of flags has no lines for this tool"),
        Err(error) => return errors.say_incomplete(Tool::Request, &error),
    };
    match Requester::new(&options, topic, payload, response) {
        Ok(requester) => requester.run(&options).await,
        Err(message) => {
            errors.say(&message);
            EXIT_ARGUMENTS
        }
    }
}

/// How the work ends.
enum End {
    /// The answer came.
    Answered,
    /// The broker did not allow to subscribe to the answer.
    Denied(ReasonCode),
    /// There is no connection any more, or the request cannot be published.
    Failed(Failure),
    /// The broker refused the connection.
    Refused(Refusal),
    /// The time is over.
    TimedOut,
}

struct Requester<'a> {
    session: Session,
    topic: TopicName<'a>,
    payload: Vec<u8>,
    qos: QoS,
    subscription: SubscribeRequest<'a>,
    subscribe_properties: Section,
    publish_properties: Section,
    printing: Printing,
    hides_retained: bool,
    tells_latency: bool,
    /// When the request was published.
    published_at: Option<Instant>,
}

impl<'a> Requester<'a> {
    /// Checks everything; the error is a text that ends in a newline.
    fn new(
        options: &'a RequestOptions,
        topic: &'a str,
        payload: Vec<u8>,
        response: &'a str,
    ) -> Result<Self, String> {
        let session = Session::new(Tool::Request, &options.connection, RECEIVE_MAXIMUM)?;
        let (version, lists) = (session.version(), &options.connection.properties);
        let mut publish = lists.publish.clone();
        if options.connection.version == Version::V5 {
            publish.push(Property { id: PropertyId::ResponseTopic, value: Value::Text(response.to_owned()) });
        }
        let qos = QoS::from_u8(options.qos).unwrap_or_default();
        let how = SubscriptionOptions {
            maximum_qos: qos,
            no_local: false,
            retain_as_published: options.retain_as_published,
            retain_handling: session::retain_handling(options.retain_handling),
        };
        Ok(Self {
            topic: TopicName::parse(topic)
                .map_err(|error| format!("Error: Invalid publish topic '{topic}': {error}\n"))?,
            payload,
            qos,
            subscription: SubscribeRequest {
                filter: TopicFilter::parse(response)
                    .map_err(|error| format!("Error: Invalid response topic '{response}': {error}\n"))?,
                options: how,
            },
            subscribe_properties: session::section(PacketType::Subscribe, version, &lists.subscribe)?,
            publish_properties: session::section(PacketType::Publish, version, &publish)?,
            printing: Printing::new(&options.output),
            hides_retained: options.output.hide_retained,
            tells_latency: options.latency,
            published_at: None,
            session,
        })
    }

    async fn run(mut self, options: &RequestOptions) -> u8 {
        if let Err(error) = self.session.open().await {
            self.session.errors.say(&error.message());
            return error.number();
        }
        let mut ending = Ending::without_signals();
        ending.begin(options.timeout);
        let end = tokio::select! {
            end = self.work() => end,
            _ = ending.wait() => End::TimedOut,
        };
        let reason = match end {
            End::TimedOut => ReasonCode::DisconnectWithWillMessage,
            _ => ReasonCode::NORMAL_DISCONNECTION,
        };
        self.session.disconnect(reason).await;
        let errors = self.session.errors;
        match end {
            End::Answered => 0,
            End::Denied(reason) => {
                errors.say(&format!("{reason}\n"));
                0
            }
            End::Failed(failure) => {
                errors.say(&failure.message());
                failure.number()
            }
            End::Refused(refusal) => {
                errors.say(&refusal.message);
                refusal.number
            }
            End::TimedOut => {
                errors.say("Timed out\n");
                EXIT_TIMEOUT
            }
        }
    }

    async fn work(&mut self) -> End {
        loop {
            while let Some(event) = self.session.poll() {
                if let Some(end) = self.take(event) {
                    return end;
                }
            }
            if let Err(failure) = self.session.turn().await {
                return End::Failed(failure);
            }
        }
    }

    fn take(&mut self, event: Event<Token>) -> Option<End> {
        match event {
            Event::ConnAck { reason, properties, .. } => {
                if let Some(refusal) = Refusal::of(self.session.version(), reason, &properties) {
                    return Some(End::Refused(refusal));
                }
                let requests = SubscribeRequests::list(core::slice::from_ref(&self.subscription));
                self.session.subscribe(requests, self.subscribe_properties.get());
            }
            Event::Answered { token: Token::Subscribe, codes } => {
                match codes.first().filter(|code| code.is_error()) {
                    Some(code) => return Some(End::Denied(*code)),
                    None => self.publish(),
                }
            }
            Event::Published { reason, .. } if reason.is_error() => {
                self.session.errors.say(&format!("Warning: The request was not accepted: {reason}.\n"));
            }
            Event::Unpublished { error, .. } => {
                if error == PublishError::QosNotSupported {
                    let text = "Error: Message QoS not supported on broker, try a lower QoS.\n";
                    self.session.errors.say(text);
                }
                return Some(End::Failed(Failure::unpublished(error)));
            }
            Event::Message(message) if !(message.retain && self.hides_retained) => {
                self.answered(&message);
                return Some(End::Answered);
            }
            _ => {}
        }
        None
    }

    fn publish(&mut self) {
        self.published_at = Some(Instant::now());
        self.session.publish(&Outgoing {
            topic: self.topic,
            payload: &self.payload,
            qos: self.qos,
            retain: false,
            properties: self.publish_properties.get(),
        });
    }

    fn answered(&mut self, message: &Incoming) {
        let latency = self.published_at.map(|at| at.elapsed());
        self.printing.print(message, &mut self.session.out, self.session.errors);
        if let Some(latency) = latency.filter(|_| self.tells_latency) {
            self.session.out.line(&latency_line(latency));
        }
    }
}

/// How long the answer took, in the unit that fits.
fn latency_line(latency: Duration) -> String {
    let (seconds, nanoseconds) = (latency.as_secs(), latency.subsec_nanos());
    match nanoseconds {
        _ if seconds > 0 => format!("Latency: {seconds}.{nanoseconds:09}"),
        0..1_000 => format!("Latency: {nanoseconds}ns"),
        1_000..1_000_000 => format!("Latency: {:.6}µs", f64::from(nanoseconds) / 1_000.0),
        _ => format!("Latency: {:.6}ms", f64::from(nanoseconds) / 1_000_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_have_the_unit_that_fits() {
        for (nanoseconds, line) in [
            (999, "Latency: 999ns"),
            (1_500, "Latency: 1.500000µs"),
            (2_345_678, "Latency: 2.345678ms"),
            (3_000_000_004, "Latency: 3.000000004"),
        ] {
            assert_eq!(latency_line(Duration::from_nanos(nanoseconds)), line);
        }
    }
}
