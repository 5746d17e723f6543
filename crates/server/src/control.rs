//! Requests to the broker itself: what clients publish below `$CONTROL/`, and who handles it.
//!
//! A handler stands for one topic, such as `$CONTROL/broker/v1`. It runs on the one control thread of the broker, so it may
//! take its time, reading and writing files included; it handles one request after the other. The engine bounds how many
//! requests wait and how large they are ([`Limits::control_requests_max`](martlet_engine::Limits::control_requests_max)), and does
//! not read from a client whose request waits.

pub mod about;
pub mod commands;

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};

use martlet_engine::{ControlAnswer, ControlRequest, ShardId};
use martlet_wire::TopicName;

use crate::inbox::{Inboxes, Mail};

/// Handles the requests on one topic.
pub trait ControlHandler: Send + Sync {
    /// Does what a client wants. The client is acknowledged, and read from again, when this returns.
    ///
    /// That the client may publish to the topic was found out already. The payload may hold secrets.
    fn handle(&self, request: &ControlRequest) -> ControlReply;

    /// The answer to the last request is on its way: whatever is sent to the shards from here on comes behind it.
    fn answered(&self) {}
}

/// The answer of a [`ControlHandler`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlReply {
    /// It is published to all who subscribed to this topic, as Mosquitto does.
    Published {
        /// The Topic Name: `$CONTROL/NAME/v1/response`.
        topic: String,
        /// The payload.
        payload: Vec<u8>,
    },
    /// The client alone gets it.
    Alone {
        /// The Topic Name.
        topic: String,
        /// The payload.
        payload: Vec<u8>,
    },
    /// The client alone is told that nobody handles requests on its topic.
    Unavailable,
}

impl ControlReply {
    /// The answer for the engine.
    pub(crate) fn answer(&self) -> ControlAnswer<'_> {
        match self {
            Self::Published { topic, payload } => match TopicName::parse(topic) {
                Ok(topic) => ControlAnswer::Published { topic, payload },
                Err(_) => ControlAnswer::Unavailable,
            },
            Self::Alone { topic, payload } => match TopicName::parse(topic) {
                Ok(topic) => ControlAnswer::Alone { topic, payload },
                Err(_) => ControlAnswer::Unavailable,
            },
            Self::Unavailable => ControlAnswer::Unavailable,
        }
    }
}

/// Who handles the requests on which topic. Clones are the same.
#[derive(Clone, Default)]
pub struct ControlHandlers {
    by_topic: Arc<RwLock<BTreeMap<String, Arc<dyn ControlHandler>>>>,
}

impl ControlHandlers {
    /// From here on requests on this topic are handled so; without a handler nobody handles them.
    pub fn set(&self, topic: &str, handler: Option<Arc<dyn ControlHandler>>) {
        let mut by_topic = self.by_topic.write().unwrap_or_else(PoisonError::into_inner);
        match handler {
            Some(handler) => by_topic.insert(topic.to_owned(), handler),
            None => by_topic.remove(topic),
        };
    }

    pub(crate) fn of(&self, topic: &str) -> Option<Arc<dyn ControlHandler>> {
        let by_topic = self.by_topic.read().unwrap_or_else(PoisonError::into_inner);
        by_topic.get(topic).cloned()
    }
}

impl core::fmt::Debug for ControlHandlers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let by_topic = self.by_topic.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(by_topic.keys()).finish()
    }
}

/// Where a shard hands its requests in.
#[derive(Clone)]
pub(crate) struct ControlDoor(SyncSender<(ShardId, Box<ControlRequest>)>);

impl ControlDoor {
    /// Hands a request in; [`Mail::Controlled`] brings the answer.
    ///
    /// # Errors
    /// The request comes back: the control thread is gone.
    pub(crate) fn hand_in(
        &self,
        shard: ShardId,
        request: Box<ControlRequest>,
    ) -> Result<(), Box<ControlRequest>> {
        // There is a place for as many as the engines let wait, so a full queue is one that nobody empties.
        self.0.try_send((shard, request)).map_err(|error| match error {
            std::sync::mpsc::TrySendError::Full((_, request))
            | std::sync::mpsc::TrySendError::Disconnected((_, request)) => request,
        })
    }
}

/// Starts the control thread. It ends when all doors are gone.
///
/// # Errors
/// The operating system has no thread.
pub(crate) fn start(
    handlers: ControlHandlers,
    inboxes: Arc<Inboxes>,
    waiting_max: usize,
) -> io::Result<(ControlDoor, JoinHandle<()>)> {
    let (sender, receiver) = sync_channel(waiting_max);
    let thread =
        thread::Builder::new().name("control".into()).spawn(move || run(&receiver, &handlers, &inboxes))?;
    Ok((ControlDoor(sender), thread))
}

fn run(receiver: &Receiver<(ShardId, Box<ControlRequest>)>, handlers: &ControlHandlers, inboxes: &Inboxes) {
    while let Ok((shard, request)) = receiver.recv() {
        let handler = handlers.of(&request.topic);
        let reply = handler.as_ref().map_or(ControlReply::Unavailable, |handler| handler.handle(&request));
        inboxes.send(shard, Mail::Controlled { request: request.id, reply });
        if let Some(handler) = handler {
            handler.answered();
        }
    }
}
