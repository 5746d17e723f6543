//! What the clients want: topics, filters, messages, and when to come and go.
//!
//! Topics begin with a letter that says what they are for: `t` for all kinds of messages, `r` for retained ones (each
//! topic has one publisher, so that "newest" means something), `s` for Shared Subscriptions, `w` for Wills, and `$t` and
//! `$SYS` for what wildcards must not match and clients must not publish.

use martlet_wire::{ProtocolVersion, QoS, ReasonCode, RetainHandling, SubscriptionOptions};

use crate::client::{Client, Draft, Kind, LastWill, Opening};
use crate::clock::Millis;
use crate::random::Random;
use crate::reference::{Message, PAYLOAD_BYTES_MIN, Reference, WillState, payload};

/// The Maximum Packet Size of the clients that have one: every packet but a large PUBLISH fits.
pub(crate) const PACKET_SIZE_MAX: u32 = 250;
/// Unfinished messages above which a client publishes no more.
const UNFINISHED_MAX: usize = 20;

/// Something that a client does.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Opens a connection; one that is there is left alone, and taken over.
    Connect(Opening),
    Publish {
        draft: Draft,
        uses_alias: bool,
    },
    Subscribe {
        filters: Vec<(String, SubscriptionOptions)>,
        identifier: Option<u32>,
    },
    Unsubscribe(Vec<String>),
    Ping,
    Disconnect {
        reason: ReasonCode,
        expiry: Option<u32>,
    },
    /// The client is gone without a word.
    Crash,
    /// The client neither reads nor writes for so long.
    Freeze(Millis),
    Nothing,
}

/// How the clients of a run behave.
#[derive(Debug)]
pub(crate) struct Workload {
    random: Random,
    /// How long a client does nothing at most.
    pub(crate) pause_max: Millis,
    /// In how many of a hundred cases a client leaves instead of going on.
    leave_percent: u64,
    has_size_limits: bool,
    has_keep_alive: bool,
    identifiers: u32,
}

impl Workload {
    pub(crate) fn new(mut random: Random) -> Self {
        Self {
            pause_max: *random.pick(&[20, 100, 400]),
            leave_percent: *random.pick(&[1, 4, 12]),
            has_size_limits: random.percent(25),
            has_keep_alive: random.percent(50),
            identifiers: 0,
            random,
        }
    }

    /// The clients of the run.
    pub(crate) fn clients(&mut self, count: usize) -> Vec<Client> {
        (0..count)
            .map(|number| {
                let version = *self.random.pick(&[
                    ProtocolVersion::Mqtt31,
                    ProtocolVersion::Mqtt311,
                    ProtocolVersion::Mqtt5,
                    ProtocolVersion::Mqtt5,
                ]);
                let kind = match self.random.below(10) {
                    0..=2 => Kind::Worker,
                    3 if version != ProtocolVersion::Mqtt31 => Kind::Nameless,
                    _ => Kind::Regular,
                };
                let name = if kind == Kind::Nameless { String::new() } else { format!("client-{number}") };
                let mut client = Client::new(name, version, kind);
                let has_choice = self.has_size_limits && kind == Kind::Regular && version.has_properties();
                client.has_size_limit = has_choice && self.random.percent(30);
                client
            })
            .collect()
    }

    /// How long a client does nothing.
    pub(crate) fn pause(&mut self) -> Millis {
        self.random.between(1, self.pause_max)
    }

    /// What a client does next.
    pub(crate) fn act(&mut self, number: usize, client: &Client, reference: &mut Reference) -> Action {
        if client.link.is_none() {
            return Action::Connect(self.opening(number, client, reference));
        }
        if !client.is_online {
            let is_young = client.expiry == 0 && client.kind == Kind::Nameless;
            return if is_young && self.random.percent(50) {
                self.early(number, client, reference)
            } else {
                Action::Nothing
            };
        }
        if self.random.percent(self.leave_percent) {
            return self.leave(number, client, reference);
        }
        match self.random.below(100) {
            0..=13 => self.subscribe(number, client),
            14..=18 if !client.filters.is_empty() => self.unsubscribe(client),
            19..=20 => Action::Ping,
            _ if client.unfinished() < UNFINISHED_MAX => self.publish(number, client, reference),
            _ => Action::Nothing,
        }
    }

    /// Something that need not wait for CONNACK.
    fn early(&mut self, number: usize, client: &Client, reference: &mut Reference) -> Action {
        if self.random.percent(30) {
            return self.subscribe(number, client);
        }
        match self.publish(number, client, reference) {
            Action::Publish { draft, .. } if draft.qos == QoS::AtMostOnce => {
                Action::Publish { draft, uses_alias: false }
            }
            _ => Action::Nothing,
        }
    }

    fn leave(&mut self, number: usize, client: &Client, reference: &mut Reference) -> Action {
        match self.random.below(10) {
            0..=2 => Action::Crash,
            3..=4 if client.kind != Kind::Nameless => {
                Action::Connect(self.opening(number, client, reference))
            }
            5 => Action::Freeze(self.random.between(100, 12_000)),
            _ => {
                let is_v5 = client.version.has_properties();
                let with_will = is_v5 && self.random.percent(25);
                let reason =
                    if with_will { ReasonCode::DisconnectWithWillMessage } else { ReasonCode::Success };
                let expiry = (is_v5 && client.expiry > 0 && self.random.percent(20))
                    .then(|| *self.random.pick(&[0, 1, 5]));
                Action::Disconnect { reason, expiry }
            }
        }
    }

    fn opening(&mut self, number: usize, client: &Client, reference: &mut Reference) -> Opening {
        let random = &mut self.random;
        let is_nameless = client.kind == Kind::Nameless;
        let is_v5 = client.version.has_properties();
        let expiry = *random.pick(&[0, 2, 10, 30, u32::MAX, u32::MAX]);
        let opening = Opening {
            clean_start: is_nameless || client.has_to_clean(reference.current(number)) || random.percent(15),
            expiry: if is_nameless || !is_v5 { 0 } else { expiry },
            keep_alive: if self.has_keep_alive { *random.pick(&[0, 1, 2, 5, 20]) } else { 0 },
            will: None,
            receive_maximum: random.percent(40).then(|| random.short(1, 6)),
            packet_size_max: client.has_size_limit.then_some(PACKET_SIZE_MAX),
            topic_alias_maximum: random.short(0, 5).saturating_sub(2),
            asks: random.percent(10),
        };
        let will = random.percent(40).then(|| self.will(number, client, reference));
        Opening { will, ..opening }
    }

    fn will(&mut self, number: usize, client: &Client, reference: &mut Reference) -> LastWill {
        let is_v5 = client.version.has_properties();
        let delay = if is_v5 { *self.random.pick(&[0, 0, 1, 3, 10]) } else { 0 };
        let message = Message {
            qos: self.qos(),
            retain: self.random.percent(30),
            has_property: is_v5 && self.random.percent(50),
            will: Some(WillState::Armed),
            ..new_message(number, format!("w/{number}"), self.len())
        };
        LastWill { draft: publishable(message, reference), delay }
    }

    fn publish(&mut self, number: usize, client: &Client, reference: &mut Reference) -> Action {
        let is_v5 = client.version.has_properties();
        let random = &mut self.random;
        let topics = ["t/a/x", "t/a/y", "t/b/x", "t/b", "t//x", "$t/a"];
        let (topic, retained) = match random.below(100) {
            0..=54 => ((*random.pick(&topics)).to_owned(), None),
            55..=74 => {
                let (topic, qos) = *random.pick(&[
                    ("0", QoS::AtMostOnce),
                    ("1", QoS::AtLeastOnce),
                    ("1", QoS::AtLeastOnce),
                    ("2", QoS::ExactlyOnce),
                ]);
                // A nameless client may be anyone's name: it has no topic of its own.
                match client.kind {
                    Kind::Nameless => ("t/b/x".to_owned(), None),
                    _ => (format!("r/{number}/{topic}"), Some(qos)),
                }
            }
            75..=97 => (format!("s/{}", random.pick(&["a", "b"])), None),
            _ => ("$SYS/mine".to_owned(), None),
        };
        let is_forbidden = is_forbidden(&topic);
        let is_deletion = retained.is_some() && random.percent(12);
        let qos = retained.unwrap_or_else(|| self.qos());
        let len = if is_deletion { 0 } else { self.len() };
        let random = &mut self.random;
        let has_expiry = is_v5 && retained.is_none() && !topic.starts_with('s') && random.percent(8);
        let uses_alias = is_v5 && len > 0 && random.percent(40);
        let message = Message {
            qos,
            retain: retained.is_some(),
            expiry: has_expiry.then(|| *random.pick(&[1, 2, 10])),
            has_property: is_v5 && random.percent(30),
            is_forbidden,
            ..new_message(number, topic, len)
        };
        let draft = publishable(message, reference);
        Action::Publish { draft, uses_alias }
    }

    fn subscribe(&mut self, number: usize, client: &Client) -> Action {
        let is_v5 = client.version.has_properties();
        let count = self.random.len(1, 3);
        let mut filters: Vec<(String, SubscriptionOptions)> = Vec::new();
        for _ in 0..count {
            let filter = self.filter(number, client.kind);
            let is_shared = filter.starts_with("$share");
            let mut options =
                SubscriptionOptions { maximum_qos: self.qos(), ..SubscriptionOptions::default() };
            if is_v5 {
                options.no_local = !is_shared && self.random.percent(12);
                options.retain_as_published = self.random.percent(12);
                options.retain_handling = match self.random.below(8) {
                    0 => RetainHandling::SendIfNew,
                    1 => RetainHandling::DoNotSend,
                    _ => RetainHandling::SendAtSubscribe,
                };
            }
            if !filters.iter().any(|(other, _)| *other == filter) {
                filters.push((filter, options));
            }
        }
        self.identifiers += 1;
        let identifier = (is_v5 && self.random.percent(50)).then_some(self.identifiers);
        Action::Subscribe { filters, identifier }
    }

    fn filter(&mut self, number: usize, kind: Kind) -> String {
        let random = &mut self.random;
        if kind == Kind::Worker && random.percent(70) {
            let (share, filter) = (random.pick(&["one", "two"]), random.pick(&["s/#", "s/+", "s/a"]));
            return format!("$share/{share}/{filter}");
        }
        let plain =
            ["t/a/x", "t/a/+", "t/+/x", "t/#", "t/+", "t//x", "r/#", "r/+/1", "r/+/2", "w/#", "$t/#", "$t/a"];
        let wide = ["#", "+/#", "+/+/+", "s/#", "s/a", "+/a", "w/+", "r/+/+"];
        match random.below(10) {
            0..=1 if kind != Kind::Worker => (*random.pick(&wide)).to_owned(),
            2 => format!("r/{}/#", random.below(number as u64 + 3)),
            _ => (*random.pick(&plain)).to_owned(),
        }
    }

    fn unsubscribe(&mut self, client: &Client) -> Action {
        let mut filters = vec![self.random.pick(&client.filters).clone()];
        if self.random.percent(20) {
            filters.push("t/never/subscribed".to_owned());
        }
        Action::Unsubscribe(filters)
    }

    fn qos(&mut self) -> QoS {
        *self.random.pick(&[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
    }

    fn len(&mut self) -> usize {
        match self.random.below(100) {
            0..=84 => self.random.len(PAYLOAD_BYTES_MIN, 40),
            85..=95 => self.random.len(41, 400),
            _ => self.random.len(4000, 6000),
        }
    }
}

/// A plain QoS 0 message.
/// Whether clients may not publish to a topic.
pub(crate) fn is_forbidden(topic: &str) -> bool {
    topic.starts_with("$SYS")
}

fn new_message(publisher: usize, topic: String, len: usize) -> Message {
    Message {
        topic,
        publisher,
        session: None,
        qos: QoS::AtMostOnce,
        retain: false,
        expiry: None,
        len,
        has_property: false,
        sent: None,
        first_at: 0,
        sent_at: 0,
        behind: None,
        copies: 0,
        is_acknowledged: false,
        is_forbidden: false,
        will: None,
        let_out: 0,
        group_accepts: 0,
        group_begun: 0,
        group_debts: Vec::new(),
    }
}

/// Enters a message into the books.
fn publishable(message: Message, reference: &mut Reference) -> Draft {
    let id = reference.messages.len();
    let draft = Draft {
        topic: message.topic.clone(),
        payload: payload(id, message.len),
        qos: message.qos,
        retain: message.retain,
        expiry: message.expiry,
        has_property: message.has_property,
    };
    reference.messages.push(message);
    draft
}
