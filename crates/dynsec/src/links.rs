//! Who is in which group, and who has which role: changes that concern more than one of them, and whom they affect.

use crate::DynamicSecurity;
use crate::commands::Kicked;
use crate::ranking::Ranking;

impl DynamicSecurity {
    /// Puts a client into a group, and answers whether both exist, it was not in it yet and there was room.
    pub(crate) fn join(&mut self, user_name: &str, group_name: &str, priority: Option<i32>) -> bool {
        let (Some(client), Some(group)) = (self.clients.get_mut(user_name), self.groups.get_mut(group_name))
        else {
            return false;
        };
        client.groups.add(group_name, priority) && group.clients.insert(user_name.to_owned())
    }

    /// Takes a client out of a group, if it is in it.
    pub(crate) fn leave(&mut self, user_name: &str, group_name: &str) {
        if let Some(client) = self.clients.get_mut(user_name) {
            client.groups.remove(group_name);
        }
        if let Some(group) = self.groups.get_mut(group_name) {
            group.clients.remove(user_name);
        }
    }

    /// Replaces the groups of a client.
    pub(crate) fn set_groups(&mut self, user_name: &str, groups: &Ranking) {
        let old = self.clients.get(user_name).map(|client| client.groups.clone()).unwrap_or_default();
        for left in &old {
            self.leave(user_name, &left.name);
        }
        for group in groups {
            self.join(user_name, &group.name, Some(group.priority));
        }
    }

    /// Removes a client, and answers whether there was one.
    pub(crate) fn remove_client(&mut self, user_name: &str) -> bool {
        let Some(client) = self.clients.remove(user_name) else { return false };
        for group in &client.groups {
            if let Some(group) = self.groups.get_mut(&group.name) {
                group.clients.remove(user_name);
            }
        }
        true
    }

    /// Removes a group, and answers whether there was one.
    pub(crate) fn remove_group(&mut self, name: &str) -> bool {
        let Some(group) = self.groups.remove(name) else { return false };
        for user_name in &group.clients {
            if let Some(client) = self.clients.get_mut(user_name) {
                client.groups.remove(name);
            }
        }
        true
    }

    /// Removes a role, and answers whether there was one.
    pub(crate) fn remove_role(&mut self, name: &str) -> bool {
        for roles in self.role_lists() {
            roles.remove(name);
        }
        self.roles.remove(name).is_some()
    }

    /// All who are in a group. The group of clients without a user name affects those.
    pub(crate) fn kick_group(&self, name: &str, kicked: &mut Kicked) {
        kicked.anonymous |= self.anonymous_group.as_deref() == Some(name);
        if let Some(group) = self.groups.get(name) {
            kicked.user_names.extend(group.clients.iter().cloned());
        }
    }

    /// All who have a role, by themselves or by a group.
    pub(crate) fn kick_role(&self, name: &str, kicked: &mut Kicked) {
        let holders = self.clients.iter().filter(|(_, client)| client.roles.contains(name));
        kicked.user_names.extend(holders.map(|(user_name, _)| user_name.clone()));
        for (group_name, group) in &self.groups {
            if group.roles.contains(name) {
                self.kick_group(group_name, kicked);
            }
        }
    }

    fn role_lists(&mut self) -> impl Iterator<Item = &mut Ranking> {
        let clients = self.clients.values_mut().map(|client| &mut client.roles);
        clients.chain(self.groups.values_mut().map(|group| &mut group.roles))
    }
}
