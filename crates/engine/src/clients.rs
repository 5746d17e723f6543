//! Client Identifier -> Session: who is known, with or without a connection.

use std::collections::VecDeque;
use std::sync::Arc;

use martlet_proto::{Instant, Session};
use martlet_wire::{PacketId, QoS, SubscriptionIdentifier};

use crate::hashing::{Map, Set, hasher};
use crate::message::{Message, Queued};
use crate::queue::Queue;
use crate::records::{Record, RecordId};
use crate::retained::Cursor;
use crate::tree::NodeId;
use crate::unreleased::Unreleased;
use crate::{Client, ConnectionId};

/// Names a Session of one shard; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SessionId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// One client's Session, as the broker keeps it.
#[derive(Debug)]
pub(crate) struct ClientSession {
    pub(crate) client_identifier: Arc<str>,
    /// Its name in the records of this shard, if it has to survive.
    pub(crate) record: Option<RecordId>,
    /// The user name that counts.
    pub(crate) user_name: Option<Arc<str>>,
    /// The listener that its client came by last. `None` if that was before the start.
    pub(crate) listener: Option<u16>,
    pub(crate) connection: Option<ConnectionId>,
    /// Session Expiry Interval in seconds; `u32::MAX` never expires.
    pub(crate) expiry_interval: u32,
    /// Since when it has no connection.
    pub(crate) detached_at: Option<Instant>,
    /// When it ends, while it has no connection.
    pub(crate) ends_at: Option<Instant>,
    pub(crate) state: Session<Queued>,
    /// QoS 2 messages from the client that take effect with PUBREL.
    pub(crate) unreleased: Unreleased,
    /// Messages in flight that were never sent, since their connection ended before the log had them; with
    /// [`Features::mosquitto_behaviour`](crate::Features) also those of QoS 1 of which that is not known after a crash.
    pub(crate) never_sent: Vec<PacketId>,
    pub(crate) queue: Queue,
    /// The number of the message that was written down last.
    pub(crate) last_number: u64,
    /// Whether the log was told that the queue is full.
    pub(crate) queue_full_noticed: bool,
    /// The filters of its plain subscriptions.
    pub(crate) subscriptions: Set<NodeId>,
    /// Its Shared Subscriptions: `$share/NAME/FILTER`.
    pub(crate) shared: Vec<Arc<str>>,
    /// Retained messages that it is owed for new subscriptions.
    pub(crate) replays: VecDeque<Replay>,
    pub(crate) will: Option<Will>,
}

/// A Will that has not been published.
#[derive(Debug)]
pub(crate) struct Will {
    pub(crate) message: Message,
    /// Message Expiry Interval in seconds: it starts when the Will is published.
    pub(crate) expiry_interval: Option<u32>,
    /// Will Delay Interval in seconds.
    pub(crate) delay: u32,
    /// When it is published, while the connection is gone.
    pub(crate) due_at: Option<Instant>,
}

/// Retained messages that a new subscription is owed, as far as they were not sent yet.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) filter: Box<str>,
    pub(crate) cursor: Cursor,
    pub(crate) qos: QoS,
    pub(crate) no_local: bool,
    pub(crate) identifier: Option<SubscriptionIdentifier>,
}

impl ClientSession {
    pub(crate) fn new(client_identifier: Arc<str>) -> Self {
        Self {
            client_identifier,
            record: None,
            user_name: None,
            listener: None,
            connection: None,
            expiry_interval: 0,
            detached_at: None,
            ends_at: None,
            state: Session::default(),
            unreleased: Unreleased::default(),
            never_sent: Vec::new(),
            queue: Queue::default(),
            last_number: 0,
            queue_full_noticed: false,
            subscriptions: Set::default(),
            shared: Vec::new(),
            replays: VecDeque::new(),
            will: None,
        }
    }

    /// The client, as questions about it name it.
    pub(crate) fn client(&self) -> Client<'_> {
        Client {
            client_identifier: &self.client_identifier,
            user_name: self.user_name.as_deref(),
            listener: self.listener,
        }
    }

    /// Whether it outlives its connection.
    pub(crate) fn outlives_connection(&self) -> bool {
        self.expiry_interval > 0
    }

    /// The record of its Will, or of that there is none.
    pub(crate) fn will_record(&self) -> Record<'_> {
        let client_identifier = &*self.client_identifier;
        match &self.will {
            Some(will) => will_record(client_identifier, will),
            None => Record::WillGone { client_identifier },
        }
    }

    /// Whether something waits to be sent.
    pub(crate) fn has_pending(&self) -> bool {
        self.state.outbound.has_resends() || !self.queue.is_empty() || !self.replays.is_empty()
    }

    /// How many subscriptions it has.
    pub(crate) fn subscription_count(&self) -> usize {
        self.subscriptions.len() + self.shared.len()
    }
}

/// The record of a Will.
pub(crate) fn will_record<'a>(client_identifier: &'a str, will: &'a Will) -> Record<'a> {
    Record::Will {
        client_identifier,
        delay: will.delay,
        expiry_interval: will.expiry_interval,
        due_at: will.due_at,
        message: will.message.fields(),
    }
}

/// All Sessions of one shard.
#[derive(Debug)]
pub(crate) struct Clients {
    sessions: Vec<(u32, Option<Box<ClientSession>>)>,
    free: Vec<u32>,
    by_identifier: Map<Arc<str>, SessionId>,
}

impl Clients {
    pub(crate) fn new(seed: u64) -> Self {
        Self { sessions: Vec::new(), free: Vec::new(), by_identifier: Map::with_hasher(hasher(seed)) }
    }

    /// The Session of a Client Identifier [MQTT-3.1.3-2].
    pub(crate) fn find(&self, client_identifier: &str) -> Option<SessionId> {
        self.by_identifier.get(client_identifier).copied()
    }

    /// Makes a Session for a Client Identifier that has none.
    pub(crate) fn create(&mut self, client_identifier: &str) -> SessionId {
        let name: Arc<str> = client_identifier.into();
        let session = Box::new(ClientSession::new(Arc::clone(&name)));
        let index = self.free.pop().unwrap_or_else(|| {
            self.sessions.push((0, None));
            u32::try_from(self.sessions.len() - 1).unwrap_or(u32::MAX)
        });
        let slot = &mut self.sessions[index as usize];
        slot.0 = slot.0.wrapping_add(1);
        slot.1 = Some(session);
        let id = SessionId { index, generation: slot.0 };
        self.by_identifier.insert(name, id);
        id
    }

    /// Takes a Session out.
    pub(crate) fn remove(&mut self, id: SessionId) -> Option<Box<ClientSession>> {
        self.get(id)?;
        let session = self.sessions[id.index as usize].1.take()?;
        self.by_identifier.remove(&session.client_identifier);
        self.free.push(id.index);
        Some(session)
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<&ClientSession> {
        let (generation, session) = self.sessions.get(id.index as usize)?;
        (*generation == id.generation).then_some(session.as_deref()).flatten()
    }

    pub(crate) fn get_mut(&mut self, id: SessionId) -> Option<&mut ClientSession> {
        let (generation, session) = self.sessions.get_mut(id.index as usize)?;
        (*generation == id.generation).then_some(session.as_deref_mut()).flatten()
    }

    /// The names of all, in a fixed order.
    pub(crate) fn ids(&self) -> Vec<SessionId> {
        let is_there = |(index, slot): (u32, &(u32, Option<Box<ClientSession>>))| {
            slot.1.is_some().then_some(SessionId { index, generation: slot.0 })
        };
        (0..).zip(&self.sessions).filter_map(is_there).collect()
    }

    /// The Session at an index, and whether there may be some at later ones.
    pub(crate) fn at(&self, index: u32) -> (Option<SessionId>, bool) {
        match self.sessions.get(index as usize) {
            Some((generation, session)) => {
                (session.is_some().then_some(SessionId { index, generation: *generation }), true)
            }
            None => (None, false),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_identifier.len()
    }
}
