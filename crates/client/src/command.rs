//! What the handles say to the task.

use std::sync::Arc;

use martlet_proto::client::Receipt;
use martlet_wire::{QoS, ReasonCode, SubscriptionOptions};
use tokio::sync::{mpsc, oneshot};

use crate::error::{AuthenticateError, DisconnectError, PublishError, SubscribeError, UnsubscribeError};
use crate::mailbox::Mailbox;
use crate::properties::PropertyList;
use crate::publish::Published;

pub(crate) type Reply<T, E> = oneshot::Sender<Result<T, E>>;

/// A message to publish.
#[derive(Debug)]
pub(crate) struct PublishCommand {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) properties: PropertyList,
    pub(crate) reply: Reply<Published, PublishError>,
    /// Who waits until it is in the session store.
    pub(crate) stored: Option<Reply<(), PublishError>>,
}

#[derive(Debug)]
pub(crate) struct SubscribeCommand {
    pub(crate) filter: Box<str>,
    pub(crate) options: SubscriptionOptions,
    pub(crate) properties: PropertyList,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) reply: Reply<ReasonCode, SubscribeError>,
}

#[derive(Debug)]
pub(crate) struct UnsubscribeCommand {
    pub(crate) filter: Box<str>,
    /// The stream that ends; without, all of the filter.
    pub(crate) mailbox: Option<Arc<Mailbox>>,
    pub(crate) reply: Option<Reply<ReasonCode, UnsubscribeError>>,
}

/// Something that needs a connection, and is not a message.
#[derive(Debug)]
pub(crate) enum Request {
    Subscribe(SubscribeCommand),
    /// A subscription that the server lost is made again.
    Resubscribe(Box<str>),
    Unsubscribe(UnsubscribeCommand),
    Reauthenticate(Reply<(), AuthenticateError>),
    Disconnect {
        reason: ReasonCode,
        reply: Reply<(), DisconnectError>,
    },
}

/// Something that the application lets go of. There are never more of these than there are messages and streams with it,
/// both of which are bounded, so their channel needs no bound.
#[derive(Debug)]
pub(crate) enum Notice {
    Acknowledge(Receipt),
    Abandon(Receipt),
    /// A stream was dropped.
    Dropped {
        filter: Box<str>,
        mailbox: Arc<Mailbox>,
    },
}

/// By what the task recognises an operation when its answer comes.
#[derive(Debug)]
pub(crate) enum Token {
    Publish { qos: QoS, reply: Reply<Published, PublishError> },
    Request(Request),
}

/// One thing that a handle said.
#[derive(Debug)]
pub(crate) enum Command {
    Publish(PublishCommand),
    Request(Request),
    Notice(Notice),
    /// The last handle is gone.
    Gone,
    /// No more publishes will come.
    PublishesEnded,
}

/// What the task takes at the moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) publishes: bool,
    pub(crate) requests: bool,
}

/// Where the task hears the handles.
#[derive(Debug)]
pub(crate) struct Inbox {
    publishes: mpsc::Receiver<PublishCommand>,
    requests: mpsc::Receiver<Request>,
    notices: mpsc::UnboundedReceiver<Notice>,
    have_publishes_ended: bool,
    have_requests_ended: bool,
}

impl Inbox {
    pub(crate) const fn new(
        publishes: mpsc::Receiver<PublishCommand>,
        requests: mpsc::Receiver<Request>,
        notices: mpsc::UnboundedReceiver<Notice>,
    ) -> Self {
        Self { publishes, requests, notices, have_publishes_ended: false, have_requests_ended: false }
    }

    /// Waits for the next command. May be dropped while it waits.
    pub(crate) async fn next(&mut self, room: Room) -> Command {
        let takes_requests = room.requests && !self.have_requests_ended;
        let takes_publishes = room.publishes && !self.have_publishes_ended;
        tokio::select! {
            biased;
            Some(notice) = self.notices.recv() => Command::Notice(notice),
            request = self.requests.recv(), if takes_requests => self.request(request),
            publish = self.publishes.recv(), if takes_publishes => self.publish(publish),
            else => core::future::pending().await,
        }
    }

    /// The next publish, if one is there.
    pub(crate) fn try_publish(&mut self) -> Option<PublishCommand> {
        self.publishes.try_recv().ok()
    }

    /// The next notice, if one is there.
    pub(crate) fn try_notice(&mut self) -> Option<Notice> {
        self.notices.try_recv().ok()
    }

    /// Takes nothing new; what was handed in before still comes.
    pub(crate) fn close(&mut self) {
        self.publishes.close();
        self.requests.close();
    }

    /// Whether everything that was published has come.
    pub(crate) const fn have_publishes_ended(&self) -> bool {
        self.have_publishes_ended
    }

    fn request(&mut self, request: Option<Request>) -> Command {
        self.have_requests_ended = request.is_none();
        request.map_or(Command::Gone, Command::Request)
    }

    fn publish(&mut self, publish: Option<PublishCommand>) -> Command {
        self.have_publishes_ended = publish.is_none();
        publish.map_or(Command::PublishesEnded, Command::Publish)
    }
}
