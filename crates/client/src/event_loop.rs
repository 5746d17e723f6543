//! The task of a client: it owns the connection and the protocol, and hears the handles.
//!
//! All rules of MQTT are in [`martlet_proto::Client`]. Here is what waits: for bytes, for the clock, for the application. A
//! connection is driven in `drive`; what the application wants is taken up in `commands`, what the protocol tells in
//! `events`.

mod closing;
mod commands;
mod connect;
mod drive;
mod events;

use std::collections::VecDeque;
use std::sync::Arc;

use martlet_proto::client::{Input, Settings};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::command::{Command, Inbox, Notice, Reply, Request, Room, Token};
use crate::error::{AuthenticateError, ConnectError, DisconnectError, Lost, PublishError};
use crate::mailbox::{Gauge, Mailbox};
use crate::options::Options;
use crate::publish::Published;
use crate::reconnect::{self, Backoff};
use crate::router::Router;
use crate::state::{Closed, State};

use closing::Closing;

/// How many requests may wait for a connection.
const WAITING_REQUESTS_MAX: usize = 64;

/// The task of a client.
pub(crate) struct EventLoop {
    options: Arc<Options>,
    protocol: martlet_proto::Client<Token>,
    clock: Clock,
    inbox: Inbox,
    /// Handed to each message, so that it can tell its acknowledgement.
    notices: mpsc::UnboundedSender<Notice>,
    gauge: Arc<Gauge>,
    router: Router,
    state: watch::Sender<State>,
    backoff: Backoff,
    /// The Client Identifier, which the server may have chosen.
    client_identifier: String,
    /// Who waits for the first connection.
    ready: Option<oneshot::Sender<Result<(), ConnectError>>>,
    /// Requests that wait for a connection.
    waiting: VecDeque<Request>,
    /// How many of these, at the front, are repeated because their connection ended without an answer.
    repeated: usize,
    /// Who waits until messages of QoS 0 are sent that were not begun yet.
    unsent: Vec<Reply<Published, PublishError>>,
    reauthentication: Option<Reply<(), AuthenticateError>>,
    closing: Option<Closing>,
    /// Why the connection is to be given up.
    lost: Option<Lost>,
}

/// How a connection ended.
enum End {
    /// The application wants no more.
    Application,
    /// By itself.
    Lost(Lost),
}

impl EventLoop {
    pub(crate) fn new(
        options: Arc<Options>,
        inbox: Inbox,
        notices: mpsc::UnboundedSender<Notice>,
        gauge: Arc<Gauge>,
        rest: Option<Arc<Mailbox>>,
        state: watch::Sender<State>,
    ) -> Self {
        let settings = Settings {
            inflight_messages_max: options.inflight_messages_max.get(),
            topic_alias_maximum_outgoing: options.topic_alias_maximum_outgoing,
            acknowledges_itself: false,
            tolerates_excess: false,
        };
        Self {
            protocol: martlet_proto::Client::new(settings),
            clock: Clock::start(),
            inbox,
            notices,
            gauge,
            router: Router::new(rest),
            state,
            backoff: Backoff::new(options.reconnect.clone()),
            client_identifier: options.client_identifier.clone(),
            ready: None,
            waiting: VecDeque::new(),
            repeated: 0,
            unsent: Vec::new(),
            reauthentication: None,
            closing: None,
            lost: None,
            options,
        }
    }

    /// Runs until the client has ended.
    pub(crate) async fn run(mut self, ready: oneshot::Sender<Result<(), ConnectError>>) {
        self.ready = Some(ready);
        let closed = loop {
            let lost = match self.connection().await {
                End::Application => break Closed::ByApplication,
                End::Lost(lost) => lost,
            };
            if let Some(ready) = self.ready.take() {
                let error = ConnectError::from(lost);
                let _ = ready.send(Err(error)); // the application may have stopped waiting
                break Closed::ByApplication;
            }
            if self.closing.is_some() {
                self.answer_closing(Err(DisconnectError::ConnectionLost));
                break Closed::ByApplication;
            }
            let is_worth_retrying = reconnect::is_worth_retrying(&lost);
            let cause = Arc::new(lost);
            let Some(pause) = self.backoff.next(reconnect::random()).filter(|_| is_worth_retrying) else {
                break Closed::Lost(cause);
            };
            self.state.send_replace(State::Reconnecting { attempts: self.backoff.attempts(), cause });
            if self.beside(tokio::time::sleep(pause)).await.is_none() {
                break Closed::ByApplication;
            }
        };
        self.answer_closing(Err(DisconnectError::NotConnected));
        self.router.end_all();
        self.state.send_replace(State::Closed(closed));
    }

    /// Waits for `future` and hears the handles meanwhile; `None` if the application wants no more.
    async fn beside<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let mut future = core::pin::pin!(future);
        loop {
            let room = self.room();
            tokio::select! {
                output = &mut future => return Some(output),
                command = self.inbox.next(room) => self.take_command(command),
            }
            if self.closing.is_some() {
                return None;
            }
        }
    }

    /// The connection is gone.
    fn closed(&mut self) {
        self.protocol.handle(self.clock.now(), Input::Closed);
        self.take_events();
        self.lost = None;
        self.reauthentication = None;
        for reply in self.unsent.drain(..) {
            let _ = reply.send(Err(PublishError::ConnectionLost));
        }
    }

    /// What the task takes from the handles.
    fn room(&self) -> Room {
        Room {
            publishes: self.protocol.unfinished_publishes() < self.options.unfinished_publishes_max,
            requests: self.waiting.len() < WAITING_REQUESTS_MAX,
        }
    }
}

impl From<Lost> for ConnectError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Connect(error) => error,
            Lost::Io(error) => Self::Io(error),
            Lost::Closed => Self::Closed,
            Lost::Disconnected(reason) => Self::Refused(reason),
            Lost::Misbehaved(misbehaved) => Self::Misbehaved(misbehaved),
            Lost::Authentication(failed) => Self::Authentication(failed),
        }
    }
}

/// Turns the clock of Tokio into the one of the protocol.
#[derive(Debug)]
struct Clock {
    begin: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { begin: Instant::now() }
    }

    /// The protocol only compares times of one process, so that they may begin anywhere.
    fn now(&self) -> martlet_proto::Instant {
        martlet_proto::Instant::default() + self.begin.elapsed()
    }

    fn at(&self, time: martlet_proto::Instant) -> Instant {
        // Rounded up: a wake-up before its time would only come again.
        self.begin + core::time::Duration::from_millis(time.as_millis().saturating_add(1).min(u64::MAX >> 20))
    }
}

/// What was taken up so far, so that a burst of commands is taken in one go, but not without end.
const COMMANDS_AT_ONCE_MAX: usize = 128;

impl EventLoop {
    /// Takes a command, and the ones that wait behind it.
    fn take_commands(&mut self, first: Command, room_for_bytes: impl Fn(usize) -> bool) {
        self.take_command(first);
        for _ in 0..COMMANDS_AT_ONCE_MAX {
            if let Some(notice) = self.inbox.try_notice() {
                self.take_command(Command::Notice(notice));
                continue;
            }
            if !self.room().publishes || !room_for_bytes(self.protocol.outgoing().len()) {
                break;
            }
            let Some(publish) = self.inbox.try_publish() else { break };
            self.take_command(Command::Publish(publish));
        }
    }
}
