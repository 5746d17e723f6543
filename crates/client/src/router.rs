//! Which stream gets which message.
//!
//! Each Topic Filter has a Subscription Identifier of its own, by which a server of MQTT 5.0 tells which subscription a
//! message belongs to. Where there is none, the filters are matched.

use std::collections::BTreeMap;
use std::sync::Arc;

use martlet_proto::client::Incoming;
use martlet_wire::{SubscriptionIdentifier, SubscriptionOptions, TopicFilter, TopicName};

use crate::mailbox::{Mailbox, SubscriptionEnd};
use crate::message::{Claim, Message};
use crate::properties::PropertyList;

/// The subscriptions of a client.
#[derive(Debug, Default)]
pub(crate) struct Router {
    filters: BTreeMap<Box<str>, Entry>,
    last_identifier: u32,
    /// Takes what belongs to no subscription.
    rest: Option<Arc<Mailbox>>,
}

/// One Topic Filter.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) identifier: Option<SubscriptionIdentifier>,
    pub(crate) options: SubscriptionOptions,
    pub(crate) properties: PropertyList,
    /// Whether SUBACK came: else the request is still on its way, and is repeated by itself.
    is_answered: bool,
    mailboxes: Vec<Arc<Mailbox>>,
}

impl Router {
    pub(crate) fn new(rest: Option<Arc<Mailbox>>) -> Self {
        Self { rest, ..Self::default() }
    }

    /// A SUBSCRIBE is about to be sent: messages may come from then on. The last options count.
    pub(crate) fn add(
        &mut self,
        filter: &str,
        options: SubscriptionOptions,
        properties: &PropertyList,
        mailbox: &Arc<Mailbox>,
    ) {
        let entry = self.filters.entry(filter.into()).or_insert_with(|| {
            self.last_identifier += 1;
            Entry {
                identifier: SubscriptionIdentifier::new(self.last_identifier),
                options,
                properties: PropertyList::default(),
                is_answered: false,
                mailboxes: Vec::new(),
            }
        });
        entry.options = options;
        entry.properties = properties.clone();
        if !entry.mailboxes.iter().any(|other| Arc::ptr_eq(other, mailbox)) {
            entry.mailboxes.push(Arc::clone(mailbox));
        }
    }

    /// SUBACK came.
    pub(crate) fn answered(&mut self, filter: &str) {
        if let Some(entry) = self.filters.get_mut(filter) {
            entry.is_answered = true;
        }
    }

    /// Takes a stream out. Tells whether it was the last one of a filter that the server knows.
    pub(crate) fn remove(&mut self, filter: &str, mailbox: &Arc<Mailbox>) -> bool {
        let Some(entry) = self.filters.get_mut(filter) else { return false };
        let before = entry.mailboxes.len();
        entry.mailboxes.retain(|other| !Arc::ptr_eq(other, mailbox));
        let is_last = before > 0 && entry.mailboxes.is_empty();
        if is_last {
            self.filters.remove(filter);
        }
        is_last
    }

    /// Ends all streams of a filter.
    pub(crate) fn end(&mut self, filter: &str, end: SubscriptionEnd) {
        if let Some(entry) = self.filters.remove(filter) {
            entry.mailboxes.iter().for_each(|mailbox| mailbox.end(end));
        }
    }

    /// Ends all streams.
    pub(crate) fn end_all(&mut self) {
        for mailbox in self.filters.values().flat_map(|entry| &entry.mailboxes).chain(&self.rest) {
            mailbox.end(SubscriptionEnd::Closed);
        }
        self.filters.clear();
        self.rest = None;
    }

    pub(crate) fn entry(&self, filter: &str) -> Option<&Entry> {
        self.filters.get(filter)
    }

    /// The filters that the server acknowledged.
    pub(crate) fn answered_filters(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.filters.iter().filter(|(_, entry)| entry.is_answered).map(|(filter, _)| &**filter)
    }

    /// Puts a message into the mailboxes that it belongs to.
    pub(crate) fn deliver(&self, incoming: Incoming, claim: Option<Claim>) {
        let content = Arc::new(incoming);
        let claim = claim.map(Arc::new);
        let mut targets = self.targets(&content);
        if targets.is_empty() {
            targets.extend(&self.rest);
        }
        if targets.is_empty() {
            // What nobody wants counts as taken over: else it would come again for ever.
            return Message::new(content, claim).acknowledge();
        }
        for mailbox in targets {
            mailbox.push(Message::new(Arc::clone(&content), claim.clone()));
        }
    }

    fn targets(&self, message: &Incoming) -> Vec<&Arc<Mailbox>> {
        let Ok(topic) = TopicName::parse(&message.topic) else { return Vec::new() };
        let matching = || {
            let matches = |filter: &str| TopicFilter::parse(filter).is_ok_and(|filter| filter.matches(topic));
            self.filters.iter().filter(move |(filter, _)| matches(filter)).map(|(_, entry)| entry)
        };
        let properties = message.properties();
        let identifiers: Vec<_> = properties.subscription_identifiers().collect();
        let named = |entry: &&Entry| entry.identifier.is_some_and(|own| identifiers.contains(&own));
        let mailboxes = |entry: &'_ Entry| entry.mailboxes.len();
        // An identifier that leads nowhere belongs to a subscription of an earlier process.
        if !identifiers.is_empty() && matching().filter(named).map(mailboxes).sum::<usize>() > 0 {
            return matching().filter(named).flat_map(|entry| &entry.mailboxes).collect();
        }
        matching().flat_map(|entry| &entry.mailboxes).collect()
    }
}
