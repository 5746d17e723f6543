//! What a shard keeps, from its state.

use core::iter;
use std::sync::Arc;

use super::{
    Kept, KeptDelivery, KeptInFlight, KeptIncoming, KeptOwed, KeptSession, KeptSubscription, KeptWill,
};
use crate::checkpoint::PAGE_LEN;
use crate::clients::{ClientSession, SessionId, Will};
use crate::message::{Message, Queued};
use crate::retained::{RetainedRow, topic_of};
use crate::{Engine, ShardId};

impl Engine {
    /// All that this shard keeps: the Sessions in the order of their Client Identifiers, then the Wills, its share of the
    /// retained messages, and what it owes to other shards.
    ///
    /// Between [`Engine::restore`] and [`Engine::restored`] that is what the records say; afterwards, what is left once all
    /// was done that had become due.
    pub fn kept(&self) -> impl Iterator<Item = Kept> {
        let mut sessions: Vec<(&Arc<str>, SessionId)> = Vec::new();
        sessions.extend(self.clients.ids().into_iter().filter_map(|id| {
            let session = self.clients.get(id).filter(|session| session.record.is_some())?;
            Some((&session.client_identifier, id))
        }));
        sessions.sort_unstable();
        let sessions = sessions.into_iter().filter_map(|(_, id)| self.kept_session(id)).map(Kept::Session);
        sessions.chain(self.kept_wills()).chain(self.kept_retained()).chain(self.kept_owed())
    }

    fn kept_session(&self, id: SessionId) -> Option<KeptSession> {
        let session = self.clients.get(id)?;
        let incoming = session.state.inbound.taken_over_ids();
        let in_flight = session.state.outbound.unfinished();
        Some(KeptSession {
            client_identifier: session.client_identifier.to_string(),
            user_name: session.user_name.as_deref().map(str::to_owned),
            expiry_interval: session.expiry_interval,
            detached_at: session.detached_at.filter(|_| session.connection.is_none()),
            subscriptions: self.kept_subscriptions(id, session),
            replayed_to: session.replays.front().and_then(|replay| replay.cursor.key()).map(topic_of),
            incoming: incoming
                .map(|id| KeptIncoming { id, message: session.unreleased.get(id).cloned() })
                .collect(),
            in_flight: in_flight
                .map(|(id, unanswered)| KeptInFlight {
                    id,
                    delivery: unanswered.map(|(_, queued)| delivery(queued)),
                })
                .collect(),
            queued: session.queue.iter().map(delivery).collect(),
        })
    }

    fn kept_subscriptions(&self, id: SessionId, session: &ClientSession) -> Vec<KeptSubscription> {
        let plain = session.subscriptions.iter().filter_map(|node| {
            let subscription = self.subscriptions.at(*node, id)?;
            let filter = self.subscriptions.filter(*node);
            Some((filter, subscription.options(), subscription.identifier))
        });
        let shared = session.shared.iter().filter_map(|text| {
            let member = self.subscriptions.group(text)?.member(id)?;
            Some((text.to_string(), member.options(), member.identifier))
        });
        let place = |filter: &str| session.replays.iter().position(|replay| *replay.filter == *filter);
        let all = plain.chain(shared).map(|(filter, options, identifier)| {
            let place = place(&filter);
            (place, KeptSubscription { filter, options, identifier, owes_retained: place.is_some() })
        });
        let mut all: Vec<_> = all.collect();
        all.sort_unstable_by(|(place, a), (other, b)| (place, &a.filter).cmp(&(other, &b.filter)));
        all.into_iter().map(|(_, subscription)| subscription).collect()
    }

    /// The Wills of Sessions, and those that no Session has taken up yet.
    fn kept_wills(&self) -> impl Iterator<Item = Kept> {
        let sessions = self.clients.ids().into_iter().filter_map(|id| {
            let session = self.clients.get(id)?;
            Some(will(&session.client_identifier, session.will.as_ref()?))
        });
        let others = self.restoring.iter().flat_map(|state| state.wills());
        sessions.chain(others.map(|(client_identifier, it)| will(client_identifier, it))).map(Kept::Will)
    }

    fn kept_retained(&self) -> impl Iterator<Item = Kept> {
        let mut after = None;
        let pages = iter::from_fn(move || {
            let page = self.commons.retained_page(after.as_deref(), PAGE_LEN);
            after = Some(page.last()?.0.clone());
            Some(page)
        });
        let is_ours = |(_, stamp, _): &RetainedRow| self.keeps(stamp.shard);
        pages.flatten().filter(is_ours).map(|(.., message)| Kept::Retained(message))
    }

    fn kept_owed(&self) -> impl Iterator<Item = Kept> {
        self.obligations.owed().map(|(shard, owed)| {
            let groups = owed.groups.iter().map(ToString::to_string).collect();
            Kept::Owed(KeptOwed { to: ShardId(shard), message: Arc::clone(&owed.message), groups })
        })
    }
}

fn delivery(queued: &Queued) -> KeptDelivery {
    KeptDelivery {
        message: Arc::clone(&queued.message),
        qos: queued.qos,
        retain: queued.retain,
        identifiers: queued.identifiers.as_deref().unwrap_or_default().to_vec(),
        group: queued.group.as_deref().map(str::to_owned),
    }
}

fn will(client_identifier: &str, will: &Will) -> KeptWill {
    KeptWill {
        client_identifier: client_identifier.to_owned(),
        message: Arc::new(Message::from(&will.message.fields())),
        expiry_interval: will.expiry_interval,
        delay: will.delay,
    }
}
