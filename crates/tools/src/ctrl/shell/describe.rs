//! Answers as the shell prints them: a label on each line, and its values indented below.

use core::fmt::Write as _;

use super::Heard;
use crate::ctrl::answer::{
    Answer, AnswerError, Outcome, items, lines, names, text, truth, whole, with_priority,
};
use crate::ctrl::report::access;
use crate::json::Json;

/// How wide the name of a kind of access is printed, in characters.
const ACL_TYPE_WIDTH: usize = 20;
const INVALID: &str = "Invalid response from broker.";

/// How text is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Not at all.
    Plain,
    /// With colours of a terminal.
    Coloured,
}

impl Style {
    /// Marks bad news.
    pub fn error(self, text: &str) -> String {
        self.marked("\x1b[31m", text)
    }

    fn label(self, text: &str) -> String {
        self.marked("\x1b[1m", text)
    }

    fn access(self, word: &str) -> String {
        self.marked(if word == "allow" { "\x1b[32m" } else { "\x1b[35m" }, word)
    }

    fn marked(self, begin: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("{begin}{text}\x1b[0m"),
        }
    }
}

/// Turns an answer into what is printed.
pub(super) fn heard(payload: &[u8], style: Style) -> Heard {
    let failure = |text: &str| Heard { text: style.error(text) + "\n", is_failure: true };
    match Answer::parse(payload) {
        Err(AnswerError::NoEndpoint) => failure("$CONTROL endpoint for this module not available."),
        Err(_) => failure(INVALID),
        Ok(Answer { outcome: Outcome::Refused { error }, .. }) => failure(&error),
        Ok(Answer { outcome: Outcome::Done, .. }) => Heard { text: "OK\n".to_owned(), is_failure: false },
        Ok(Answer { command, outcome: Outcome::Data(data) }) => match shown(&command, &data, style) {
            Some(text) => Heard { text, is_failure: false },
            None => failure(INVALID),
        },
    }
}

/// The text about some data; `None` if something is missing.
fn shown(command: &str, data: &Json, style: Style) -> Option<String> {
    let list = |list, member| Some(lines(&names(data, list, member)));
    let mut page = Page { text: String::new(), style };
    match command {
        "listClients" => return list("clients", "username"),
        "listGroups" => return list("groups", "groupname"),
        "listRoles" => return list("roles", "rolename"),
        "getAnonymousGroup" => return Some(format!("{}\n", text(data.member("group")?, "groupname")?)),
        "getDefaultACLAccess" => page.default_access(data)?,
        "getDetails" => page.details(data)?,
        "getClient" => page.client(data.member("client")?)?,
        "getGroup" => page.group(data.member("group")?)?,
        "getRole" => page.role(data.member("role")?)?,
        "listPlugins" => page.plugins(data)?,
        "listListeners" => page.listeners(data)?,
        _ => return Some("OK\n".to_owned()),
    }
    Some(page.text)
}

/// Text that grows by labels and values.
struct Page {
    text: String,
    style: Style,
}

impl Page {
    /// A label and its values, if there are any.
    fn field(&mut self, depth: usize, label: &str, values: &[String]) {
        if values.is_empty() {
            return;
        }
        let _ = writeln!(self.text, "{:1$}{2}", "", 2 * depth, self.style.label(label));
        for value in values {
            let _ = writeln!(self.text, "{:1$}{value}", "", 2 * depth + 2);
        }
    }

    fn described(&mut self, object: &Json) {
        self.field(0, "Text name:", text(object, "textname").as_slice());
        self.field(0, "Text description:", text(object, "textdescription").as_slice());
    }

    fn client(&mut self, client: &Json) -> Option<()> {
        self.field(0, "Username:", &[text(client, "username")?]);
        self.field(0, "Clientid:", text(client, "clientid").as_slice());
        if truth(client, "disabled") == Some(true) {
            self.field(0, "Disabled:", &["true".to_owned()]);
        }
        self.described(client);
        self.field(0, "Roles:", &with_priority(client, "roles", "rolename"));
        self.field(0, "Groups:", &with_priority(client, "groups", "groupname"));
        Some(())
    }

    fn group(&mut self, group: &Json) -> Option<()> {
        self.field(0, "Group name:", &[text(group, "groupname")?]);
        self.described(group);
        self.field(0, "Roles:", &with_priority(group, "roles", "rolename"));
        self.field(0, "Clients:", &names(group, "clients", "username"));
        Some(())
    }

    fn role(&mut self, role: &Json) -> Option<()> {
        self.field(0, "Role name:", &[text(role, "rolename")?]);
        self.described(role);
        let wildcards = truth(role, "allowwildcardsubs").map(|truth| truth.to_string());
        self.field(0, "Allow wildcard subscriptions:", wildcards.as_slice());
        let line = |acl: &Json| {
            let (kind, topic, access) = (text(acl, "acltype")?, text(acl, "topic")?, access(acl)?);
            let (access, priority) = (self.style.access(access), whole(acl, "priority").unwrap_or(-1));
            Some(format!("{kind:ACL_TYPE_WIDTH$} {access} {topic} (priority {priority})"))
        };
        let acls: Vec<_> = items(role, "acls").iter().map(line).collect::<Option<_>>()?;
        self.field(0, "ACLs:", &acls);
        Some(())
    }

    fn default_access(&mut self, data: &Json) -> Option<()> {
        for acl in items(data, "acls") {
            let (kind, access) = (text(acl, "acltype")?, self.style.access(access(acl)?));
            let _ = writeln!(self.text, "{kind:ACL_TYPE_WIDTH$} {access}");
        }
        Some(())
    }

    fn details(&mut self, data: &Json) -> Option<()> {
        for (label, member) in [
            ("Client count:", "clientCount"),
            ("Group count:", "groupCount"),
            ("Role count:", "roleCount"),
            ("Change index:", "changeIndex"),
        ] {
            let number = whole(data, member)?;
            let gap = 16 - label.len();
            let _ = writeln!(self.text, "{}{:gap$}{number}", self.style.label(label), "");
        }
        Some(())
    }

    fn plugins(&mut self, data: &Json) -> Option<()> {
        for plugin in items(data, "plugins") {
            self.field(0, "Plugin:", &[text(plugin, "name")?]);
            self.field(0, "Control endpoints:", &names(plugin, "control-endpoints", "topic"));
            self.text.push('\n');
        }
        Some(())
    }

    fn listeners(&mut self, data: &Json) -> Option<()> {
        for listener in items(data, "listeners") {
            let _ = writeln!(self.text, "{}", self.style.label("Listener:"));
            self.field(1, "Port:", &[whole(listener, "port")?.to_string()]);
            self.field(1, "Protocol:", &[text(listener, "protocol")?]);
            self.field(1, "TLS:", &[truth(listener, "tls")?.to_string()]);
            self.text.push('\n');
        }
        Some(())
    }
}
