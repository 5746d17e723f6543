//! Clients, groups and roles.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::acl::{Acl, AclType, DefaultAccess};
use crate::limits::ACLS_PER_ROLE_MAX;
use crate::ranking::Ranking;

/// All that dynamic security knows. An empty one lets nobody in and allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DynamicSecurity {
    /// By user name.
    pub(crate) clients: BTreeMap<String, Client>,
    /// By name.
    pub(crate) groups: BTreeMap<String, Group>,
    /// By name.
    pub(crate) roles: BTreeMap<String, Role>,
    pub(crate) default_access: DefaultAccess,
    /// The group of clients without a user name. It exists.
    pub(crate) anonymous_group: Option<String>,
    /// How many changes there were.
    pub(crate) change_index: u64,
}

/// Who may log in with a user name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The only Client Identifier that it may log in with; any, if there is none.
    pub client_id: Option<String>,
    /// The hash of its password in one of Mosquitto's formats. Without one it cannot log in.
    pub password: Option<String>,
    /// What it is called.
    pub text_name: Option<String>,
    /// What it is.
    pub text_description: Option<String>,
    /// Whether it cannot log in.
    pub disabled: bool,
    /// Its roles.
    pub roles: Ranking,
    /// The groups that it is in.
    pub groups: Ranking,
}

/// Clients that have roles in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// What it is called.
    pub text_name: Option<String>,
    /// What it is.
    pub text_description: Option<String>,
    /// Its roles.
    pub roles: Ranking,
    /// The user names of the clients in it. Each of those has this group in its [`Client::groups`], and nobody else has.
    pub clients: BTreeSet<String>,
}

/// What those who have it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// What it is called.
    pub text_name: Option<String>,
    /// What it is.
    pub text_description: Option<String>,
    /// Whether those who have it may subscribe with wildcards, as far as the rules go.
    pub allow_wildcard_subscriptions: bool,
    acls: Vec<Acl>,
}

impl Role {
    /// A role without rules.
    pub(crate) const fn new(
        text_name: Option<String>,
        text_description: Option<String>,
        allow_wildcard_subscriptions: bool,
    ) -> Self {
        Self { text_name, text_description, allow_wildcard_subscriptions, acls: Vec::new() }
    }

    /// Its rules: by kind in the order of [`AclType::ALL`], and within a kind those first that count most.
    pub fn acls(&self) -> &[Acl] {
        &self.acls
    }

    /// Whether there is a rule of this kind and topic.
    pub(crate) fn has_acl(&self, kind: AclType, topic: &str) -> bool {
        self.acls.iter().any(|acl| acl.kind == kind && acl.topic == topic)
    }

    /// Adds a rule, unless there is one of its kind and topic or there are too many, and answers whether it did.
    pub(crate) fn add_acl(&mut self, acl: Acl) -> bool {
        if self.has_acl(acl.kind, &acl.topic) || self.acls.len() >= ACLS_PER_ROLE_MAX {
            return false;
        }
        let place = self.acls.partition_point(|other| order(other) <= order(&acl));
        self.acls.insert(place, acl);
        true
    }

    /// Removes a rule, and answers whether it was there.
    pub(crate) fn remove_acl(&mut self, kind: AclType, topic: &str) -> bool {
        let before = self.acls.len();
        self.acls.retain(|acl| acl.kind != kind || acl.topic != topic);
        self.acls.len() < before
    }

    /// Replaces all rules.
    pub(crate) fn set_acls(&mut self, acls: AclList) {
        self.acls = acls.acls;
        self.acls.sort_by_key(order);
    }
}

/// The place of a rule among those of a role.
const fn order(acl: &Acl) -> (AclType, core::cmp::Reverse<i32>) {
    (acl.kind, core::cmp::Reverse(acl.priority))
}

/// Many rules for a role.
#[derive(Default)]
pub(crate) struct AclList {
    acls: Vec<Acl>,
    known: HashSet<(AclType, String)>,
}

impl AclList {
    /// Adds a rule, unless there is one of its kind and topic or there are too many, and answers whether it did.
    pub(crate) fn add(&mut self, acl: Acl) -> bool {
        let is_new = !self.is_full() && self.known.insert((acl.kind, acl.topic.clone()));
        if is_new {
            self.acls.push(acl);
        }
        is_new
    }

    /// Whether another rule would be too many.
    pub(crate) fn is_full(&self) -> bool {
        self.acls.len() >= ACLS_PER_ROLE_MAX
    }
}

impl FromIterator<Acl> for AclList {
    fn from_iter<I: IntoIterator<Item = Acl>>(acls: I) -> Self {
        let mut list = Self::default();
        for acl in acls {
            list.add(acl);
        }
        list
    }
}

impl DynamicSecurity {
    /// The client of this user name.
    pub fn client(&self, user_name: &str) -> Option<&Client> {
        self.clients.get(user_name)
    }

    /// The group of this name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// The role of this name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(name)
    }

    /// What holds where no rule does.
    pub const fn default_access(&self) -> DefaultAccess {
        self.default_access
    }

    /// The name of the group of clients without a user name.
    pub fn anonymous_group(&self) -> Option<&str> {
        self.anonymous_group.as_deref()
    }

    /// How many changes there were since the file was made.
    pub const fn change_index(&self) -> u64 {
        self.change_index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_kept_in_the_order_in_which_they_count() {
        let mut role = Role::new(None, None, true);
        let acl = |kind, topic: &str, priority| Acl { kind, topic: topic.to_owned(), priority, allow: true };
        assert!(role.add_acl(acl(AclType::SubscribePattern, "b", 5)));
        assert!(role.add_acl(acl(AclType::SubscribePattern, "a", 5)));
        assert!(role.add_acl(acl(AclType::PublishClientSend, "x", -3)));
        assert!(role.add_acl(acl(AclType::SubscribePattern, "c", 7)));
        assert!(!role.add_acl(acl(AclType::SubscribePattern, "a", 9)));
        let topics: Vec<&str> = role.acls().iter().map(|acl| acl.topic.as_str()).collect();
        assert_eq!(topics, ["x", "c", "b", "a"]);
        assert!(role.remove_acl(AclType::SubscribePattern, "c"));
        assert!(!role.remove_acl(AclType::SubscribeLiteral, "a"));
    }
}
