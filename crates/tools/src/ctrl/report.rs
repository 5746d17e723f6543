//! Answers as they are printed after a command on the command line: labels, and values beside them.

use core::fmt::Write as _;

use super::answer::{Answer, Outcome, items, lines, names, text, truth, whole, with_priority};
use crate::json::Json;

/// How wide the name of a kind of access is printed, in characters.
const ACL_TYPE_WIDTH: usize = 20;
/// What is said about data that is not what it should be.
const INVALID: &str = "Error: Invalid response from server.\n";

/// What is printed about an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// For standard output.
    pub out: String,
    /// For standard error.
    pub err: String,
}

/// Turns the payload of an answer into what is printed. A request without data that was done prints nothing.
pub fn report(payload: &[u8]) -> Report {
    let answer = match Answer::parse(payload) {
        Ok(answer) => answer,
        Err(error) => return Report { out: String::new(), err: format!("Error: {error}.\n") },
    };
    match answer.outcome {
        Outcome::Done => Report::default(),
        Outcome::Refused { error } => {
            Report { out: String::new(), err: format!("{}: Error: {error}.\n", answer.command) }
        }
        Outcome::Data(data) => match shown(&answer.command, &data) {
            Some(out) => Report { out, err: String::new() },
            None => Report { out: String::new(), err: INVALID.to_owned() },
        },
    }
}

/// The text about some data; `None` if something is missing.
fn shown(command: &str, data: &Json) -> Option<String> {
    let list = |list, member| data.member(list).map(|_| lines(&names(data, list, member)));
    match command.to_ascii_lowercase().as_str() {
        "listclients" => list("clients", "username"),
        "listgroups" => list("groups", "groupname"),
        "listroles" => list("roles", "rolename"),
        "getclient" => client(data.member("client")?),
        "getgroup" => group(data.member("group")?),
        "getrole" => role(data.member("role")?),
        "getdefaultaclaccess" => default_access(data),
        "getanonymousgroup" => Some(format!("{}\n", text(data.member("group")?, "groupname")?)),
        "listlisteners" => listeners(data),
        "listplugins" => plugins(data),
        _ => Some(String::new()),
    }
}

fn client(client: &Json) -> Option<String> {
    const WIDTH: usize = 13;
    let mut out = field("Username:", WIDTH, &[text(client, "username")?]);
    match text(client, "clientid") {
        Some(id) => out.push_str(&field("Clientid:", WIDTH, &[id])),
        None => out.push_str("Clientid:\n"),
    }
    if truth(client, "disabled") == Some(true) {
        out.push_str(&field("Disabled:", WIDTH, &["true".to_owned()]));
    }
    out.push_str(&field("Roles:", WIDTH, &with_priority(client, "roles", "rolename")));
    out.push_str(&field("Groups:", WIDTH, &with_priority(client, "groups", "groupname")));
    out.push_str(&field("Connections:", WIDTH, &names(client, "connections", "address")));
    Some(out)
}

fn group(group: &Json) -> Option<String> {
    const WIDTH: usize = 11;
    let mut out = field("Groupname:", WIDTH, &[text(group, "groupname")?]);
    out.push_str(&field("Roles:", WIDTH, &with_priority(group, "roles", "rolename")));
    out.push_str(&field("Clients:", WIDTH, &names(group, "clients", "username")));
    Some(out)
}

fn role(role: &Json) -> Option<String> {
    const WIDTH: usize = 10;
    let mut out = field("Rolename:", WIDTH, &[text(role, "rolename")?]);
    let line = |acl: &Json| {
        let (kind, topic) = (text(acl, "acltype")?, text(acl, "topic")?);
        let (access, priority) = (access(acl)?, whole(acl, "priority").unwrap_or(0));
        Some(format!("{kind:ACL_TYPE_WIDTH$} : {access:5} : {topic} (priority: {priority})"))
    };
    let acls: Vec<_> = items(role, "acls").iter().map(line).collect::<Option<_>>()?;
    out.push_str(&field("ACLs:", WIDTH, &acls));
    Some(out)
}

fn default_access(data: &Json) -> Option<String> {
    data.member("acls")?;
    let line = |acl: &Json| Some(format!("{:ACL_TYPE_WIDTH$} : {}", text(acl, "acltype")?, access(acl)?));
    items(data, "acls").iter().map(line).collect::<Option<Vec<_>>>().map(|acls| lines(&acls))
}

fn listeners(data: &Json) -> Option<String> {
    const WIDTH: usize = 21;
    data.member("listeners")?;
    let mut out = String::new();
    for (place, listener) in items(data, "listeners").iter().enumerate() {
        let _ = writeln!(out, "Listener {}:", place + 1);
        let port = whole(listener, "port").map(|port| port.to_string());
        let tls = truth(listener, "tls").unwrap_or(false).to_string();
        for (label, value) in [
            ("  Port:", port),
            ("  Protocol:", text(listener, "protocol")),
            ("  Socket path:", text(listener, "socket-path")),
            ("  Bind address:", text(listener, "bind-address")),
            ("  TLS:", Some(tls)),
        ] {
            out.push_str(&field(label, WIDTH, value.as_slice()));
        }
        out.push('\n');
    }
    Some(out)
}

fn plugins(data: &Json) -> Option<String> {
    const WIDTH: usize = 19;
    data.member("plugins")?;
    let mut out = String::new();
    for plugin in items(data, "plugins") {
        out.push_str(&field("Plugin:", WIDTH, &[text(plugin, "name")?]));
        out.push_str(&field("Version:", WIDTH, text(plugin, "version").as_slice()));
        out.push_str(&field("Control endpoints:", WIDTH, &names(plugin, "control-endpoints", "topic")));
    }
    Some(out)
}

/// Whether something is allowed, in a word.
pub(super) fn access(acl: &Json) -> Option<&'static str> {
    truth(acl, "allow").map(|allow| if allow { "allow" } else { "deny" })
}

/// A label with its values below each other, each on a line; nothing without values.
fn field(label: &str, width: usize, values: &[String]) -> String {
    let mut out = String::new();
    let mut label = label;
    for value in values {
        let _ = writeln!(out, "{label:width$}{value}");
        label = "";
    }
    out
}
