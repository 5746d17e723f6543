//! Publishing a message.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use martlet_wire::{PacketType, Property, PropertyOwner, QoS, ReasonCode, TopicName};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use crate::command::PublishCommand;
use crate::error::PublishError;
use crate::handle::Client;
use crate::properties::PropertyList;

/// A message about to be published: made by [`Client::publish`].
///
/// Awaiting it publishes the message and waits for its end: until the bytes are with the operating system for QoS 0, until
/// PUBACK for QoS 1, until PUBCOMP for QoS 2. While there is no connection it waits for the next one.
///
/// [`Publish::enqueue`] waits only until there is room, and leaves the rest to a [`Completion`]: this is how many messages
/// are on their way at once.
///
/// ```no_run
/// # async fn example(client: martlet_client::Client) -> Result<(), martlet_client::PublishError> {
/// use martlet_client::{Property, QoS};
///
/// client
///     .publish("rooms/7/temperature", "21.5")
///     .qos(QoS::AtLeastOnce)
///     .property(&Property::ContentType("text/plain"))
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a message is published when it is awaited or enqueued"]
pub struct Publish {
    client: Client,
    topic: String,
    payload: Vec<u8>,
    qos: QoS,
    retain: bool,
    properties: PropertyList,
}

impl Publish {
    pub(crate) fn new(client: Client, topic: String, payload: Vec<u8>) -> Self {
        let (qos, retain, properties) = (QoS::AtMostOnce, false, PropertyList::default());
        Self { client, topic, payload, qos, retain, properties }
    }

    /// The QoS; by default 0.
    pub fn qos(mut self, qos: QoS) -> Self {
        self.qos = qos;
        self
    }

    /// Whether the server keeps the message for later subscribers; by default not.
    pub fn retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    /// Adds a property. Properties are left out towards a server of a version before MQTT 5.0.
    pub fn property(mut self, property: &Property<'_>) -> Self {
        self.properties.push(property);
        self
    }

    /// Hands the message over as soon as there is room. Dropped before that, it is not published.
    ///
    /// # Errors
    /// [`PublishError::TopicName`], [`PublishError::Properties`], and [`PublishError::Closed`].
    pub async fn enqueue(self) -> Result<Completion, PublishError> {
        let client = self.client.clone();
        let (command, completion) = self.command()?;
        client.shared.publishes.send(command).await.map_err(|_| PublishError::Closed)?;
        Ok(completion)
    }

    /// Hands the message over if there is room.
    ///
    /// # Errors
    /// Those of [`Publish::enqueue`], and [`PublishError::QueueFull`].
    pub fn try_enqueue(self) -> Result<Completion, PublishError> {
        let client = self.client.clone();
        let (command, completion) = self.command()?;
        client.shared.publishes.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => PublishError::QueueFull,
            TrySendError::Closed(_) => PublishError::Closed,
        })?;
        Ok(completion)
    }

    fn command(self) -> Result<(PublishCommand, Completion), PublishError> {
        TopicName::parse(&self.topic).map_err(PublishError::TopicName)?;
        let owner = PropertyOwner::Packet(PacketType::Publish);
        self.properties.check(owner).map_err(PublishError::Properties)?;
        let (reply, answer) = oneshot::channel();
        let Self { topic, payload, qos, retain, properties, client } = self;
        let is_stored = qos > QoS::AtMostOnce && client.shared.options.session_store.is_some();
        let (stored, is_stored) = is_stored.then(oneshot::channel).unzip();
        let command = PublishCommand { topic, payload, qos, retain, properties, reply, stored };
        Ok((command, Completion::new(answer, is_stored)))
    }
}

impl fmt::Debug for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish")
            .field("topic", &self.topic)
            .field("payload_bytes", &self.payload.len())
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for Publish {
    type Output = Result<Published, PublishError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.enqueue().await?.await })
    }
}

/// The end of a publish that was handed over, as a future. Dropping it does not take the message back.
#[derive(Debug)]
pub struct Completion {
    answer: oneshot::Receiver<Result<Published, PublishError>>,
    stored: Option<oneshot::Receiver<Result<(), PublishError>>>,
}

impl Completion {
    pub(crate) const fn new(
        answer: oneshot::Receiver<Result<Published, PublishError>>,
        stored: Option<oneshot::Receiver<Result<(), PublishError>>>,
    ) -> Self {
        Self { answer, stored }
    }

    /// Waits until the message is in the [session store](crate::store): from then on it is published even if this process
    /// ends. This does not need a connection. May be dropped while it waits, and called again.
    ///
    /// # Errors
    /// [`PublishError::NotStored`] if the store failed, or with the kind
    /// [`Unsupported`](std::io::ErrorKind::Unsupported) if there is none or the QoS is 0. [`PublishError::Closed`].
    pub async fn stored(&mut self) -> Result<(), PublishError> {
        let Some(stored) = &mut self.stored else {
            return Err(PublishError::NotStored { kind: std::io::ErrorKind::Unsupported });
        };
        let outcome = stored.await.unwrap_or(Err(PublishError::Closed));
        let (again, answer) = oneshot::channel();
        let _ = again.send(outcome.clone()); // for the next call
        self.stored = Some(answer);
        outcome
    }
}

impl Future for Completion {
    type Output = Result<Published, PublishError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.answer).poll(context);
        answer.map(|answer| answer.unwrap_or(Err(PublishError::Closed)))
    }
}

/// That a message was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The reason code of PUBACK or PUBCOMP: success, or that nobody is subscribed. Always success for QoS 0 and before
    /// MQTT 5.0.
    pub code: ReasonCode,
}

impl Published {
    pub(crate) const fn sent() -> Self {
        Self { code: ReasonCode::Success }
    }
}
