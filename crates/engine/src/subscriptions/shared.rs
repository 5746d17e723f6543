//! Shared Subscriptions: several Sessions of which one gets each message.

use martlet_wire::{QoS, RetainHandling, SubscriptionIdentifier, SubscriptionOptions};

use crate::clients::SessionId;
use crate::interest::Demand;

/// One Session in a Shared Subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) session: SessionId,
    /// Its own granted QoS [MQTT-4.8.2-3].
    pub(crate) qos: QoS,
    pub(crate) retain_as_published: bool,
    pub(crate) identifier: Option<SubscriptionIdentifier>,
    /// Whether it has a connection.
    pub(crate) is_online: bool,
    /// Whether its Session survives a crash.
    pub(crate) survives: bool,
}

impl Member {
    /// The options of its SUBSCRIBE, as far as a Shared Subscription has them.
    pub(crate) fn options(&self) -> SubscriptionOptions {
        SubscriptionOptions {
            maximum_qos: self.qos,
            no_local: false,
            retain_as_published: self.retain_as_published,
            retain_handling: RetainHandling::SendAtSubscribe,
        }
    }
}

/// The members of one Shared Subscription on one shard, served in turn.
#[derive(Debug, Default)]
pub(crate) struct Group {
    members: Vec<Member>,
    next: usize,
}

impl Group {
    /// Adds or replaces a member. Tells whether it is new.
    pub(super) fn join(&mut self, member: Member) -> bool {
        if let Some(old) = self.members.iter_mut().find(|old| old.session == member.session) {
            *old = member;
            return false;
        }
        self.members.push(member);
        true
    }

    /// Takes a member out; `false` if it was none.
    pub(super) fn leave(&mut self, session: SessionId) -> bool {
        let Some(index) = self.members.iter().position(|member| member.session == session) else {
            return false;
        };
        self.members.remove(index);
        if index < self.next {
            self.next -= 1;
        }
        true
    }

    /// The membership of a Session.
    pub(crate) fn member(&self, session: SessionId) -> Option<&Member> {
        self.members.iter().find(|member| member.session == session)
    }

    /// A member's connection came or went.
    pub(crate) fn set_online(&mut self, session: SessionId, is_online: bool) {
        if let Some(member) = self.members.iter_mut().find(|member| member.session == session) {
            member.is_online = is_online;
        }
    }

    /// A member's Session begins to survive a crash.
    pub(crate) fn set_survives(&mut self, session: SessionId) {
        if let Some(member) = self.members.iter_mut().find(|member| member.session == session) {
            member.survives = true;
        }
    }

    /// The member whose turn it is among those that `may` names: one with a connection if there is any. Members that `busy`
    /// names wait behind others.
    pub(crate) fn choose(
        &mut self,
        mut may: impl FnMut(SessionId) -> bool,
        busy: impl Fn(SessionId) -> bool,
    ) -> Option<Member> {
        let count = self.members.len();
        let turns = || (0..count).map(|rank| (self.next + rank) % count);
        let session = |index: usize| self.members[index].session;
        let is_online = |index: usize| self.members[index].is_online;
        let chosen = turns()
            .find(|&index| is_online(index) && !busy(session(index)) && may(session(index)))
            .or_else(|| turns().find(|&index| is_online(index) && may(session(index))))
            .or_else(|| turns().find(|&index| may(session(index))))?;
        self.next = (chosen + 1) % count;
        Some(self.members[chosen])
    }

    /// How many members there are, and how many of them have a connection.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.members.len(), self.members.iter().filter(|member| member.is_online).count())
    }

    /// What the members want together.
    pub(crate) fn demand(&self) -> Demand {
        self.members.iter().map(|member| demand(member.survives, member.qos)).max().unwrap_or(Demand::None)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// What a subscription wants that grants this QoS.
pub(super) fn demand(survives: bool, qos: QoS) -> Demand {
    if survives && qos > QoS::AtMostOnce { Demand::Lasting } else { Demand::Passing }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(index: u32, is_online: bool) -> Member {
        Member {
            session: SessionId { index, generation: 0 },
            qos: QoS::AtLeastOnce,
            retain_as_published: false,
            identifier: None,
            is_online,
            survives: false,
        }
    }

    fn turns(group: &mut Group, count: usize) -> Vec<u32> {
        (0..count)
            .filter_map(|_| group.choose(|_| true, |_| false))
            .map(|member| member.session.index)
            .collect()
    }

    #[test]
    fn members_with_a_connection_take_turns() {
        let mut group = Group::default();
        for (index, is_online) in [(0, true), (1, false), (2, true)] {
            assert!(group.join(member(index, is_online)));
        }
        assert!(!group.join(member(0, true)));
        assert_eq!(turns(&mut group, 4), [0, 2, 0, 2]);
        assert!(group.leave(SessionId { index: 0, generation: 0 }));
        assert_eq!(turns(&mut group, 2), [2, 2]);
        group.set_online(SessionId { index: 2, generation: 0 }, false);
        assert_eq!(turns(&mut group, 3), [1, 2, 1], "without any connection, all take turns");
        assert_eq!(group.counts(), (2, 0));
    }

    #[test]
    fn a_busy_member_is_passed_over_while_another_is_not() {
        let mut group = Group::default();
        group.join(member(0, true));
        group.join(member(1, true));
        for _ in 0..3 {
            assert_eq!(
                group.choose(|_| true, |session| session.index == 0).map(|m| m.session.index),
                Some(1)
            );
        }
        assert!(group.choose(|_| true, |_| true).is_some());
    }
}
