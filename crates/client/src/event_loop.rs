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
mod journal;
mod storing;

use std::collections::VecDeque;
use std::sync::Arc;

use martlet_proto::client::Input;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::command::{Command, Inbox, Notice, Reply, Request, Room, Token};
use crate::error::{AuthenticateError, ConnectError, DisconnectError, Lost, PublishError};
use crate::mailbox::{Gauge, Mailbox};
use crate::options::Options;
use crate::publish::Published;
use crate::reconnect::{self, Backoff};
use crate::restored::RestoredPublish;
use crate::router::Router;
use crate::state::{Closed, State};

use closing::Closing;
use journal::Journal;

/// How many requests may wait for a connection.
const WAITING_REQUESTS_MAX: usize = 64;

/// The task of a client.
pub(crate) struct EventLoop {
    options: Arc<Options>,
    protocol: martlet_proto::Client<Token>,
    journal: Journal,
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
    /// Whether no server has let the client in yet.
    is_first: bool,
    /// Who waits for the first connection.
    ready: Option<Ready>,
    /// What an earlier process left, until somebody takes it.
    restored: Vec<RestoredPublish>,
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

/// Who waits for the first connection; gets what an earlier process left.
pub(crate) type Ready = oneshot::Sender<Result<Vec<RestoredPublish>, ConnectError>>;

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
        Self {
            protocol: martlet_proto::Client::new(storing::settings(&options)),
            journal: Journal::default(),
            clock: Clock::start(),
            inbox,
            notices,
            gauge,
            router: Router::new(rest),
            state,
            backoff: Backoff::new(options.reconnect.clone()),
            client_identifier: options.client_identifier.clone(),
            is_first: true,
            ready: None,
            restored: Vec::new(),
            waiting: VecDeque::new(),
            repeated: 0,
            unsent: Vec::new(),
            reauthentication: None,
            closing: None,
            lost: None,
            options,
        }
    }

    /// Runs until the client has ended. `ready` hears of the first connection, and that it failed if it did; or that the client
    /// has started, if it does not await that.
    pub(crate) async fn run(mut self, ready: Ready, awaits_connection: bool) {
        let closed = match self.restore().await {
            Ok(restored) if !awaits_connection => {
                let _ = ready.send(Ok(restored));
                self.connections().await
            }
            Ok(restored) => {
                self.restored = restored;
                self.ready = Some(ready);
                self.connections().await
            }
            Err(error) => {
                let _ = ready.send(Err(ConnectError::Store(error))); // the application may have stopped waiting
                Closed::ByApplication
            }
        };
        self.take_rest();
        self.settle().await;
        self.answer_closing(Err(DisconnectError::NotConnected));
        self.router.end_all();
        self.journal = Journal::default(); // the store is free for the next client
        self.state.send_replace(State::Closed(closed));
    }

    /// Connects again and again, until the application or the options want no more.
    async fn connections(&mut self) -> Closed {
        loop {
            let lost = match self.connection().await {
                End::Application => return Closed::ByApplication,
                End::Lost(lost) => lost,
            };
            if let Some(ready) = self.ready.take() {
                let error = ConnectError::from(lost);
                let _ = ready.send(Err(error)); // the application may have stopped waiting
                return Closed::ByApplication;
            }
            if self.closing.is_some() {
                self.answer_closing(Err(DisconnectError::ConnectionLost));
                return Closed::ByApplication;
            }
            let is_worth_retrying = reconnect::is_worth_retrying(&lost);
            let cause = Arc::new(lost);
            let Some(pause) = self.backoff.next(reconnect::random()).filter(|_| is_worth_retrying) else {
                return Closed::Lost(cause);
            };
            self.state.send_replace(State::Reconnecting { attempts: self.backoff.attempts(), cause });
            if self.beside(tokio::time::sleep(pause)).await.is_none() {
                return Closed::ByApplication;
            }
        }
    }

    /// Waits for `future` and hears the handles meanwhile; `None` if the application wants no more.
    async fn beside<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let mut future = core::pin::pin!(future);
        loop {
            self.store_changes();
            let room = self.room();
            tokio::select! {
                output = &mut future => return Some(output),
                command = self.inbox.next(room) => self.take_command(command),
                outcome = self.journal.stored(), if self.journal.is_storing() => self.batch_ended(outcome),
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
        self.protocol.take_outgoing(); // meant for this connection alone
        self.journal.discard();
        self.give_up_not_stored();
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
            Lost::Store(error) => Self::Store(error),
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
