//! Subscribing, and the stream of messages that comes of it.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use futures_core::Stream;
use martlet_wire::{
    PacketType, Property, PropertyOwner, QoS, ReasonCode, RetainHandling, SubscriptionOptions, TopicFilter,
};
use tokio::sync::oneshot;

use crate::command::{Notice, Request, SubscribeCommand, UnsubscribeCommand};
use crate::error::{SubscribeError, UnsubscribeError};
use crate::handle::Client;
use crate::mailbox::{Mailbox, Overflow, SubscriptionEnd};
use crate::message::Message;
use crate::properties::PropertyList;

/// A subscription about to be made: by [`Client::subscribe`]. Awaiting it subscribes, and waits for SUBACK.
///
/// ```no_run
/// # async fn example(client: martlet_client::Client) -> Result<(), martlet_client::SubscribeError> {
/// use martlet_client::QoS;
///
/// let mut temperatures = client.subscribe("rooms/+/temperature").qos(QoS::AtLeastOnce).await?;
/// while let Some(message) = temperatures.recv().await {
///     println!("{}: {:?}", message.topic(), message.text());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a subscription is made when it is awaited"]
pub struct Subscribe {
    client: Client,
    filter: String,
    options: SubscriptionOptions,
    properties: PropertyList,
    buffer_messages_max: usize,
    overflow: Overflow,
}

impl Subscribe {
    pub(crate) fn new(client: Client, filter: String) -> Self {
        let buffer_messages_max = client.shared.options.subscription_messages_max;
        Self {
            client,
            filter,
            options: SubscriptionOptions { maximum_qos: QoS::ExactlyOnce, ..SubscriptionOptions::default() },
            properties: PropertyList::default(),
            buffer_messages_max,
            overflow: Overflow::default(),
        }
    }

    /// The highest QoS at which messages come; by default 2, which takes each message as it was published.
    pub fn qos(mut self, maximum: QoS) -> Self {
        self.options.maximum_qos = maximum;
        self
    }

    /// Whether messages of this very client are kept away; by default not. Only in MQTT 5.0.
    pub fn no_local(mut self, no_local: bool) -> Self {
        self.options.no_local = no_local;
        self
    }

    /// Whether messages keep the RETAIN flag that they were published with; by default it tells those that were retained
    /// before the subscription. Only in MQTT 5.0.
    pub fn retain_as_published(mut self, retain_as_published: bool) -> Self {
        self.options.retain_as_published = retain_as_published;
        self
    }

    /// When retained messages come; by default at each subscribing. Only in MQTT 5.0.
    pub fn retain_handling(mut self, retain_handling: RetainHandling) -> Self {
        self.options.retain_handling = retain_handling;
        self
    }

    /// Adds a user property to SUBSCRIBE. Only in MQTT 5.0.
    pub fn property(mut self, property: &Property<'_>) -> Self {
        self.properties.push(property);
        self
    }

    /// How many messages may wait in the stream; by default what the options say. At least 1.
    pub fn buffer_messages_max(mut self, messages: usize) -> Self {
        self.buffer_messages_max = messages;
        self
    }

    /// What happens to messages of QoS 0 for which there is no room; by default [`Overflow::Wait`].
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    async fn subscribe(self) -> Result<Subscription, SubscribeError> {
        let filter = TopicFilter::parse(&self.filter).map_err(SubscribeError::TopicFilter)?;
        if filter.share().is_some() && self.options.no_local {
            return Err(SubscribeError::NoLocalOnSharedSubscription);
        }
        let owner = PropertyOwner::Packet(PacketType::Subscribe);
        self.properties.check(owner).map_err(SubscribeError::Properties)?;
        let shared = Arc::clone(&self.client.shared);
        let mailbox = Mailbox::new(Arc::clone(&shared.gauge), self.buffer_messages_max, self.overflow);
        let filter: Box<str> = self.filter.into();
        // Dropped before the answer comes, it ends the subscription.
        let mut subscription = Subscription {
            client: Some(self.client),
            filter: filter.clone(),
            mailbox: Arc::new(mailbox),
            granted: ReasonCode::Success,
        };
        let (reply, answer) = oneshot::channel();
        let (options, properties) = (self.options, self.properties);
        let mailbox = Arc::clone(&subscription.mailbox);
        let command = SubscribeCommand { filter, options, properties, mailbox, reply };
        shared.requests.send(Request::Subscribe(command)).await.map_err(|_| SubscribeError::Closed)?;
        subscription.granted = answer.await.unwrap_or(Err(SubscribeError::Closed))?;
        Ok(subscription)
    }
}

impl IntoFuture for Subscribe {
    type Output = Result<Subscription, SubscribeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.subscribe())
    }
}

/// The messages of a subscription, as a stream.
///
/// A message of QoS 1 or 2 is acknowledged when it is taken from here (or by [`Message::acknowledge`], see
/// [`Options::manual_acknowledgement`](crate::Options::manual_acknowledgement)), so that one that the process never saw
/// comes again after a crash, if the Session is kept.
///
/// With MQTT 5.0 a message goes to the streams of exactly those subscriptions that it was sent for. Before, it goes to all
/// whose Topic Filter matches, so that a server which sends it once for each of several overlapping subscriptions makes
/// each of their streams bring it as often.
///
/// It belongs to the client as a handle does: while it is there, the client stays connected. Dropping it unsubscribes.
///
/// # Slow readers
///
/// When the stream is full the client stops reading from the server, and with that also receives no acknowledgements. So
/// do not wait for [`Client::publish`] with QoS 1 or 2, or for another subscription, in the loop that empties a busy
/// stream: use a task of its own, or [`Publish::enqueue`](crate::Publish::enqueue). With MQTT 5.0 only messages of QoS 0
/// can bring this about, since the Receive Maximum keeps the others away in time, as long as it is below the room in the
/// stream and the server keeps to it.
pub struct Subscription {
    /// None for the stream of what belongs to no subscription.
    client: Option<Client>,
    filter: Box<str>,
    mailbox: Arc<Mailbox>,
    granted: ReasonCode,
}

impl Subscription {
    /// The stream of messages that belong to no subscription of this process.
    pub(crate) fn of_rest(mailbox: Arc<Mailbox>) -> Self {
        mailbox.open();
        Self { client: None, filter: "".into(), mailbox, granted: ReasonCode::Success }
    }

    /// Waits for the next message; `None` at the end of the subscription, see [`Subscription::ended`].
    ///
    /// May be dropped while it waits: no message is lost.
    pub async fn recv(&mut self) -> Option<Message> {
        core::future::poll_fn(|context| self.mailbox.poll_pop(context)).await
    }

    /// The next message, if one is there.
    pub fn try_recv(&mut self) -> Option<Message> {
        self.mailbox.try_pop()
    }

    /// Ends the subscription and waits for UNSUBACK. Messages that wait in the stream are given up.
    ///
    /// # Errors
    /// [`UnsubscribeError::Refused`], [`UnsubscribeError::Closed`].
    pub async fn unsubscribe(self) -> Result<(), UnsubscribeError> {
        let Some(client) = self.client.clone() else { return Ok(()) };
        let filter = self.filter.clone();
        self.mailbox.abandon();
        client.unsubscribe_from(filter, Some(Arc::clone(&self.mailbox))).await
    }

    /// The Topic Filter.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The highest QoS at which messages come, as the server granted it.
    pub fn granted_qos(&self) -> QoS {
        QoS::from_u8(self.granted as u8).unwrap_or_default()
    }

    /// Why there will be no more messages than those that wait; `None` while the subscription lasts.
    pub fn ended(&self) -> Option<SubscriptionEnd> {
        self.mailbox.ended()
    }

    /// How many messages wait in the stream.
    pub fn waiting_messages(&self) -> usize {
        self.mailbox.len()
    }

    /// How many messages were dropped because of [`Overflow::DropNewest`].
    pub fn dropped_messages(&self) -> u64 {
        self.mailbox.dropped()
    }
}

impl Stream for Subscription {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        self.mailbox.poll_pop(context)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.mailbox.abandon();
        if let Some(client) = &self.client {
            let (filter, mailbox) = (self.filter.clone(), Arc::clone(&self.mailbox));
            // Without a task there is nothing to unsubscribe from.
            let _ = client.shared.notices.send(Notice::Dropped { filter, mailbox });
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("filter", &self.filter)
            .field("waiting_messages", &self.waiting_messages())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Asks for UNSUBSCRIBE and waits for UNSUBACK.
    pub(crate) async fn unsubscribe_from(
        &self,
        filter: Box<str>,
        mailbox: Option<Arc<Mailbox>>,
    ) -> Result<(), UnsubscribeError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Unsubscribe(UnsubscribeCommand { filter, mailbox, reply: Some(reply) });
        self.shared.requests.send(request).await.map_err(|_| UnsubscribeError::Closed)?;
        answer.await.unwrap_or(Err(UnsubscribeError::Closed)).map(|_| ())
    }
}
