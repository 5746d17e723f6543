//! Request and response: a message that has an answer.

use core::fmt;
use core::pin::Pin;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use martlet_wire::{Property, QoS, TopicError, TopicName};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::error::{PublishError, SubscribeError};
use crate::handle::Client;
use crate::message::Message;
use crate::publish::Publish;
use crate::reconnect;
use crate::subscription::Subscription;

/// How long a request waits for its answer unless it says so itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends requests and finds the answers that belong to them, by Response Topic and Correlation Data of MQTT 5.0.
///
/// It has one subscription for all answers. Copies share it; the last one to be dropped ends it. The other side answers
/// with [`Client::reply`].
///
/// ```no_run
/// # async fn example(client: martlet_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let requester = client.requester().await?;
/// let answer = requester.request("clock/time", "").await?;
/// println!("{:?}", answer.text());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Requester {
    client: Client,
    shared: Arc<Shared>,
}

struct Shared {
    response_topic: String,
    open: Arc<Mutex<OpenRequests>>,
    /// The task that hands the answers out.
    task: AbortHandle,
}

#[derive(Default)]
struct OpenRequests {
    last: u64,
    /// Nothing more can come.
    has_ended: bool,
    waiting: HashMap<u64, oneshot::Sender<Message>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The request was not published.
    Publish(PublishError),
    /// No answer came in time. One that comes later is dropped.
    Timeout {
        /// The time allowed.
        after: Duration,
    },
    /// The client, or the subscription to the answers, has ended.
    Closed,
}

impl core::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Publish(error) => Some(error),
            Self::Timeout { .. } | Self::Closed => None,
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publish(error) => write!(f, "{error}"),
            Self::Timeout { after } => write!(f, "no answer came within {after:?}"),
            Self::Closed => write!(f, "the client is disconnected"),
        }
    }
}

impl Client {
    /// Prepares for requests: subscribes to a Response Topic of this client's own.
    ///
    /// The topic begins with the Response Information of the server, if there is one, see
    /// [`Property::RequestResponseInformation`]; else with `responses/`.
    ///
    /// # Errors
    /// Those of [`Client::subscribe`].
    pub async fn requester(&self) -> Result<Requester, SubscribeError> {
        let connection = self.connection();
        let basis = connection.as_ref().and_then(|connection| connection.properties().response_information());
        let topic =
            format!("{}/{:016x}", basis.unwrap_or("responses").trim_end_matches('/'), reconnect::random());
        self.requester_on(topic).await
    }

    /// Prepares for requests whose answers come on this Response Topic, which should be no other client's.
    ///
    /// # Errors
    /// Those of [`Client::subscribe`], and [`SubscribeError::TopicFilter`] for a topic with wildcards.
    pub async fn requester_on(&self, response_topic: impl Into<String>) -> Result<Requester, SubscribeError> {
        let response_topic = response_topic.into();
        TopicName::parse(&response_topic).map_err(|error: TopicError| SubscribeError::TopicFilter(error))?;
        let answers = self.subscribe(&*response_topic).qos(QoS::AtLeastOnce).await?;
        let open = Arc::default();
        let task = tokio::spawn(hand_out(answers, Arc::clone(&open))).abort_handle();
        Ok(Requester { client: self.clone(), shared: Arc::new(Shared { response_topic, open, task }) })
    }
}

/// Gives each answer to whom it belongs to.
async fn hand_out(mut answers: Subscription, open: Arc<Mutex<OpenRequests>>) {
    while let Some(mut answer) = answers.recv().await {
        let number = answer.correlation_data().and_then(|data| data.try_into().ok()).map(u64::from_be_bytes);
        answer.acknowledge(); // whoever waits for it has nothing else to do with it
        if let Some(waiting) = number.and_then(|number| lock(&open).waiting.remove(&number)) {
            let _ = waiting.send(answer);
        }
    }
    let mut open = lock(&open);
    open.has_ended = true;
    open.waiting.clear();
}

fn lock(open: &Mutex<OpenRequests>) -> std::sync::MutexGuard<'_, OpenRequests> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Requester {
    /// A request about to be made: set what else there is to say and await it for the answer.
    pub fn request(&self, topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Request {
        let publish = self.client.publish(topic, payload).qos(QoS::AtLeastOnce);
        Request { publish, timeout: PATIENCE, shared: Arc::clone(&self.shared) }
    }

    /// The topic that the answers come on.
    pub fn response_topic(&self) -> &str {
        &self.shared.response_topic
    }
}

impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requester").field("response_topic", &self.response_topic()).finish_non_exhaustive()
    }
}

/// A request about to be made: by [`Requester::request`]. Awaiting it publishes the request and waits for the answer.
#[must_use = "a request is made when it is awaited"]
pub struct Request {
    publish: Publish,
    timeout: Duration,
    shared: Arc<Shared>,
}

impl Request {
    /// How long to wait for the answer, the time for publishing included; by default 10 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The QoS of the request; by default 1.
    pub fn qos(mut self, qos: QoS) -> Self {
        self.publish = self.publish.qos(qos);
        self
    }

    /// Adds a property to the request: any but Response Topic and Correlation Data.
    pub fn property(mut self, property: &Property<'_>) -> Self {
        self.publish = self.publish.property(property);
        self
    }

    async fn answer(self) -> Result<Message, RequestError> {
        let Self { publish, timeout, shared } = self;
        let (sender, answer) = oneshot::channel();
        let entry = Entry::new(&shared.open, sender).ok_or(RequestError::Closed)?;
        let number = entry.number.to_be_bytes();
        let topic = TopicName::parse(&shared.response_topic)
            .map_err(|error| RequestError::Publish(PublishError::TopicName(error)))?;
        let publish =
            publish.property(&Property::ResponseTopic(topic)).property(&Property::CorrelationData(&number));
        let exchange = async {
            publish.await.map_err(RequestError::Publish)?;
            answer.await.map_err(|_| RequestError::Closed)
        };
        let outcome = tokio::time::timeout(timeout, exchange).await;
        outcome.unwrap_or(Err(RequestError::Timeout { after: timeout }))
    }
}

impl IntoFuture for Request {
    type Output = Result<Message, RequestError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.answer())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("publish", &self.publish).finish_non_exhaustive()
    }
}

/// A place among the open requests, given back in any case.
struct Entry<'a> {
    open: &'a Mutex<OpenRequests>,
    number: u64,
}

impl<'a> Entry<'a> {
    fn new(open: &'a Mutex<OpenRequests>, sender: oneshot::Sender<Message>) -> Option<Self> {
        let mut requests = lock(open);
        if requests.has_ended {
            return None;
        }
        requests.last += 1;
        let number = requests.last;
        requests.waiting.insert(number, sender);
        Some(Self { open, number })
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        lock(self.open).waiting.remove(&self.number);
    }
}
