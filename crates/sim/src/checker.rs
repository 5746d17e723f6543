//! The judge: sees each packet that the broker is handed and hands out, in order, and what the clients take.
//!
//! It stands at the broker's door, not at the clients' end, so it also sees what the network loses later. Rules about one
//! packet or one connection are here and in [`input`] and [`output`]; rules about messages in [`delivery`]; what is owed
//! in [`debts`]; Wills in [`wills`]; what a loss of power may cost in [`undo`] and [`outage`]. The first broken rule ends the
//! run.

mod connection;
mod debts;
mod delivery;
mod input;
mod outage;
mod output;
mod undo;
mod wills;

use std::collections::{BTreeMap, BTreeSet};

use martlet_engine::{Cause, Notice, PeerMisbehaved, shard_of};
use martlet_wire::{Packet, ProtocolVersion, QoS, decode, fixed_header};

use crate::clock::Millis;
use crate::network::LinkId;
use crate::reference::{MessageId, Reference, SessionWill, Stamp};
use crate::trace::{Trace, describe};
use undo::LogCheck;

/// How late a driver may be to tell the engine the time.
const WAKE_SLACK: Millis = 60;
/// How late a silent client may be sent away.
const KEEP_ALIVE_SLACK: Millis = 1000;

/// The user whom the broker asks about before it lets a client in.
pub(crate) const ASKING_USER: &str = "ask";

/// What is the same for the whole run.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) shards: u16,
    /// The Client Identifiers; an empty one is assigned by the broker.
    pub(crate) names: Vec<String>,
    pub(crate) receive_maximum: u16,
    pub(crate) topic_alias_maximum: u16,
    /// QoS 2 messages take effect with PUBREL.
    pub(crate) at_release: bool,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages that the broker had to take for new ones, by QoS.
    pub published: [u64; 3],
    /// Messages that clients took, by the QoS of the delivery.
    pub delivered: [u64; 3],
    /// Connections with a CONNACK.
    pub connections: u64,
    /// Messages sent again with DUP.
    pub repeated: u64,
    /// Messages that were owed to a Session, or to a Shared Subscription, and came.
    pub settled: u64,
    /// Wills that had to be published.
    pub wills: u64,
    /// How often the broker went down.
    pub crashes: u64,
    /// Changes of the books that the log had lost.
    pub turned_back: u64,
    /// Checkpoints that were finished.
    pub checkpoints: u64,
    /// How often a shard was told that its log cannot be written to.
    pub stalls: u64,
    /// How often a shard could not make durable what it found at a start.
    pub unsettled: u64,
    /// Broken rules that were to be ignored.
    pub ignored: u64,
}

/// The judge and its books.
#[derive(Debug)]
pub(crate) struct Checker {
    pub(crate) reference: Reference,
    pub(crate) trace: Trace,
    pub(crate) totals: Totals,
    terms: Terms,
    now: Millis,
    /// The stamp at which the present turn of a shard began.
    turn: Stamp,
    links: Vec<LinkCheck>,
    /// The logs of the shards.
    logs: Vec<LogCheck>,
    /// The connection whose CONNECT takes effect right now.
    connecting: Option<LinkId>,
    /// When the broker went down last.
    crashed_at: Millis,
    /// The stamp at which the broker started last.
    started: Stamp,
    /// Messages before this one may have been lost, or come again, since the disk was damaged.
    loose: MessageId,
    /// The Session that has a Client Identifier, assigned ones included.
    named: BTreeMap<String, usize>,
    /// Broken rules that do not end the run, by a part of their text.
    ignored: Vec<String>,
    violation: Option<String>,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    AwaitsConnect,
    /// The CONNECT is for another shard.
    Moves,
    AwaitsVerdict,
    /// Only the broker can tell whether the client is let in, and does so at once.
    Undecided,
    /// The client is let in; CONNACK is due.
    Admitted,
    /// The client is to be turned away.
    Refused,
    Open,
    Ended,
}

/// What a CONNECT said.
#[derive(Clone, Debug)]
struct Facts {
    version: ProtocolVersion,
    clean_start: bool,
    expiry: u32,
    keep_alive: u16,
    receive_maximum: u16,
    packet_size_max: u32,
    topic_alias_maximum: u16,
}

/// Whether CONNACK has to say Session Present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Present {
    Yes,
    No,
    /// The Session expires at this very time.
    Either,
}

/// A PUBLISH that awaits its acknowledgement.
#[derive(Clone, Debug)]
struct Due {
    message: Option<MessageId>,
    /// The value of a retained topic that it set.
    value: Option<(String, usize)>,
    /// It came while the log could not be written to.
    is_stalled: bool,
}

/// A SUBSCRIBE that awaits SUBACK.
#[derive(Clone, Debug)]
struct SubscribeDue {
    /// The place of each of its subscriptions in the Session.
    places: Vec<usize>,
    is_stalled: bool,
}

/// An UNSUBSCRIBE that awaits UNSUBACK.
#[derive(Clone, Debug)]
struct UnsubscribeDue {
    /// Each filter, and whether there was surely, or surely not, a subscription.
    filters: Vec<(String, Option<bool>)>,
    requested: Stamp,
    is_stalled: bool,
}

/// What is known of one connection.
#[derive(Debug)]
struct LinkCheck {
    client: usize,
    shard: usize,
    phase: Phase,
    facts: Option<Facts>,
    session: Option<usize>,
    present: Present,
    /// Whether the client has to be turned away; `None` if nobody can tell.
    turned_away: Option<bool>,
    will: Option<SessionWill>,
    input: Vec<u8>,
    output: Vec<u8>,
    is_closed: bool,
    says_goodbye: bool,
    connacks: u32,
    /// When CONNACK let the client in.
    connack_at: Option<Millis>,
    last_bytes_at: Millis,
    last_packet_at: Millis,
    pubacks: BTreeMap<u16, Due>,
    pubrecs: BTreeMap<u16, Due>,
    /// With what PUBCOMP acknowledges, if the broker has to know the message.
    pubcomps: BTreeMap<u16, Option<Due>>,
    subacks: BTreeMap<u16, SubscribeDue>,
    unsubacks: BTreeMap<u16, UnsubscribeDue>,
    /// A PUBREL was left without an answer while the log could not be written to: so are all that follow.
    puts_off_releases: bool,
    pings: u32,
    /// Aliases that the broker set, and that the client set.
    aliases: BTreeMap<u16, String>,
    client_aliases: BTreeMap<u16, String>,
    /// Unfinished QoS 1 and 2 messages that were sent here [MQTT-3.3.4-9].
    outstanding: BTreeSet<u16>,
    /// The order of the message that was sent here last.
    last_order: Option<u64>,
}

impl LinkCheck {
    fn version(&self) -> ProtocolVersion {
        self.facts.as_ref().map_or(ProtocolVersion::Mqtt5, |facts| facts.version)
    }
}

impl Checker {
    pub(crate) fn new(terms: Terms, trace: Trace, ignored: Vec<String>) -> Self {
        let logs = (0..terms.shards).map(|_| LogCheck::default()).collect();
        Self {
            reference: Reference::default(),
            trace,
            totals: Totals::default(),
            terms,
            now: 0,
            turn: 0,
            links: Vec::new(),
            logs,
            connecting: None,
            crashed_at: 0,
            started: 0,
            loose: 0,
            named: BTreeMap::new(),
            ignored,
            violation: None,
        }
    }

    /// The first broken rule.
    pub(crate) fn violation(&self) -> Option<&str> {
        self.violation.as_deref()
    }

    /// A rule is broken.
    pub(crate) fn fail(&mut self, text: &str) {
        self.trace.line(self.now, &format!("!! {text}"));
        if self.ignored.iter().any(|part| text.contains(part)) {
            self.totals.ignored += 1;
            return;
        }
        self.violation.get_or_insert_with(|| text.to_owned());
    }

    fn fail_on(&mut self, id: LinkId, text: &str) {
        let client = self.links[id.0].client;
        self.fail(&format!("l{} c{client}: {text}", id.0));
    }

    pub(crate) fn note(&mut self, text: &str) {
        self.trace.line(self.now, text);
    }

    /// Time goes on: what was due in the meantime must have happened.
    pub(crate) fn advance(&mut self, now: Millis) {
        self.now = now;
        self.turn = self.reference.tick();
        self.expire_sessions();
        self.advance_wills();
        let overdue = self.links.iter().position(|check| {
            check.phase == Phase::Open
                && !check.is_closed
                && check.facts.as_ref().is_some_and(|facts| {
                    facts.keep_alive > 0
                        && now > check.last_bytes_at + u64::from(facts.keep_alive) * 1500 + KEEP_ALIVE_SLACK
                })
        });
        if let Some(link) = overdue {
            self.fail_on(LinkId(link), "a silent client is still connected [MQTT-3.1.2-22]");
        }
    }

    /// A connection comes to a shard.
    pub(crate) fn opened(&mut self, id: LinkId, shard: usize) {
        let check = &mut self.links[id.0];
        check.shard = shard;
        check.phase = Phase::AwaitsConnect;
        check.input.clear();
    }

    /// A client opens the next connection.
    pub(crate) fn added(&mut self, client: usize) {
        self.links.push(LinkCheck {
            client,
            shard: 0,
            phase: Phase::AwaitsConnect,
            facts: None,
            session: None,
            present: Present::No,
            turned_away: Some(false),
            will: None,
            input: Vec::new(),
            output: Vec::new(),
            is_closed: false,
            says_goodbye: false,
            connacks: 0,
            connack_at: None,
            last_bytes_at: self.now,
            last_packet_at: self.now,
            pubacks: BTreeMap::new(),
            pubrecs: BTreeMap::new(),
            pubcomps: BTreeMap::new(),
            subacks: BTreeMap::new(),
            unsubacks: BTreeMap::new(),
            puts_off_releases: false,
            pings: 0,
            aliases: BTreeMap::new(),
            client_aliases: BTreeMap::new(),
            outstanding: BTreeSet::new(),
            last_order: None,
        });
    }

    /// The broker is handed bytes.
    pub(crate) fn received(&mut self, id: LinkId, bytes: &[u8]) {
        self.trace.hash(bytes);
        let check = &mut self.links[id.0];
        check.input.extend_from_slice(bytes);
        check.last_bytes_at = self.now;
        self.take_input(id);
    }

    /// The broker does not read from a connection now: its silence says nothing.
    pub(crate) fn unread(&mut self, now: Millis, id: LinkId) {
        self.links[id.0].last_bytes_at = now;
    }

    /// The question about a client was answered: it may come in.
    pub(crate) fn verdict(&mut self, id: LinkId) {
        if self.links[id.0].phase == Phase::AwaitsVerdict {
            self.admit(id);
            self.take_input(id);
        }
    }

    /// The version of a connection, as far as it is known.
    pub(crate) fn version(&self, id: LinkId) -> ProtocolVersion {
        self.links[id.0].version()
    }

    fn take_input(&mut self, id: LinkId) {
        loop {
            let check = &mut self.links[id.0];
            if !matches!(check.phase, Phase::AwaitsConnect | Phase::Admitted | Phase::Open) {
                return;
            }
            let Some(bytes) = split_packet(&mut check.input) else { return };
            check.last_packet_at = self.now;
            match decode(check.version(), &bytes) {
                Ok(packet) => {
                    self.show(id, "->", &packet);
                    self.input(id, &packet);
                }
                Err(error) => self.fail_on(id, &format!("a client sent a bad packet: {error}")),
            }
        }
    }

    /// The broker hands out bytes, new ones.
    pub(crate) fn sent(&mut self, id: LinkId, bytes: &[u8]) {
        self.trace.hash(bytes);
        if self.links[id.0].is_closed && !bytes.is_empty() {
            self.fail_on(id, "bytes after the close");
        }
        self.links[id.0].output.extend_from_slice(bytes);
        while let Some(bytes) = split_packet(&mut self.links[id.0].output) {
            match decode(self.links[id.0].version(), &bytes) {
                Ok(packet) => {
                    self.show(id, "<-", &packet);
                    self.output(id, &packet, bytes.len());
                }
                Err(error) => self.fail_on(id, &format!("the broker sent a bad packet: {error}: {bytes:x?}")),
            }
        }
    }

    fn show(&mut self, id: LinkId, arrow: &str, packet: &Packet<'_>) {
        let check = &self.links[id.0];
        let line = format!("s{} {arrow} l{} c{}: {}", check.shard, id.0, check.client, describe(packet));
        self.trace.line(self.now, &line);
    }

    /// The broker is told that the network ended a connection.
    pub(crate) fn closed_by_network(&mut self, id: LinkId) {
        self.note(&format!("l{} is lost", id.0));
        self.links[id.0].is_closed = true;
        self.end_connection(id, false);
    }

    /// The broker ends a connection. What it had to say was shown by [`Checker::sent`].
    pub(crate) fn closed_by_broker(&mut self, id: LinkId) {
        self.note(&format!("l{} is closed", id.0));
        let check = &mut self.links[id.0];
        check.is_closed = true;
        if !check.output.is_empty() {
            self.fail_on(id, "the last packet is not whole");
        }
        self.end_connection(id, false);
    }

    /// The broker has something to tell its operator.
    pub(crate) fn notice(&mut self, id: Option<LinkId>, notice: &Notice) {
        match notice {
            Notice::QueueFull { client_identifier } => {
                if let Some(session) = self.session_of(client_identifier) {
                    self.note(&format!("the queue of {client_identifier} is full"));
                    self.reference.overflow(session);
                }
            }
            Notice::Connected { client_identifier, .. } => {
                if let Some(id) = id {
                    self.connected(id, client_identifier);
                }
            }
            Notice::SessionEnded { client_identifier } => self.session_ended(client_identifier),
            Notice::Disconnected { cause: Cause::Misbehaved(misbehaved), .. } => {
                if let Some(id) = id {
                    self.accused(id, *misbehaved);
                }
            }
            Notice::Refused { reason, client_identifier, .. } => {
                let check = id.map(|id| &mut self.links[id.0]);
                match check.filter(|check| check.turned_away != Some(false)) {
                    Some(check) => check.phase = Phase::Refused,
                    None => self.fail(&format!("{client_identifier:?} was refused with {reason:?}")),
                }
            }
            _ => {}
        }
    }

    /// The broker let a client in.
    fn connected(&mut self, id: LinkId, name: &str) {
        if self.links[id.0].phase == Phase::Undecided {
            self.admit(id);
            self.take_input(id);
        }
        if let Some(session) = self.links[id.0].session {
            self.named.insert(name.to_owned(), session);
            // If the one before had expired, that was said before.
            self.reference.sessions[session].is_unresolved = false;
        }
    }

    /// Clients do nothing wrong but fall silent.
    fn accused(&mut self, id: LinkId, misbehaved: PeerMisbehaved) {
        let check = &self.links[id.0];
        let silence = check.facts.as_ref().map_or(0, |facts| u64::from(facts.keep_alive) * 1500);
        match misbehaved {
            PeerMisbehaved::KeepAliveTimeout if silence > 0 && self.now >= check.last_packet_at + silence => {
            }
            PeerMisbehaved::ConnectTimeout if check.phase != Phase::Open => {}
            other => self.fail_on(id, &format!("wrongly accused: {other}")),
        }
    }

    /// Who is at the other end, as the broker sees it: a client that lets the broker choose its name is another one each
    /// time.
    fn identity(&self, id: LinkId) -> usize {
        const NAMELESS: usize = 1_000_000;
        let client = self.links[id.0].client;
        if self.terms.names[client].is_empty() { NAMELESS + id.0 } else { client }
    }

    /// The Session of a connection.
    pub(crate) fn session(&self, id: LinkId) -> Option<usize> {
        self.links[id.0].session
    }

    fn session_of(&self, name: &str) -> Option<usize> {
        self.named.get(name).copied()
    }

    /// Whether a CONNECT of this client has to go to another shard.
    fn moves(&self, id: LinkId, name: &str) -> bool {
        !name.is_empty() && usize::from(shard_of(name, self.terms.shards)) != self.links[id.0].shard
    }

    fn count_published(&mut self, qos: QoS) {
        self.totals.published[usize::from(u8::from(qos))] += 1;
    }
}

/// Takes the first whole packet.
pub(crate) fn split_packet(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let len = match fixed_header(None, bytes) {
        Ok(Some(header)) => header.packet_len(),
        Ok(None) => return None,
        Err(_) => bytes.len(), // to be decoded, and found wanting
    };
    (bytes.len() >= len).then(|| bytes.drain(..len).collect())
}
