//! The handle by which an application uses a client.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use martlet_wire::{Property, ReasonCode, TopicFilter};
use tokio::sync::{mpsc, oneshot, watch};

use crate::command::{Inbox, Notice, PublishCommand, Request};
use crate::error::{AuthenticateError, ConnectError, DisconnectError, UnsubscribeError};
use crate::event_loop::EventLoop;
use crate::mailbox::{Gauge, Mailbox, Overflow};
use crate::message::Message;
use crate::options::Options;
use crate::publish::Publish;
use crate::restored::RestoredPublish;
use crate::state::{Connection, State, StateWatch};
use crate::subscription::{Subscribe, Subscription};

/// How many publishes may wait between the handles and the task, besides those that the task has taken up.
const PUBLISHES_HANDED_OVER_MAX: usize = 64;
/// The same for all else.
const REQUESTS_HANDED_OVER_MAX: usize = 16;

/// A client: a handle to a task that keeps the connection.
///
/// The task runs by itself; there is nothing to poll. It answers the Keep Alive, reconnects, and goes on with the Session.
/// Handles can be cloned. When the last one and the last [`Subscription`] are dropped the client disconnects in good
/// order, as [`Client::disconnect`] does. The task does that, so a program that ends right away does not give it the time:
/// there, await [`Client::disconnect`].
///
/// ```no_run
/// use martlet_client::{Client, Options, QoS};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::connect(Options::tcp("localhost", 1883)).await?;
/// let mut echo = client.subscribe("echo").await?;
/// client.publish("echo", "hello").qos(QoS::AtLeastOnce).await?;
/// assert_eq!(echo.recv().await.expect("it comes back").payload(), b"hello");
/// client.disconnect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

/// What all handles of a client have in common.
pub(crate) struct Shared {
    pub(crate) options: Arc<Options>,
    pub(crate) publishes: mpsc::Sender<PublishCommand>,
    pub(crate) requests: mpsc::Sender<Request>,
    pub(crate) notices: mpsc::UnboundedSender<Notice>,
    pub(crate) gauge: Arc<Gauge>,
    state: watch::Receiver<State>,
    restored: Mutex<Vec<RestoredPublish>>,
}

impl Client {
    /// Connects, and waits until the server has let the client in. To be called within a Tokio runtime.
    ///
    /// Messages that belong to no subscription of this process (those of a Session that was kept) are acknowledged and
    /// dropped; [`Client::resume`] hands them over.
    ///
    /// # Errors
    /// Why the first connection did not come about; there are no further attempts. Reconnecting begins with the loss of a
    /// connection that did. [`Client::start`] tries the first one again, too.
    pub async fn connect(options: Options) -> Result<Self, ConnectError> {
        Self::launch(options, None, true).await
    }

    /// Connects with a Session that the server may have kept, as [`Client::connect`] does, and hands over the messages
    /// that belong to no subscription of this process.
    ///
    /// [`Options::clean_start`] has to be `false` for this to be of use, and the Client Identifier that of the Session.
    /// The stream holds up reading from the server when it is full, as any other.
    ///
    /// # Errors
    /// Those of [`Client::connect`].
    pub async fn resume(options: Options) -> Result<(Self, Subscription), ConnectError> {
        let gauge = Arc::new(Gauge::default());
        let mailbox = Mailbox::new(Arc::clone(&gauge), options.subscription_messages_max, Overflow::Wait);
        let mailbox = Arc::new(mailbox);
        let client = Self::launch(options, Some((gauge, Arc::clone(&mailbox))), true).await?;
        Ok((client, Subscription::of_rest(mailbox)))
    }

    /// Starts a client without waiting for a connection: the first one is tried again as [`Options::reconnect`] says, like
    /// every other. To be called within a Tokio runtime.
    ///
    /// What is published meanwhile waits for the connection, in the [session store](crate::store) if there is one. So a device
    /// can begin its work before its network does. [`Client::state`] tells what comes of it: [`State::Closed`] where trying
    /// again would be of no use, such as with a wrong password.
    ///
    /// # Errors
    /// [`ConnectError::Store`] if the session store cannot be read.
    pub async fn start(options: Options) -> Result<Self, ConnectError> {
        Self::launch(options, None, false).await
    }

    async fn launch(
        options: Options,
        rest: Option<(Arc<Gauge>, Arc<Mailbox>)>,
        awaits_connection: bool,
    ) -> Result<Self, ConnectError> {
        let options = Arc::new(options);
        let (gauge, rest) = match rest {
            Some((gauge, rest)) => (gauge, Some(rest)),
            None => (Arc::default(), None),
        };
        let handed_over_max = options.unfinished_publishes_max.min(PUBLISHES_HANDED_OVER_MAX);
        let (publishes, publish_receiver) = mpsc::channel(handed_over_max);
        let (requests, request_receiver) = mpsc::channel(REQUESTS_HANDED_OVER_MAX);
        let (notices, notice_receiver) = mpsc::unbounded_channel();
        let inbox = Inbox::new(publish_receiver, request_receiver, notice_receiver);
        let (state_sender, state) = watch::channel(State::Connecting);
        let (ready, is_ready) = oneshot::channel();
        let event_loop = EventLoop::new(
            Arc::clone(&options),
            inbox,
            notices.clone(),
            Arc::clone(&gauge),
            rest,
            state_sender,
        );
        tokio::spawn(event_loop.run(ready, awaits_connection));
        let restored = Mutex::default();
        let shared = Shared { options, publishes, requests, notices, gauge, state, restored };
        let client = Self { shared: Arc::new(shared) };
        let restored = is_ready.await.unwrap_or(Err(ConnectError::Closed))?;
        *client.shared.restored.lock().unwrap_or_else(PoisonError::into_inner) = restored;
        Ok(client)
    }

    /// A message to publish: set what else there is to say and await it. See [`Publish`].
    pub fn publish(&self, topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Publish {
        Publish::new(self.clone(), topic.into(), payload.into())
    }

    /// A subscription to make: set what else there is to say and await it. See [`Subscribe`].
    pub fn subscribe(&self, filter: impl Into<String>) -> Subscribe {
        Subscribe::new(self.clone(), filter.into())
    }

    /// Ends all subscriptions of a Topic Filter, also one that an earlier process made, and waits for UNSUBACK.
    ///
    /// # Errors
    /// [`UnsubscribeError::TopicFilter`], [`UnsubscribeError::Refused`], [`UnsubscribeError::Closed`].
    pub async fn unsubscribe(&self, filter: &str) -> Result<(), UnsubscribeError> {
        TopicFilter::parse(filter).map_err(UnsubscribeError::TopicFilter)?;
        self.unsubscribe_from(filter.into(), None).await
    }

    /// The answer to a request: a message to its Response Topic with its Correlation Data. `None` if the sender of the
    /// request wants no answer.
    ///
    /// ```no_run
    /// # async fn example(client: martlet_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut requests = client.subscribe("clock/time").await?;
    /// while let Some(request) = requests.recv().await {
    ///     if let Some(reply) = client.reply(&request, "noon") {
    ///         reply.await?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn reply(&self, request: &Message, payload: impl Into<Vec<u8>>) -> Option<Publish> {
        let reply = self.publish(request.response_topic()?, payload).qos(request.qos());
        Some(match request.correlation_data() {
            Some(data) => reply.property(&Property::CorrelationData(data)),
            None => reply,
        })
    }

    /// Disconnects for good: takes nothing new, waits for the unfinished publishes as long as
    /// [`Options::disconnect_timeout`] allows, and sends DISCONNECT. Streams end; what waits in them can still be taken.
    ///
    /// # Errors
    /// [`DisconnectError`]: what was not in good order. The client has ended in any case.
    pub async fn disconnect(&self) -> Result<(), DisconnectError> {
        self.disconnect_with(ReasonCode::NORMAL_DISCONNECTION).await
    }

    /// Disconnects with a reason code: [`ReasonCode::DisconnectWithWillMessage`] has the Will published. Before MQTT 5.0 the
    /// server is told no reason.
    ///
    /// # Errors
    /// Those of [`Client::disconnect`].
    pub async fn disconnect_with(&self, reason: ReasonCode) -> Result<(), DisconnectError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Disconnect { reason, reply };
        self.shared.requests.send(request).await.map_err(|_| DisconnectError::Closed)?;
        answer.await.unwrap_or(Err(DisconnectError::Closed))
    }

    /// Authenticates anew on the present connection, with the [`Authenticator`](crate::Authenticator) of the options.
    ///
    /// # Errors
    /// [`AuthenticateError`]. A server that refuses ends the connection: [`AuthenticateError::ConnectionLost`].
    pub async fn reauthenticate(&self) -> Result<(), AuthenticateError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Reauthenticate(reply);
        self.shared.requests.send(request).await.map_err(|_| AuthenticateError::Closed)?;
        answer.await.unwrap_or(Err(AuthenticateError::ConnectionLost))
    }

    /// Takes what an earlier process began to publish and left in the [session store](crate::store), oldest first. Another call
    /// tells nothing.
    ///
    /// These messages are finished without a word from the application. Here it can see which ones there are, and wait for
    /// them.
    pub fn take_restored(&self) -> Vec<RestoredPublish> {
        core::mem::take(&mut *self.shared.restored.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the client is doing, for looking and for waiting.
    pub fn state(&self) -> StateWatch {
        StateWatch(self.shared.state.clone())
    }

    /// What the server said when it let the client in; `None` while there is no connection.
    pub fn connection(&self) -> Option<Arc<Connection>> {
        match &*self.shared.state.borrow() {
            State::Connected(connection) => Some(Arc::clone(connection)),
            _ => None,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("state", &*self.shared.state.borrow()).finish_non_exhaustive()
    }
}
