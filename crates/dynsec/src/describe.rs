//! Clients, groups and roles as JSON: what the file and the answers to commands have in common.

use martlet_json::Json;

use crate::acl::DefaultAccess;
use crate::model::{Client, Role};
use crate::ranking::Ranking;

/// The members of an object that is being put together.
pub(crate) type Members = Vec<(&'static str, Json)>;

/// The name, and the two texts if there are any.
pub(crate) fn named(
    member: &'static str,
    name: &str,
    text_name: Option<&str>,
    text_description: Option<&str>,
) -> Members {
    let mut members = vec![(member, Json::from(name))];
    push_text(&mut members, "textname", text_name);
    push_text(&mut members, "textdescription", text_description);
    members
}

pub(crate) fn push_text(members: &mut Members, name: &'static str, text: Option<&str>) {
    members.extend(text.map(|text| (name, Json::from(text))));
}

/// A client with its roles, but for its groups and its password.
pub(crate) fn client(user_name: &str, client: &Client) -> Members {
    let mut members = vec![("username", Json::from(user_name))];
    push_text(&mut members, "clientid", client.client_id.as_deref());
    push_text(&mut members, "textname", client.text_name.as_deref());
    push_text(&mut members, "textdescription", client.text_description.as_deref());
    if client.disabled {
        members.push(("disabled", Json::Bool(true)));
    }
    members.push(("roles", ranking(&client.roles, "rolename")));
    members
}

/// Roles or groups with their priorities.
pub(crate) fn ranking(ranking: &Ranking, member: &'static str) -> Json {
    Json::Array(ranking.iter().map(|it| ranked(member, &it.name, it.explicit_priority())).collect())
}

/// A name, and its priority if it was given one.
pub(crate) fn ranked(member: &'static str, name: &str, priority: Option<i32>) -> Json {
    let mut members = vec![(member, Json::from(name))];
    members.extend(priority.map(|priority| ("priority", Json::from(priority))));
    Json::object(members)
}

/// A role with all that it allows and denies.
pub(crate) fn role(name: &str, role: &Role) -> Json {
    let mut members = named("rolename", name, role.text_name.as_deref(), role.text_description.as_deref());
    members.push(("allowwildcardsubs", Json::Bool(role.allow_wildcard_subscriptions)));
    let acls = role.acls().iter().map(|acl| {
        Json::object([
            ("acltype", Json::from(acl.kind.name())),
            ("topic", Json::from(acl.topic.as_str())),
            ("priority", Json::from(acl.priority)),
            ("allow", Json::Bool(acl.allow)),
        ])
    });
    members.push(("acls", Json::Array(acls.collect())));
    Json::object(members)
}

/// Each kind of access with what holds for it.
pub(crate) fn default_access(access: DefaultAccess) -> Json {
    Json::object(access.entries().map(|(name, allow)| (name, Json::Bool(allow))))
}

/// The value of a member; names are compared without regard to case, and the first one counts, as in Mosquitto.
pub(crate) fn member<'a>(object: &'a Json, name: &str) -> Option<&'a Json> {
    let Json::Object(members) = object else { return None };
    let is_it = |(other, _): &&(Vec<u8>, Json)| other.eq_ignore_ascii_case(name.as_bytes());
    members.iter().find(is_it).map(|(_, value)| value)
}
