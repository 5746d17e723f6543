//! The client without `async`: each call waits until it is done.
//!
//! The runtime behind it has one thread of its own. Not to be called from within a Tokio runtime, whose threads must not
//! wait.
//!
//! ```no_run
//! use martlet_client::{Options, QoS, blocking};
//!
//! let client = blocking::Client::connect(Options::tcp("localhost", 1883))?;
//! let mut lamps = client.subscribe("lamps/+/state")?;
//! client.publish("lamps/7/set", "on").qos(QoS::AtLeastOnce).send()?;
//! for message in &mut lamps {
//!     println!("{}: {:?}", message.topic(), message.text());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::fmt;
use core::ops::Deref;
use core::time::Duration;
use std::sync::{Arc, OnceLock};
use std::thread;

use martlet_wire::{Property, QoS, ReasonCode};
use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;

use crate::error::{ConnectError, DisconnectError, PublishError, SubscribeError, UnsubscribeError};
use crate::message::Message;
use crate::options::Options;
use crate::publish::Published;
use crate::state::{State, StateWatch};

/// A thread that runs the task of a client, until nobody needs it and the task has ended.
struct Runtime {
    handle: Handle,
    stop: Option<oneshot::Sender<Option<StateWatch>>>,
    thread: Option<thread::JoinHandle<()>>,
    /// Tells the end of the task.
    state: OnceLock<StateWatch>,
}

impl Runtime {
    fn start() -> Result<Arc<Self>, ConnectError> {
        let runtime =
            runtime::Builder::new_current_thread().enable_all().build().map_err(ConnectError::Io)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<Option<StateWatch>>();
        let run = move || {
            runtime.block_on(async {
                if let Ok(Some(mut state)) = stopped.await {
                    state.wait_for(|_| false).await;
                }
            });
        };
        let thread = thread::Builder::new().name("martlet-client".to_owned()).spawn(run);
        let thread = Some(thread.map_err(ConnectError::Io)?);
        Ok(Arc::new(Self { handle, stop: Some(stop), thread, state: OnceLock::new() }))
    }

    /// Remembers the client whose end is to be waited for.
    fn runs(&self, client: &crate::Client) {
        self.state.get_or_init(|| client.state());
    }
}

/// The handles are dropped before the runtime that they need, so that the client is ending when this comes.
impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread waits for nothing else.
            let _ = stop.send(self.state.take());
        }
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
}

/// A client whose calls wait: see [`crate::Client`].
///
/// Handles can be cloned and used from any thread. When the last one and the last [`Subscription`] are dropped the client
/// disconnects in good order, and that drop waits for it.
#[derive(Clone)]
pub struct Client {
    // Dropped before the runtime that it needs.
    client: crate::Client,
    runtime: Arc<Runtime>,
}

impl Client {
    /// Connects, and waits until the server has let the client in.
    ///
    /// # Errors
    /// Those of [`crate::Client::connect`], and [`ConnectError::Io`] if there can be no thread.
    pub fn connect(options: Options) -> Result<Self, ConnectError> {
        let runtime = Runtime::start()?;
        let client = runtime.handle.block_on(crate::Client::connect(options))?;
        runtime.runs(&client);
        Ok(Self { client, runtime })
    }

    /// Starts a client without waiting for a connection: see [`crate::Client::start`].
    ///
    /// # Errors
    /// Those of [`crate::Client::start`], and [`ConnectError::Io`] if there can be no thread.
    pub fn start(options: Options) -> Result<Self, ConnectError> {
        let runtime = Runtime::start()?;
        let client = runtime.handle.block_on(crate::Client::start(options))?;
        runtime.runs(&client);
        Ok(Self { client, runtime })
    }

    /// Connects with a Session that the server may have kept: see [`crate::Client::resume`].
    ///
    /// # Errors
    /// Those of [`Client::connect`].
    pub fn resume(options: Options) -> Result<(Self, Subscription), ConnectError> {
        let runtime = Runtime::start()?;
        let (client, rest) = runtime.handle.block_on(crate::Client::resume(options))?;
        runtime.runs(&client);
        let client = Self { client, runtime };
        let rest = Subscription { subscription: rest, client: client.clone() };
        Ok((client, rest))
    }

    /// A message to publish: set what else there is to say, then [`Publish::send`] it.
    pub fn publish(&self, topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Publish<'_> {
        Publish { publish: self.client.publish(topic, payload), runtime: &self.runtime }
    }

    /// Subscribes, with a QoS of 2 at most, and waits for SUBACK.
    ///
    /// # Errors
    /// Those of [`crate::Client::subscribe`].
    pub fn subscribe(&self, filter: impl Into<String>) -> Result<Subscription, SubscribeError> {
        self.subscribe_with(filter, |subscribe| subscribe)
    }

    /// Subscribes with the options that `set` sets, and waits for SUBACK.
    ///
    /// ```no_run
    /// # fn example(client: martlet_client::blocking::Client) -> Result<(), martlet_client::SubscribeError> {
    /// use martlet_client::QoS;
    ///
    /// let lamps = client.subscribe_with("lamps/+", |subscribe| subscribe.qos(QoS::AtMostOnce).no_local(true))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`crate::Client::subscribe`].
    pub fn subscribe_with(
        &self,
        filter: impl Into<String>,
        set: impl FnOnce(crate::Subscribe) -> crate::Subscribe,
    ) -> Result<Subscription, SubscribeError> {
        let subscribe = set(self.client.subscribe(filter));
        let subscription = self.runtime.handle.block_on(subscribe.into_future())?;
        Ok(Subscription { subscription, client: self.clone() })
    }

    /// Ends all subscriptions of a Topic Filter, and waits for UNSUBACK.
    ///
    /// # Errors
    /// Those of [`crate::Client::unsubscribe`].
    pub fn unsubscribe(&self, filter: &str) -> Result<(), UnsubscribeError> {
        self.runtime.handle.block_on(self.client.unsubscribe(filter))
    }

    /// The answer to a request: see [`crate::Client::reply`].
    pub fn reply(&self, request: &Message, payload: impl Into<Vec<u8>>) -> Option<Publish<'_>> {
        let publish = self.client.reply(request, payload)?;
        Some(Publish { publish, runtime: &self.runtime })
    }

    /// Prepares for requests: see [`crate::Client::requester`].
    ///
    /// # Errors
    /// Those of [`crate::Client::requester`].
    pub fn requester(&self) -> Result<Requester, SubscribeError> {
        let requester = self.runtime.handle.block_on(self.client.requester())?;
        Ok(Requester { requester, client: self.clone() })
    }

    /// Disconnects for good: see [`crate::Client::disconnect`].
    ///
    /// # Errors
    /// Those of [`crate::Client::disconnect`].
    pub fn disconnect(&self) -> Result<(), DisconnectError> {
        self.runtime.handle.block_on(self.client.disconnect())
    }

    /// Disconnects with a reason code: see [`crate::Client::disconnect_with`].
    ///
    /// # Errors
    /// Those of [`crate::Client::disconnect`].
    pub fn disconnect_with(&self, reason: ReasonCode) -> Result<(), DisconnectError> {
        self.runtime.handle.block_on(self.client.disconnect_with(reason))
    }

    /// Takes what an earlier process began to publish: see [`crate::Client::take_restored`].
    pub fn take_restored(&self) -> Vec<RestoredPublish> {
        let restored = |publish| RestoredPublish { publish, handle: self.runtime.handle.clone() };
        self.client.take_restored().into_iter().map(restored).collect()
    }

    /// What the client is doing.
    pub fn state(&self) -> State {
        self.client.state().current()
    }

    /// Waits until there is a state that `wanted` accepts, or the client has ended.
    pub fn wait_for(&self, wanted: impl Fn(&State) -> bool) -> State {
        self.runtime.handle.block_on(self.client.state().wait_for(wanted))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}

/// A message about to be published: made by [`Client::publish`].
#[derive(Debug)]
#[must_use = "a message is published when it is sent"]
pub struct Publish<'a> {
    publish: crate::Publish,
    runtime: &'a Runtime,
}

impl Publish<'_> {
    /// The QoS; by default 0.
    pub fn qos(mut self, qos: QoS) -> Self {
        self.publish = self.publish.qos(qos);
        self
    }

    /// Whether the server keeps the message for later subscribers; by default not.
    pub fn retain(mut self, retain: bool) -> Self {
        self.publish = self.publish.retain(retain);
        self
    }

    /// Adds a property of MQTT 5.0.
    pub fn property(mut self, property: &Property<'_>) -> Self {
        self.publish = self.publish.property(property);
        self
    }

    /// Publishes the message and waits for its end: see [`crate::Publish`].
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn send(self) -> Result<Published, PublishError> {
        self.runtime.handle.block_on(self.publish.into_future())
    }

    /// Waits until there is room for the message, and leaves the rest to the [`Completion`].
    ///
    /// # Errors
    /// Those of [`crate::Publish::enqueue`].
    pub fn enqueue(self) -> Result<Completion, PublishError> {
        let completion = self.runtime.handle.block_on(self.publish.enqueue())?;
        Ok(Completion { completion, handle: self.runtime.handle.clone() })
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runtime")
    }
}

/// The end of a publish that was handed over.
#[derive(Debug)]
pub struct Completion {
    completion: crate::Completion,
    handle: Handle,
}

impl Completion {
    /// Waits until the message is in the session store: see [`crate::Completion::stored`].
    ///
    /// # Errors
    /// Those of [`crate::Completion::stored`].
    pub fn wait_stored(&mut self) -> Result<(), PublishError> {
        let Self { completion, handle } = self;
        handle.block_on(completion.stored())
    }

    /// Waits for it.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn wait(self) -> Result<Published, PublishError> {
        self.handle.block_on(self.completion)
    }
}

/// A message that an earlier process published: see [`crate::RestoredPublish`], which this is too.
#[derive(Debug)]
pub struct RestoredPublish {
    publish: crate::RestoredPublish,
    handle: Handle,
}

impl RestoredPublish {
    /// The end of the publish.
    pub fn into_completion(self) -> Completion {
        Completion { completion: self.publish.into_completion(), handle: self.handle }
    }
}

impl Deref for RestoredPublish {
    type Target = crate::RestoredPublish;

    fn deref(&self) -> &crate::RestoredPublish {
        &self.publish
    }
}

/// The messages of a subscription: see [`crate::Subscription`]. As an iterator it waits for each message, and ends with
/// the subscription.
#[derive(Debug)]
pub struct Subscription {
    // Dropped before the runtime that it needs, which the client may be the last one to keep.
    subscription: crate::Subscription,
    client: Client,
}

impl Subscription {
    /// Waits for the next message; `None` at the end of the subscription.
    pub fn recv(&mut self) -> Option<Message> {
        let Self { subscription, client } = self;
        client.runtime.handle.block_on(subscription.recv())
    }

    /// Waits for the next message at most this long; `None` also when the time is over.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Option<Message> {
        let Self { subscription, client } = self;
        let waiting = async { tokio::time::timeout(timeout, subscription.recv()).await };
        client.runtime.handle.block_on(waiting).ok().flatten()
    }

    /// The next message, if one is there.
    pub fn try_recv(&mut self) -> Option<Message> {
        self.subscription.try_recv()
    }

    /// Ends the subscription and waits for UNSUBACK.
    ///
    /// # Errors
    /// Those of [`crate::Subscription::unsubscribe`].
    pub fn unsubscribe(self) -> Result<(), UnsubscribeError> {
        let Self { subscription, client } = self;
        client.runtime.handle.block_on(subscription.unsubscribe())
    }
}

impl Iterator for Subscription {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.recv()
    }
}

/// Sends requests and finds their answers: see [`crate::Requester`].
#[derive(Clone, Debug)]
pub struct Requester {
    requester: crate::Requester,
    client: Client,
}

impl Requester {
    /// Makes a request with QoS 1, and waits for the answer at most this long.
    ///
    /// # Errors
    /// [`RequestError`](crate::RequestError).
    pub fn request(
        &self,
        topic: impl Into<String>,
        payload: impl Into<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Message, crate::RequestError> {
        let request = self.requester.request(topic, payload).timeout(timeout);
        self.client.runtime.handle.block_on(request.into_future())
    }
}
