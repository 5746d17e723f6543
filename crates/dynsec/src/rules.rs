//! What follows from clients, groups and roles, laid out so that questions are answered fast.

use std::collections::HashMap;
use std::sync::Arc;

use crate::DynamicSecurity;
use crate::acl::{AclType, DefaultAccess};
use crate::levels::{Pattern, Substitutes};
use crate::model::Role;
use crate::ranking::Ranking;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The user name that it connected with. An empty one counts as none.
    pub user_name: Option<&'a str>,
    /// Its Client Identifier.
    pub client_id: &'a str,
}

/// What it wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// To publish to a Topic Name.
    Publish,
    /// To receive what was published to a Topic Name.
    Receive,
    /// To subscribe to a Topic Filter.
    Subscribe,
    /// To unsubscribe from a Topic Filter.
    Unsubscribe,
}

/// What a CONNECT is to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// There is no such client, or no user name was given: it is for others to decide.
    Unknown,
    /// It is disabled, has no password, or must have another Client Identifier.
    Refuse,
    /// It may log in if its password has this hash, which is in one of the formats of a password file. The comparison takes
    /// long; it needs nothing else from here.
    Compare(Arc<str>),
}

/// All rules at one moment. They never change: after a change there are others.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    clients: HashMap<Box<str>, ClientRules>,
    anonymous: Box<[Arc<RoleRules>]>,
    default_access: DefaultAccess,
}

#[derive(Clone, Debug)]
struct ClientRules {
    client_id: Option<Box<str>>,
    password: Option<Arc<str>>,
    disabled: bool,
    /// Its own roles, then those of its groups.
    roles: Box<[Arc<RoleRules>]>,
}

#[derive(Clone, Debug)]
struct RoleRules {
    allows_wildcards: bool,
    publish: Box<[PatternRule]>,
    receive: Box<[PatternRule]>,
    subscribe: FilterRules,
    unsubscribe: FilterRules,
}

#[derive(Clone, Debug)]
struct FilterRules {
    literal: HashMap<Box<str>, bool>,
    patterns: Box<[PatternRule]>,
}

#[derive(Clone, Debug)]
struct PatternRule {
    pattern: Pattern,
    allow: bool,
}

impl DynamicSecurity {
    /// The rules as they are at this moment. Takes time in proportion to all that there is.
    pub fn rules(&self) -> Rules {
        let by_name: HashMap<&str, Arc<RoleRules>> =
            self.roles.iter().map(|(name, role)| (name.as_str(), Arc::new(RoleRules::new(role)))).collect();
        let held = |ranking: &Ranking| -> Vec<Arc<RoleRules>> {
            ranking.iter().filter_map(|role| by_name.get(role.name.as_str())).map(Arc::clone).collect()
        };
        let of_groups: HashMap<&str, Vec<Arc<RoleRules>>> =
            self.groups.iter().map(|(name, group)| (name.as_str(), held(&group.roles))).collect();
        let clients = self.clients.iter().map(|(user_name, client)| {
            let mut roles = held(&client.roles);
            for group in &client.groups {
                roles.extend(of_groups.get(group.name.as_str()).into_iter().flatten().map(Arc::clone));
            }
            let client = ClientRules {
                client_id: client.client_id.as_deref().map(Into::into),
                password: client.password.as_deref().map(Into::into),
                disabled: client.disabled,
                roles: roles.into(),
            };
            (user_name.as_str().into(), client)
        });
        let anonymous =
            self.anonymous_group().and_then(|name| of_groups.get(name)).cloned().unwrap_or_default();
        Rules { clients: clients.collect(), anonymous: anonymous.into(), default_access: self.default_access }
    }
}

impl Rules {
    /// Who may log in.
    pub fn login(&self, who: Identity<'_>) -> Login {
        let Some(user_name) = who.user_name.filter(|name| !name.is_empty()) else { return Login::Unknown };
        let Some(client) = self.clients.get(user_name) else { return Login::Unknown };
        let has_wrong_identifier = client.client_id.as_deref().is_some_and(|wanted| wanted != who.client_id);
        if client.disabled || has_wrong_identifier {
            return Login::Refuse;
        }
        client.password.clone().map_or(Login::Refuse, Login::Compare)
    }

    /// Whether a client may do something with a Topic Name or, for subscriptions, a Topic Filter with all of its text.
    ///
    /// The roles of the client are asked in their order, then those of its groups in theirs; the first that has a rule
    /// decides, and where none has one the default does. A user name that is not known may do nothing.
    pub fn allows(&self, who: Identity<'_>, action: Action, topic: &str) -> bool {
        let user_name = who.user_name.filter(|name| !name.is_empty());
        let roles = match user_name {
            None => &self.anonymous,
            Some(name) => match self.clients.get(name) {
                None => return false,
                Some(client) => &client.roles,
            },
        };
        let substitutes = Substitutes { client_id: who.client_id, user_name };
        let default = match action {
            Action::Publish => self.default_access.publish_client_send,
            Action::Receive => self.default_access.publish_client_receive,
            Action::Subscribe => self.default_access.subscribe,
            Action::Unsubscribe => self.default_access.unsubscribe,
        };
        roles.iter().find_map(|role| role.decides(action, topic, substitutes)).unwrap_or(default)
    }

    /// Whether a client of this user name is known.
    pub fn knows(&self, user_name: &str) -> bool {
        self.clients.contains_key(user_name)
    }
}

impl RoleRules {
    fn new(role: &Role) -> Self {
        let patterns = |kind: AclType| -> Box<[PatternRule]> {
            let acls = role.acls().iter().filter(|acl| acl.kind == kind);
            acls.map(|acl| PatternRule { pattern: Pattern::new(&acl.topic), allow: acl.allow }).collect()
        };
        let literal = |kind: AclType| -> HashMap<Box<str>, bool> {
            let acls = role.acls().iter().filter(|acl| acl.kind == kind);
            acls.map(|acl| (acl.topic.as_str().into(), acl.allow)).collect()
        };
        Self {
            allows_wildcards: role.allow_wildcard_subscriptions,
            publish: patterns(AclType::PublishClientSend),
            receive: patterns(AclType::PublishClientReceive),
            subscribe: FilterRules {
                literal: literal(AclType::SubscribeLiteral),
                patterns: patterns(AclType::SubscribePattern),
            },
            unsubscribe: FilterRules {
                literal: literal(AclType::UnsubscribeLiteral),
                patterns: patterns(AclType::UnsubscribePattern),
            },
        }
    }

    /// What the role says, if it says anything.
    fn decides(&self, action: Action, topic: &str, substitutes: Substitutes<'_>) -> Option<bool> {
        match action {
            Action::Publish => first_match(&self.publish, topic, substitutes),
            Action::Receive => first_match(&self.receive, topic, substitutes),
            // Whatever else the role says: a role that allows no wildcards denies them.
            Action::Subscribe if !self.allows_wildcards && topic.contains(['+', '#']) => Some(false),
            Action::Subscribe => self.subscribe.decides(topic, substitutes),
            Action::Unsubscribe => self.unsubscribe.decides(topic, substitutes),
        }
    }
}

impl FilterRules {
    fn decides(&self, filter: &str, substitutes: Substitutes<'_>) -> Option<bool> {
        let literal = self.literal.get(filter).copied();
        literal.or_else(|| first_match(&self.patterns, filter, substitutes))
    }
}

fn first_match(rules: &[PatternRule], topic: &str, substitutes: Substitutes<'_>) -> Option<bool> {
    rules.iter().find(|rule| rule.pattern.matches(topic, substitutes)).map(|rule| rule.allow)
}
