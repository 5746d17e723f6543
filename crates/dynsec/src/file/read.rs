//! From JSON to clients, groups and roles.

use martlet_json::Json;

use super::{Remark, RemarkKind};
use crate::acl::{Acl, AclType, DefaultAccess};
use crate::describe::member;
use crate::limits::{
    CLIENTS_MAX, GROUPS_MAX, HASH_BYTES_MAX, NAME_BYTES_MAX, RANKING_MAX, ROLES_MAX, TEXT_BYTES_MAX,
};
use crate::model::{AclList, Client, DynamicSecurity, Group, Role};
use crate::ranking::{Ranking, priority};

/// How many remarks are made at most.
const REMARKS_MAX: usize = 100;
/// How the hashes of passwords begin.
const HASH_PREFIXES: [&str; 3] = ["$6$", "$7$", "$argon2id$"];

/// Roles come first, since clients and groups have them, then clients, since groups have those.
pub(super) fn security(tree: &Json) -> (DynamicSecurity, Vec<Remark>) {
    let mut reader = Reader { security: DynamicSecurity::default(), remarks: Vec::new() };
    let known = ["changeIndex", "defaultACLAccess", "clients", "groups", "anonymousGroup", "roles"];
    reader.report_unknown(tree, "", &known);
    if let Some(Json::Number(number)) = member(tree, "changeIndex") {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the nearest will do")]
        let change_index = *number as u64;
        reader.security.change_index = change_index;
    }
    if let Some(access) = member(tree, "defaultACLAccess") {
        reader.default_access(access);
    }
    for (place, role) in reader.list(tree, "", "roles") {
        reader.role(&place, role);
    }
    for (place, client) in reader.list(tree, "", "clients") {
        reader.client(&place, client);
    }
    for (place, group) in reader.list(tree, "", "groups") {
        reader.group(&place, group);
    }
    if let Some(name) = reader.text(tree, "", "anonymousGroup", NAME_BYTES_MAX) {
        if reader.security.groups.contains_key(&name) {
            reader.security.anonymous_group = Some(name);
        } else {
            reader.remark("anonymousGroup", RemarkKind::Missing);
        }
    }
    (reader.security, reader.remarks)
}

struct Reader {
    security: DynamicSecurity,
    remarks: Vec<Remark>,
}

impl Reader {
    fn default_access(&mut self, access: &Json) {
        self.report_unknown(
            access,
            "defaultACLAccess",
            &DefaultAccess::default().entries().map(|(name, _)| name),
        );
        for (name, _) in DefaultAccess::default().entries() {
            let value = self.bool(access, "defaultACLAccess", name);
            if let Some(place) = self.security.default_access.named(name.as_bytes()) {
                *place = value.unwrap_or(false);
            }
        }
    }

    fn role(&mut self, place: &str, role: &Json) {
        let Some(name) = self.name(role, place, "rolename") else { return };
        if !self.has_room(
            place,
            self.security.roles.contains_key(&name),
            self.security.roles.len(),
            ROLES_MAX,
        ) {
            return;
        }
        let known = ["rolename", "textname", "textdescription", "allowwildcardsubs", "acls"];
        self.report_unknown(role, place, &known);
        let text_name = self.text(role, place, "textname", TEXT_BYTES_MAX);
        let text_description = self.text(role, place, "textdescription", TEXT_BYTES_MAX);
        let allows_wildcards = self.bool(role, place, "allowwildcardsubs").unwrap_or(true);
        let mut read = Role::new(text_name, text_description, allows_wildcards);
        let mut acls = AclList::default();
        for (place, acl) in self.list(role, place, "acls") {
            let Some(acl) = acl_of(acl) else {
                self.remark(&place, RemarkKind::Invalid);
                continue;
            };
            let kind = if acls.is_full() { RemarkKind::TooMany } else { RemarkKind::Repeated };
            if !acls.add(acl) {
                self.remark(&place, kind);
            }
        }
        read.set_acls(acls);
        self.security.roles.insert(name, read);
    }

    fn client(&mut self, place: &str, client: &Json) {
        let Some(user_name) = self.name(client, place, "username") else { return };
        let (is_known, count) = (self.security.clients.contains_key(&user_name), self.security.clients.len());
        if !self.has_room(place, is_known, count, CLIENTS_MAX) {
            return;
        }
        let known = [
            "username",
            "clientid",
            "textname",
            "textdescription",
            "disabled",
            "roles",
            "encoded_password",
            "password",
            "salt",
            "iterations",
        ];
        self.report_unknown(client, place, &known);
        let read = Client {
            client_id: self.text(client, place, "clientid", NAME_BYTES_MAX).filter(|text| !text.is_empty()),
            password: self.password(client, place),
            text_name: self.text(client, place, "textname", TEXT_BYTES_MAX),
            text_description: self.text(client, place, "textdescription", TEXT_BYTES_MAX),
            disabled: self.bool(client, place, "disabled").unwrap_or(false),
            roles: self.roles(client, place),
            groups: Ranking::default(),
        };
        self.security.clients.insert(user_name, read);
    }

    fn group(&mut self, place: &str, group: &Json) {
        let Some(name) = self.name(group, place, "groupname") else { return };
        let (is_known, count) = (self.security.groups.contains_key(&name), self.security.groups.len());
        if !self.has_room(place, is_known, count, GROUPS_MAX) {
            return;
        }
        self.report_unknown(group, place, &["groupname", "textname", "textdescription", "roles", "clients"]);
        let read = Group {
            text_name: self.text(group, place, "textname", TEXT_BYTES_MAX),
            text_description: self.text(group, place, "textdescription", TEXT_BYTES_MAX),
            roles: self.roles(group, place),
            ..Group::default()
        };
        self.security.groups.insert(name.clone(), read);
        for (place, entry) in self.list(group, place, "clients") {
            let Some(user_name) = self.name(entry, &place, "username") else { continue };
            let client = self.security.clients.get(&user_name);
            let kind = match client {
                None => RemarkKind::Missing,
                Some(client) if client.groups.contains(&name) => RemarkKind::Repeated,
                Some(_) => RemarkKind::TooMany,
            };
            if !self.security.join(&user_name, &name, priority_of(entry)) {
                self.remark(&place, kind);
            }
        }
    }

    fn roles(&mut self, owner: &Json, place: &str) -> Ranking {
        let mut roles = Ranking::default();
        for (place, entry) in self.list(owner, place, "roles") {
            let Some(name) = self.name(entry, &place, "rolename") else { continue };
            if !self.security.roles.contains_key(&name) {
                self.remark(&place, RemarkKind::Missing);
            } else if !roles.add(&name, priority_of(entry)) {
                let is_full = roles.iter().len() >= RANKING_MAX;
                self.remark(&place, if is_full { RemarkKind::TooMany } else { RemarkKind::Repeated });
            }
        }
        roles
    }

    /// The hash of a password. Mosquitto 2.0 wrote its parts apart.
    fn password(&mut self, client: &Json, place: &str) -> Option<String> {
        if let Some(hash) = self.text(client, place, "encoded_password", HASH_BYTES_MAX) {
            if HASH_PREFIXES.iter().any(|prefix| hash.starts_with(prefix)) {
                return Some(hash);
            }
            self.remark(&join(place, "encoded_password"), RemarkKind::Invalid);
        }
        let hash = member(client, "password")?;
        let whole = || {
            let Some(Json::Number(iterations)) = member(client, "iterations") else { return None };
            let iterations =
                (*iterations >= 1.0 && *iterations <= f64::from(u32::MAX)).then(|| iterations.trunc())?;
            Some(format!("$7${iterations}${}${}", base64(member(client, "salt")?)?, base64(hash)?))
        };
        let password = whole().filter(|hash| hash.len() <= HASH_BYTES_MAX);
        if password.is_none() {
            self.remark(&join(place, "password"), RemarkKind::Invalid);
        }
        password
    }

    /// The name of an entry. Mosquitto takes every text but the empty one here.
    fn name(&mut self, entry: &Json, place: &str, name: &'static str) -> Option<String> {
        let Some(Json::Text(bytes)) = member(entry, name) else {
            self.remark(&join(place, name), RemarkKind::Invalid);
            return None;
        };
        let name_of =
            core::str::from_utf8(bytes).ok().filter(|text| !text.is_empty() && text.len() <= NAME_BYTES_MAX);
        if name_of.is_none() {
            self.remark(&join(place, name), RemarkKind::Invalid);
        }
        name_of.map(str::to_owned)
    }

    fn text(&mut self, object: &Json, place: &str, name: &str, bytes_max: usize) -> Option<String> {
        let text = match member(object, name)? {
            Json::Text(bytes) if bytes.len() <= bytes_max => {
                core::str::from_utf8(bytes).ok().map(str::to_owned)
            }
            _ => None,
        };
        if text.is_none() {
            self.remark(&join(place, name), RemarkKind::Invalid);
        }
        text
    }

    fn bool(&mut self, object: &Json, place: &str, name: &str) -> Option<bool> {
        let value = member(object, name)?;
        if let Json::Bool(value) = value {
            return Some(*value);
        }
        self.remark(&join(place, name), RemarkKind::Invalid);
        None
    }

    /// The entries of a list with their places.
    fn list<'a>(&mut self, object: &'a Json, place: &str, name: &str) -> Vec<(String, &'a Json)> {
        match member(object, name) {
            Some(Json::Array(entries)) => {
                let place = join(place, name);
                entries
                    .iter()
                    .enumerate()
                    .map(|(number, entry)| (format!("{place}[{number}]"), entry))
                    .collect()
            }
            Some(_) => {
                self.remark(&join(place, name), RemarkKind::Invalid);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    fn has_room(&mut self, place: &str, is_known: bool, count: usize, count_max: usize) -> bool {
        if is_known {
            self.remark(place, RemarkKind::Repeated);
        } else if count >= count_max {
            self.remark(place, RemarkKind::TooMany);
        }
        !is_known && count < count_max
    }

    fn report_unknown(&mut self, object: &Json, place: &str, known: &[&str]) {
        let Json::Object(members) = object else { return };
        for (name, _) in members {
            if !known.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name)) {
                self.remark(&join(place, &String::from_utf8_lossy(name)), RemarkKind::Unknown);
            }
        }
    }

    fn remark(&mut self, place: &str, kind: RemarkKind) {
        if self.remarks.len() < REMARKS_MAX {
            self.remarks.push(Remark { place: place.to_owned(), kind });
        }
    }
}

/// An access rule, as files and commands have it. Its topic may be any text: one that is no pattern matches nothing but
/// itself.
pub(crate) fn acl_of(entry: &Json) -> Option<Acl> {
    let Json::Text(kind) = member(entry, "acltype")? else { return None };
    let Json::Text(topic) = member(entry, "topic")? else { return None };
    let topic = core::str::from_utf8(topic)
        .ok()
        .filter(|topic| !topic.is_empty() && topic.len() <= NAME_BYTES_MAX)?;
    Some(Acl {
        kind: AclType::named(kind)?,
        topic: topic.to_owned(),
        priority: priority_of(entry).unwrap_or(0),
        allow: matches!(member(entry, "allow"), Some(Json::Bool(true))),
    })
}

/// The priority of an entry, if it has one that is a number.
pub(crate) fn priority_of(entry: &Json) -> Option<i32> {
    match member(entry, "priority") {
        Some(Json::Number(number)) => Some(priority(*number)),
        _ => None,
    }
}

fn base64(value: &Json) -> Option<&str> {
    let Json::Text(bytes) = value else { return None };
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    let text = core::str::from_utf8(bytes).ok()?;
    (!bytes.is_empty() && bytes.iter().all(is_base64)).then_some(text)
}

fn join(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}
