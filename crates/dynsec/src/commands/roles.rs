//! Commands about roles.

use martlet_json::Json;

use super::arguments::Arguments;
use super::refusal::{Noun, Refusal};
use super::{Answer, Context};
use crate::DynamicSecurity;
use crate::acl::{Acl, AclType};
use crate::file::{acl_of, priority_of};
use crate::levels::is_acl_topic;
use crate::limits::ROLES_MAX;
use crate::model::Role;
use crate::names;

impl DynamicSecurity {
    pub(super) fn create_role(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let name = arguments.new_name(Noun::Role)?;
        let descriptions = arguments.descriptions()?;
        let allow_wildcard_subscriptions = match arguments.value("allowwildcardsubs") {
            None => true,
            Some(Json::Bool(allow)) => *allow,
            Some(_) => return Err(Refusal::WildcardSubscriptions),
        };
        if self.roles.contains_key(name) {
            return Err(Refusal::Exists(Noun::Role));
        }
        if self.roles.len() >= ROLES_MAX {
            return Err(Refusal::TooMany(Noun::Role));
        }
        let mut role = Role::new(descriptions.name, descriptions.description, allow_wildcard_subscriptions);
        role.set_acls(acls(arguments).collect());
        self.roles.insert(name.to_owned(), role);
        self.change();
        context.details.push(format!("rolename={name}"));
        Ok(None)
    }

    pub(super) fn delete_role(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let name = arguments.name(Noun::Role)?;
        if !self.roles.contains_key(name) {
            return Err(Refusal::NotFound(Noun::Role));
        }
        self.role_changed(name, context);
        self.remove_role(name);
        context.details.push(format!("rolename={name}"));
        Ok(None)
    }

    /// What is not as it should be is left as it was. Nobody is disconnected for a change of texts.
    pub(super) fn modify_role(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let name = arguments.name(Noun::Role)?;
        let Some(role) = self.roles.get_mut(name) else { return Err(Refusal::RoleDoesNotExist) };
        arguments.new_descriptions()?.replace(&mut role.text_name, &mut role.text_description);
        let mut matters = false;
        if let Some(allow) = arguments.bool("allowwildcardsubs") {
            matters |= role.allow_wildcard_subscriptions != allow;
            role.allow_wildcard_subscriptions = allow;
        }
        if arguments.list("acls").is_some() {
            matters = true;
            role.set_acls(acls(arguments).collect());
        }
        if matters {
            self.role_changed(name, context);
        } else {
            self.change();
        }
        context.details.push(format!("rolename={name}"));
        Ok(None)
    }

    pub(super) fn add_role_acl(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let (name, kind, topic) = self.acl_arguments(arguments)?;
        let Some(role) = self.roles.get_mut(name) else { return Err(Refusal::Internal) };
        if role.has_acl(kind, topic) {
            return Err(Refusal::AclExists);
        }
        let priority = priority_of(arguments.json()).unwrap_or(0);
        let allow = arguments.bool("allow").unwrap_or(false);
        if !role.add_acl(Acl { kind, topic: topic.to_owned(), priority, allow }) {
            return Err(Refusal::TooManyAcls);
        }
        self.role_changed(name, context);
        let kind = kind.name();
        context.details.push(format!(
            "rolename={name} | acltype={kind} | topic={topic} | priority={priority} | allow={allow}"
        ));
        Ok(None)
    }

    pub(super) fn remove_role_acl(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let (name, kind, topic) = self.acl_arguments(arguments)?;
        let Some(role) = self.roles.get_mut(name) else { return Err(Refusal::Internal) };
        if !role.remove_acl(kind, topic) {
            return Err(Refusal::AclNotFound);
        }
        self.role_changed(name, context);
        let kind = kind.name();
        context.details.push(format!("rolename={name} | acltype={kind} | topic={topic}"));
        Ok(None)
    }

    /// A role that exists, and the kind and topic of a rule.
    fn acl_arguments<'a>(&self, arguments: Arguments<'a>) -> Result<(&'a str, AclType, &'a str), Refusal> {
        let name = arguments.name(Noun::Role)?;
        if !self.roles.contains_key(name) {
            return Err(Refusal::NotFound(Noun::Role));
        }
        let Some(Json::Text(kind)) = arguments.value("acltype") else { return Err(Refusal::NoAclType) };
        let kind = AclType::named(kind).ok_or(Refusal::UnknownAclType)?;
        let Some(Json::Text(topic)) = arguments.value("topic") else { return Err(Refusal::NoTopic) };
        let topic = names::name(topic).ok_or(Refusal::TopicNotUtf8)?;
        if is_acl_topic(topic) { Ok((name, kind, topic)) } else { Err(Refusal::InvalidTopic) }
    }

    fn role_changed(&mut self, name: &str, context: &mut Context<'_>) {
        self.change();
        self.kick_role(name, &mut context.kicked);
    }
}

/// The list `acls`. Entries that are no rules do not count, and of two for the same the first does.
fn acls(arguments: Arguments<'_>) -> impl Iterator<Item = Acl> {
    arguments.list("acls").unwrap_or_default().iter().filter_map(acl_of)
}
