//! Commands that ask for clients, groups and roles.

use martlet_json::Json;

use super::arguments::Arguments;
use super::refusal::{Noun, Refusal};
use super::{Answer, Connections, Context};
use crate::DynamicSecurity;
use crate::describe;
use crate::limits::RESPONSE_BYTES_MAX;
use crate::model::{Client, Group};

impl DynamicSecurity {
    pub(super) fn get_client(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let user_name = arguments.name(Noun::Client)?;
        let client = self.client(user_name).ok_or(Refusal::NotFound(Noun::Client))?;
        context.details.push(format!("username={user_name}"));
        Ok(Some(Json::object([("client", client_json(user_name, client, context.connections))])))
    }

    pub(super) fn get_group(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let name = arguments.name(Noun::Group)?;
        let group = self.group(name).ok_or(Refusal::NotFound(Noun::Group))?;
        context.details.push(format!("groupname={name}"));
        Ok(Some(Json::object([("group", group_json(name, group))])))
    }

    pub(super) fn get_role(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let name = arguments.name(Noun::Role)?;
        let role = self.role(name).ok_or(Refusal::NotFound(Noun::Role))?;
        context.details.push(format!("rolename={name}"));
        Ok(Some(Json::object([("role", describe::role(name, role))])))
    }

    pub(super) fn list_clients(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let connections = context.connections;
        let entries = self
            .clients
            .iter()
            .map(|(name, client)| (name.as_str(), move || client_json(name, client, connections)));
        list("clients", entries, arguments, context)
    }

    pub(super) fn list_groups(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let entries =
            self.groups.iter().map(|(name, group)| (name.as_str(), move || group_json(name, group)));
        list("groups", entries, arguments, context)
    }

    pub(super) fn list_roles(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let entries =
            self.roles.iter().map(|(name, role)| (name.as_str(), move || describe::role(name, role)));
        list("roles", entries, arguments, context)
    }
}

/// A part of a list, names alone or with all that there is to say.
fn list<'a, F: FnOnce() -> Json>(
    member: &'static str,
    entries: impl ExactSizeIterator<Item = (&'a str, F)>,
    arguments: Arguments<'_>,
    context: &mut Context<'_>,
) -> Answer {
    let verbose = arguments.bool("verbose").unwrap_or(false);
    let count = arguments.integer("count").unwrap_or(-1);
    let offset = arguments.integer("offset").unwrap_or(0);
    let total = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    // A negative count stands for all. 0 brings one, as in Mosquitto.
    let wanted = usize::try_from(count).map_or(usize::MAX, |count| count.max(1));
    let mut listed = Vec::new();
    let mut bytes = 0;
    for (name, describe) in entries.skip(usize::try_from(offset).unwrap_or(0)).take(wanted) {
        let entry = if verbose { describe() } else { Json::from(name) };
        // What the names take is the least that the text of the entry takes.
        bytes += name.len();
        if bytes > RESPONSE_BYTES_MAX {
            return Err(Refusal::ResponseTooLarge);
        }
        listed.push(entry);
    }
    context.details.push(format!("verbose={verbose} | count={count} | offset={offset}"));
    Ok(Some(Json::object([("totalCount", Json::from(total)), (member, Json::Array(listed))])))
}

fn client_json(user_name: &str, client: &Client, connections: &dyn Connections) -> Json {
    let mut members = describe::client(user_name, client);
    members.push(("groups", describe::ranking(&client.groups, "groupname")));
    let addresses = connections.addresses(user_name);
    let connections =
        addresses.iter().map(|address| Json::object([("address", Json::from(address.as_str()))]));
    members.push(("connections", Json::Array(connections.collect())));
    Json::object(members)
}

fn group_json(name: &str, group: &Group) -> Json {
    let (text_name, text_description) = (group.text_name.as_deref(), group.text_description.as_deref());
    let mut members = describe::named("groupname", name, text_name, text_description);
    let clients = group.clients.iter().map(|user_name| describe::ranked("username", user_name, None));
    members.push(("clients", Json::Array(clients.collect())));
    members.push(("roles", describe::ranking(&group.roles, "rolename")));
    Json::object(members)
}
