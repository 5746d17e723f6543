//! Commands about groups.

use std::collections::BTreeMap;

use martlet_json::Json;

use super::arguments::Arguments;
use super::refusal::{Noun, Refusal};
use super::{Answer, Context};
use crate::DynamicSecurity;
use crate::file::priority_of;
use crate::limits::GROUPS_MAX;
use crate::model::Group;

impl DynamicSecurity {
    pub(super) fn create_group(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let name = arguments.new_name(Noun::Group)?;
        let descriptions = arguments.descriptions()?;
        if self.groups.contains_key(name) {
            return Err(Refusal::Exists(Noun::Group));
        }
        if self.groups.len() >= GROUPS_MAX {
            return Err(Refusal::TooMany(Noun::Group));
        }
        // A list that is none has an error text of its own here.
        let roles = self.role_list(arguments).map_err(|refusal| match refusal {
            Refusal::Roles => Refusal::Internal,
            other => other,
        })?;
        let group = Group {
            text_name: descriptions.name,
            text_description: descriptions.description,
            roles: roles.unwrap_or_default(),
            ..Group::default()
        };
        self.groups.insert(name.to_owned(), group);
        self.change();
        context.details.push(format!("groupname={name}"));
        Ok(None)
    }

    pub(super) fn delete_group(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let name = arguments.name(Noun::Group)?;
        if !self.groups.contains_key(name) {
            return Err(Refusal::NotFound(Noun::Group));
        }
        if self.anonymous_group.as_deref() == Some(name) {
            return Err(Refusal::AnonymousGroup);
        }
        self.group_changed(name, context);
        self.remove_group(name);
        context.details.push(format!("groupname={name}"));
        Ok(None)
    }

    /// What is not as it should be is left as it was, except that roles and clients have to exist.
    pub(super) fn modify_group(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let name = arguments.name(Noun::Group)?;
        if !self.groups.contains_key(name) {
            return Err(Refusal::NotFound(Noun::Group));
        }
        let descriptions = arguments.new_descriptions()?;
        let roles = self.role_list(arguments)?;
        let clients = self.replaced_clients(arguments)?;
        // Both those who were in it before and those who are then.
        self.group_changed(name, context);
        let Some(group) = self.groups.get_mut(name) else { return Err(Refusal::Internal) };
        descriptions.replace(&mut group.text_name, &mut group.text_description);
        if let Some(roles) = roles {
            group.roles = roles;
        }
        if let Some(clients) = clients {
            for user_name in core::mem::take(&mut group.clients) {
                self.leave(&user_name, name);
            }
            for (user_name, priority) in clients {
                self.join(user_name, name, priority);
            }
            self.kick_group(name, &mut context.kicked);
        }
        context.details.push(format!("groupname={name}"));
        Ok(None)
    }

    pub(super) fn add_group_role(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let (group_name, role_name) = (arguments.name(Noun::Group)?, arguments.name(Noun::Role)?);
        let group = self.groups.get_mut(group_name).ok_or(Refusal::NotFound(Noun::Group))?;
        if !self.roles.contains_key(role_name) {
            return Err(Refusal::NotFound(Noun::Role));
        }
        let priority = priority_of(arguments.json());
        if !group.roles.add(role_name, priority) {
            return Err(Refusal::GroupHasRole);
        }
        self.group_changed(group_name, context);
        let priority = priority.unwrap_or(-1);
        context.details.push(format!("groupname={group_name} | rolename={role_name} | priority={priority}"));
        Ok(None)
    }

    pub(super) fn remove_group_role(
        &mut self,
        arguments: Arguments<'_>,
        context: &mut Context<'_>,
    ) -> Answer {
        let (group_name, role_name) = (arguments.name(Noun::Group)?, arguments.name(Noun::Role)?);
        let group = self.groups.get_mut(group_name).ok_or(Refusal::NotFound(Noun::Group))?;
        if !self.roles.contains_key(role_name) {
            return Err(Refusal::NotFound(Noun::Role));
        }
        group.roles.remove(role_name);
        self.group_changed(group_name, context);
        context.details.push(format!("groupname={group_name} | rolename={role_name}"));
        Ok(None)
    }

    pub(super) fn add_group_client(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let (user_name, group_name) = self.client_and_group(arguments)?;
        let priority = priority_of(arguments.json());
        if !self.join(user_name, group_name, priority) {
            return Err(Refusal::AlreadyInGroup);
        }
        self.change();
        context.kicked.client(user_name);
        let priority = priority.unwrap_or(-1);
        context.details.push(format!("groupname={group_name} | username={user_name} | priority={priority}"));
        Ok(None)
    }

    pub(super) fn remove_group_client(
        &mut self,
        arguments: Arguments<'_>,
        context: &mut Context<'_>,
    ) -> Answer {
        let (user_name, group_name) = self.client_and_group(arguments)?;
        self.leave(user_name, group_name);
        self.change();
        context.kicked.client(user_name);
        context.details.push(format!("groupname={group_name} | username={user_name}"));
        Ok(None)
    }

    pub(super) fn set_anonymous_group(
        &mut self,
        arguments: Arguments<'_>,
        context: &mut Context<'_>,
    ) -> Answer {
        let name = arguments.name(Noun::Group)?;
        if !self.groups.contains_key(name) {
            return Err(Refusal::NotFound(Noun::Group));
        }
        self.anonymous_group = Some(name.to_owned());
        self.change();
        context.kicked.anonymous = true;
        context.details.push(format!("groupname={name}"));
        Ok(None)
    }

    /// A client and a group that both exist.
    fn client_and_group<'a>(&self, arguments: Arguments<'a>) -> Result<(&'a str, &'a str), Refusal> {
        let (user_name, group_name) = (arguments.name(Noun::Client)?, arguments.name(Noun::Group)?);
        if !self.clients.contains_key(user_name) {
            return Err(Refusal::NotFound(Noun::Client));
        }
        if !self.groups.contains_key(group_name) {
            return Err(Refusal::NotFound(Noun::Group));
        }
        Ok((user_name, group_name))
    }

    /// The list `clients`, if there is one, with priorities. What is no object does not count; of two for one client the first
    /// does.
    fn replaced_clients<'a>(
        &self,
        arguments: Arguments<'a>,
    ) -> Result<Option<BTreeMap<&'a str, Option<i32>>>, Refusal> {
        let Some(entries) = arguments.list("clients") else { return Ok(None) };
        let mut clients = BTreeMap::new();
        for entry in entries.iter().filter(|entry| matches!(entry, Json::Object(_))) {
            let name = Arguments::new(entry).text(Noun::Client.member(), Refusal::UnnamedClient)?;
            let name = core::str::from_utf8(name.ok_or(Refusal::UnnamedClient)?).ok();
            let name = name.filter(|name| self.clients.contains_key(*name)).ok_or(Refusal::UnknownClient)?;
            clients.entry(name).or_insert(priority_of(entry));
        }
        Ok(Some(clients))
    }

    fn group_changed(&mut self, name: &str, context: &mut Context<'_>) {
        self.change();
        self.kick_group(name, &mut context.kicked);
    }
}
