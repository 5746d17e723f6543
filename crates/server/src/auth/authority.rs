//! What a configuration says of who may come in and do what.

use std::path::Path;
use std::sync::Arc;

use martlet_access::hash::verify;
use martlet_access::{AccessList, Action, Passwords, Ruling, Who};
use martlet_dynsec::{self as dynsec, Identity, Login, Rules};
use martlet_engine::{Client, Decision, Newcomer, Peer, Question, Verdict};
use martlet_wire::ReasonCode;

/// What counts at one listener.
#[derive(Clone, Debug, Default)]
pub(crate) struct Door {
    /// Whether clients without a user name may come in; where there are no passwords, those with one as well.
    pub(crate) admits_anonymous: bool,
    /// Whether the carrier of a connection tells the user name. No password is needed then.
    pub(crate) has_proven_names: bool,
    /// The password files, of which one has to know a client.
    pub(crate) passwords: Vec<Arc<Passwords>>,
    /// The access control lists, all of which have to allow what a client does.
    pub(crate) lists: Vec<NamedList>,
    /// Whether dynamic security decides as well.
    pub(crate) is_dynamic: bool,
}

/// An access control list, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct NamedList {
    pub(crate) path: Arc<Path>,
    pub(crate) list: Arc<AccessList>,
}

/// What a client needs to come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Nothing.
    Anyone,
    /// The password of its user name.
    Password,
    /// A certificate or a pre-shared key with its user name.
    ProvenName,
    /// A Client Identifier that begins as it has to.
    OtherIdentifier,
    /// Nothing helps.
    Nobody,
}

/// Who may come in and do what, as a configuration says.
#[derive(Clone, Debug, Default)]
pub struct Authority {
    /// By the numbers of the listeners.
    pub(crate) doors: Vec<Door>,
    /// What dynamic security says, where it counts.
    pub(crate) dynamic: Arc<Rules>,
    /// How Client Identifiers have to begin.
    pub(crate) client_identifier_prefix: Option<String>,
    /// Whether a retained message goes out only if its publisher may still publish it.
    pub(crate) checks_retained_publishers: bool,
}

impl Authority {
    /// Whether everyone may come in and do everything.
    pub(crate) fn is_open(&self) -> bool {
        let is_open = |door: &Door| {
            door.admits_anonymous && door.passwords.is_empty() && door.lists.is_empty() && !door.is_dynamic
        };
        self.client_identifier_prefix.is_none() && self.doors.iter().all(is_open)
    }

    /// Whether there are passwords anywhere.
    pub(crate) fn has_passwords(&self) -> bool {
        self.doors.iter().any(Door::asks_for_passwords)
    }

    /// Whether there are access control lists anywhere.
    pub(crate) fn has_lists(&self) -> bool {
        self.doors.iter().any(|door| !door.lists.is_empty() || door.is_dynamic)
    }

    fn door(&self, listener: u16) -> Option<&Door> {
        self.doors.get(usize::from(listener))
    }

    /// The same for a broker whose listeners stand in another order: for each of them the number that it has here, or none,
    /// if it stays as it was.
    pub(crate) fn arranged(mut self, order: &[Option<u16>], before: &Self) -> Self {
        let door = |(place, number): (usize, &Option<u16>)| {
            let new = number.and_then(|number| self.door(number));
            let mut door = new.or_else(|| before.doors.get(place)).cloned().unwrap_or_default();
            // What dynamic security knows is read when the broker starts, and only then.
            door.is_dynamic = before.doors.get(place).is_some_and(|before| before.is_dynamic);
            door
        };
        self.doors = order.iter().enumerate().map(door).collect();
        self.dynamic = Arc::clone(&before.dynamic);
        self
    }

    /// The same with other rules of dynamic security.
    pub(crate) fn with_dynamic(mut self, dynamic: Arc<Rules>) -> Self {
        self.dynamic = dynamic;
        self
    }

    /// Whether a client may come in, as far as it can be told at once.
    pub(crate) fn decide(&self, newcomer: &Newcomer<'_>) -> Decision {
        let client = newcomer.client;
        let Some(door) = client.listener.and_then(|listener| self.door(listener)) else {
            return Decision::Refuse(ReasonCode::NotAuthorized);
        };
        let begins_well = |prefix: &String| newcomer.connect.client_identifier.starts_with(prefix.as_str());
        if !self.client_identifier_prefix.as_ref().is_none_or(begins_well) {
            return Decision::Refuse(ReasonCode::NotAuthorized);
        }
        if newcomer.connect.properties.authentication_method().is_some() {
            return Decision::Refuse(ReasonCode::BadAuthenticationMethod); // [MQTT-4.12.0-1]
        }
        let login = if door.is_dynamic { self.dynamic.login(identity(client)) } else { Login::Unknown };
        if login == Login::Refuse && !newcomer.is_proven {
            return Decision::Refuse(ReasonCode::NotAuthorized);
        }
        if newcomer.is_proven || (door.admits_anonymous && !door.knows(client.user_name)) {
            Decision::Accept
        } else if door.knows(client.user_name) && newcomer.connect.password.is_some_and(|it| !it.is_empty()) {
            Decision::Ask
        } else {
            Decision::Refuse(ReasonCode::NotAuthorized)
        }
    }

    /// Whether a client has shown its password. Takes long.
    pub(crate) fn judge(&self, question: &Question) -> Verdict {
        let is_known = |door: &Door| {
            let (Some(user_name), Some(password)) = (&question.user_name, &question.password) else {
                return false;
            };
            let client_id = &question.client_identifier;
            let who = Identity { user_name: Some(user_name), client_id };
            match if door.is_dynamic { self.dynamic.login(who) } else { Login::Unknown } {
                Login::Compare(hash) => return verify(&hash, password),
                Login::Refuse => return false,
                Login::Unknown => {}
            }
            door.passwords.iter().any(|passwords| passwords.is_password(user_name, password))
        };
        if self.door(question.peer.listener).is_some_and(is_known) {
            Verdict::Accept { data: None }
        } else {
            Verdict::Refuse(ReasonCode::NotAuthorized)
        }
    }

    /// Whether a client may go on that came in while another authority decided.
    pub(crate) fn keeps(&self, before: &Self, peer: &Peer, client: Client<'_>) -> bool {
        let Some(door) = self.door(peer.listener) else { return false };
        let Some(user_name) = client.user_name else { return door.admits_anonymous };
        if door.has_proven_names && peer.tls().is_some() {
            return true;
        }
        // Those whose rights dynamic security changes are sent away apart from this.
        if door.is_dynamic && (before.dynamic.knows(user_name) || self.dynamic.knows(user_name)) {
            return true;
        }
        if door.passwords.is_empty() {
            return door.admits_anonymous && !door.is_dynamic;
        }
        let old = before.door(peer.listener).map_or(&[][..], |door| &door.passwords);
        let still_good = |new: &Arc<Passwords>| old.iter().any(|old| new.agrees_with(old, user_name));
        door.passwords.iter().any(still_good)
    }

    /// Whether a client may read or write a topic.
    pub(crate) fn allows(&self, client: Client<'_>, action: Action, topic: &str) -> bool {
        // What a client may do that came before the start, nobody knows until it comes again.
        let Some(door) = client.listener.and_then(|listener| self.door(listener)) else { return true };
        let who = Who { client_identifier: client.client_identifier, user_name: client.user_name };
        let dynamic_action = match action {
            Action::Read => dynsec::Action::Receive,
            Action::Write => dynsec::Action::Publish,
        };
        door.lists.iter().all(|named| named.list.allows(who, action, topic))
            && self.dynamic_allows(client, dynamic_action, topic)
    }

    /// Whether dynamic security, where it counts, lets a client do something with a Topic Name or a Topic Filter.
    pub(crate) fn dynamic_allows(&self, client: Client<'_>, action: dynsec::Action, topic: &str) -> bool {
        let door = client.listener.and_then(|listener| self.door(listener));
        !door.is_some_and(|door| door.is_dynamic) || self.dynamic.allows(identity(client), action, topic)
    }

    /// What each access control list of a listener says about a topic. All of them have to allow it.
    pub fn rulings(
        &self,
        listener: u16,
        who: Who<'_>,
        action: Action,
        topic: &str,
    ) -> impl Iterator<Item = (&Path, Ruling)> {
        let lists = self.door(listener).map_or(&[][..], |door| &door.lists);
        lists.iter().map(move |named| (&*named.path, named.list.ruling(who, action, topic)))
    }

    /// What dynamic security, where it counts, says about a Topic Name, or to subscribe a Topic Filter.
    pub fn dynamic_ruling(
        &self,
        listener: u16,
        who: Who<'_>,
        action: dynsec::Action,
        topic: &str,
    ) -> Option<bool> {
        let is_dynamic = self.door(listener).is_some_and(|door| door.is_dynamic);
        is_dynamic.then(|| self.dynamic.allows(known_as(who), action, topic))
    }

    /// What a client needs to come in at a listener.
    pub fn admission(&self, listener: u16, who: Who<'_>) -> Admission {
        let Some(door) = self.door(listener) else { return Admission::Nobody };
        if !self.client_identifier_prefix.as_ref().is_none_or(|it| who.client_identifier.starts_with(it)) {
            return Admission::OtherIdentifier;
        }
        let login = if door.is_dynamic { self.dynamic.login(known_as(who)) } else { Login::Unknown };
        match (who.user_name, login) {
            (Some(_), _) if door.has_proven_names => Admission::ProvenName,
            (_, Login::Compare(_)) => Admission::Password,
            (_, Login::Refuse) => Admission::Nobody,
            (Some(name), _) if door.passwords.iter().any(|passwords| passwords.has_password(name)) => {
                Admission::Password
            }
            (user_name, Login::Unknown) if door.admits_anonymous && !door.knows(user_name) => {
                Admission::Anyone
            }
            (_, Login::Unknown) => Admission::Nobody,
        }
    }
}

impl Door {
    /// Whether a client with this user name has to show a password.
    fn knows(&self, user_name: Option<&str>) -> bool {
        user_name.is_some() && self.asks_for_passwords()
    }

    /// Whether there are passwords for it.
    fn asks_for_passwords(&self) -> bool {
        !self.passwords.is_empty() || self.is_dynamic
    }
}

/// A client, as dynamic security knows it.
fn identity(client: Client<'_>) -> Identity<'_> {
    Identity { user_name: client.user_name, client_id: client.client_identifier }
}

/// The same of one that is only spoken of.
fn known_as(who: Who<'_>) -> Identity<'_> {
    Identity { user_name: who.user_name, client_id: who.client_identifier }
}
