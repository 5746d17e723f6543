//! Commands about clients.

use martlet_json::Json;

use super::arguments::Arguments;
use super::refusal::{Noun, Refusal};
use super::{Answer, Context};
use crate::DynamicSecurity;
use crate::file::priority_of;
use crate::limits::{CLIENTS_MAX, NAME_BYTES_MAX, RANKING_MAX};
use crate::model::Client;
use crate::names;
use crate::ranking::Ranking;

impl DynamicSecurity {
    pub(super) fn create_client(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let user_name = arguments.new_name(Noun::Client)?;
        let password = arguments.password()?;
        let client_id = arguments.text("clientid", Refusal::ClientId)?;
        let client_id = client_id.map(|id| names::name(id).ok_or(Refusal::InvalidClientId)).transpose()?;
        let descriptions = arguments.descriptions()?;
        if self.clients.contains_key(user_name) {
            return Err(Refusal::Exists(Noun::Client));
        }
        if self.clients.len() >= CLIENTS_MAX {
            return Err(Refusal::TooMany(Noun::Client));
        }
        let roles = self.role_list(arguments)?.unwrap_or_default();
        let groups = self.new_groups(arguments)?;
        let hash =
            password.map(|password| context.hasher.hash(password).ok_or(Refusal::NoHash)).transpose()?;
        let client = Client {
            client_id: client_id.filter(|id| !id.is_empty()).map(str::to_owned),
            password: hash,
            text_name: descriptions.name,
            text_description: descriptions.description,
            disabled: false,
            roles,
            groups: Ranking::default(),
        };
        self.clients.insert(user_name.to_owned(), client);
        self.set_groups(user_name, &groups);
        self.change();
        let shown = if arguments.has("password") { "*****" } else { "no password" };
        context.details.push(format!("username={user_name} | password={shown}"));
        Ok(None)
    }

    pub(super) fn delete_client(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let user_name = arguments.old_name(Noun::Client)?;
        if !self.remove_client(user_name) {
            return Err(Refusal::NotFound(Noun::Client));
        }
        self.client_changed(user_name, context);
        context.details.push(format!("username={user_name}"));
        Ok(None)
    }

    pub(super) fn set_client_password(
        &mut self,
        arguments: Arguments<'_>,
        context: &mut Context<'_>,
    ) -> Answer {
        let user_name = arguments.name(Noun::Client)?;
        if !arguments.has("password") {
            return Err(Refusal::NoPassword);
        }
        let password = arguments.password()?.ok_or(Refusal::EmptyPassword)?;
        let client = self.clients.get_mut(user_name).ok_or(Refusal::NotFound(Noun::Client))?;
        client.password = Some(context.hasher.hash(password).ok_or(Refusal::NoHash)?);
        self.client_changed(user_name, context);
        context.details.push(format!("username={user_name} | password=******"));
        Ok(None)
    }

    pub(super) fn set_client_id(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let user_name = arguments.name(Noun::Client)?;
        let client_id = arguments.text("clientid", Refusal::NewClientId)?;
        let client_id = client_id.map(|id| names::name(id).ok_or(Refusal::InvalidClientId)).transpose()?;
        let client_id = client_id.filter(|id| !id.is_empty());
        let client = self.clients.get_mut(user_name).ok_or(Refusal::NotFound(Noun::Client))?;
        client.client_id = client_id.map(str::to_owned);
        self.client_changed(user_name, context);
        let shown = client_id.unwrap_or("(null)");
        context.details.push(format!("username={user_name} | clientid={shown}"));
        Ok(None)
    }

    /// What is not as it should be is left as it was, except that roles and groups have to exist.
    pub(super) fn modify_client(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let user_name = arguments.name(Noun::Client)?;
        if !self.clients.contains_key(user_name) {
            return Err(Refusal::NotFound(Noun::Client));
        }
        let client_id = arguments.lenient_text("clientid").filter(|id| id.len() <= NAME_BYTES_MAX);
        let descriptions = arguments.new_descriptions()?;
        let roles = self.role_list(arguments)?;
        let groups = self.replaced_groups(arguments)?;
        let password = arguments.password().ok().flatten();
        let hash =
            password.map(|password| context.hasher.hash(password).ok_or(Refusal::NoHash)).transpose()?;
        let Some(client) = self.clients.get_mut(user_name) else { return Err(Refusal::Internal) };
        if let Some(id) = client_id {
            client.client_id = (!id.is_empty()).then(|| String::from_utf8_lossy(id).into_owned());
        }
        if hash.is_some() {
            client.password = hash;
        }
        descriptions.replace(&mut client.text_name, &mut client.text_description);
        if let Some(roles) = roles {
            client.roles = roles;
        }
        if let Some(groups) = groups {
            self.set_groups(user_name, &groups);
        }
        self.client_changed(user_name, context);
        context.details.push(format!("username={user_name}"));
        Ok(None)
    }

    pub(super) fn enable_client(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let user_name = arguments.name(Noun::Client)?;
        self.clients.get_mut(user_name).ok_or(Refusal::NotFound(Noun::Client))?.disabled = false;
        self.change();
        context.details.push(format!("username={user_name}"));
        Ok(None)
    }

    pub(super) fn disable_client(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let user_name = arguments.name(Noun::Client)?;
        self.clients.get_mut(user_name).ok_or(Refusal::NotFound(Noun::Client))?.disabled = true;
        self.client_changed(user_name, context);
        context.details.push(format!("username={user_name}"));
        Ok(None)
    }

    pub(super) fn add_client_role(&mut self, arguments: Arguments<'_>, context: &mut Context<'_>) -> Answer {
        let (user_name, role_name) = (arguments.name(Noun::Client)?, arguments.name(Noun::Role)?);
        let client = self.clients.get_mut(user_name).ok_or(Refusal::NotFound(Noun::Client))?;
        if !self.roles.contains_key(role_name) {
            return Err(Refusal::NotFound(Noun::Role));
        }
        let priority = priority_of(arguments.json());
        if !client.roles.add(role_name, priority) {
            return Err(Refusal::Internal);
        }
        self.client_changed(user_name, context);
        let priority = priority.unwrap_or(-1);
        context.details.push(format!("username={user_name} | rolename={role_name} | priority={priority}"));
        Ok(None)
    }

    pub(super) fn remove_client_role(
        &mut self,
        arguments: Arguments<'_>,
        context: &mut Context<'_>,
    ) -> Answer {
        let (user_name, role_name) = (arguments.name(Noun::Client)?, arguments.name(Noun::Role)?);
        let client = self.clients.get_mut(user_name).ok_or(Refusal::NotFound(Noun::Client))?;
        if !self.roles.contains_key(role_name) {
            return Err(Refusal::NotFound(Noun::Role));
        }
        client.roles.remove(role_name);
        self.client_changed(user_name, context);
        context.details.push(format!("username={user_name} | rolename={role_name}"));
        Ok(None)
    }

    /// The list `roles`, if there is one. Roles that are named twice count once.
    pub(super) fn role_list(&self, arguments: Arguments<'_>) -> Result<Option<Ranking>, Refusal> {
        if !arguments.has("roles") {
            return Ok(None);
        }
        let mut roles = Ranking::default();
        for entry in arguments.list("roles").ok_or(Refusal::Roles)? {
            let Some(Json::Text(name)) = Arguments::new(entry).value(Noun::Role.member()) else {
                return Err(Refusal::Roles);
            };
            let name = core::str::from_utf8(name).ok().filter(|name| self.roles.contains_key(*name));
            let name = name.ok_or(Refusal::NotFound(Noun::Role))?;
            if !roles.add(name, priority_of(entry)) && roles.iter().len() >= RANKING_MAX {
                return Err(Refusal::TooMany(Noun::Role));
            }
        }
        Ok(Some(roles))
    }

    /// The list `groups` of a new client. Entries without a name do not count.
    fn new_groups(&self, arguments: Arguments<'_>) -> Result<Ranking, Refusal> {
        let mut groups = Ranking::default();
        for entry in arguments.list("groups").unwrap_or_default() {
            let Some(name) = Arguments::new(entry).lenient_text(Noun::Group.member()) else { continue };
            let name = self.known_group(name).ok_or(Refusal::NotFound(Noun::Group))?;
            if !groups.add(name, priority_of(entry)) {
                return Err(Refusal::Internal);
            }
        }
        Ok(groups)
    }

    /// The list `groups` of a known client, if there is one. Groups that are named twice count once, and what is no object
    /// does not count.
    fn replaced_groups(&self, arguments: Arguments<'_>) -> Result<Option<Ranking>, Refusal> {
        let Some(entries) = arguments.list("groups") else { return Ok(None) };
        let mut groups = Ranking::default();
        for entry in entries.iter().filter(|entry| matches!(entry, Json::Object(_))) {
            let name = Arguments::new(entry).text(Noun::Group.member(), Refusal::UnnamedGroup)?;
            let name = self.known_group(name.ok_or(Refusal::UnnamedGroup)?).ok_or(Refusal::UnknownGroup)?;
            if !groups.add(name, priority_of(entry)) && groups.iter().len() >= RANKING_MAX {
                return Err(Refusal::TooMany(Noun::Group));
            }
        }
        Ok(Some(groups))
    }

    fn known_group<'a>(&self, name: &'a [u8]) -> Option<&'a str> {
        core::str::from_utf8(name).ok().filter(|name| self.groups.contains_key(*name))
    }

    fn client_changed(&mut self, user_name: &str, context: &mut Context<'_>) {
        self.change();
        context.kicked.client(user_name);
    }
}
