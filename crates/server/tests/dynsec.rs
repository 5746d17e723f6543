//! Dynamic security in a running broker: its file, its commands, and what changes for those who are connected.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{CONNACK_311, Client, name_on, options, packet, puback, publish, publish_1, suback, subscribe};
use martlet_access::hash::{Scheme, hash};
use martlet_server::Broker;
use martlet_server::config::{Configuration, Dialect, Plan};

const COMMANDS: &str = "$CONTROL/dynamic-security/v1";
const RESPONSES: &str = "$CONTROL/dynamic-security/v1/response";
const REFUSED: [u8; 4] = [0x20, 2, 0, 5];

/// A folder with a configuration and its file of dynamic security.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("martlet-dynsec-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// With an administrator whose password is `secret`, and clients without a user name that may do anything.
    fn with_administrator(name: &str) -> Self {
        let folder = Self::new(name);
        let password = hash(Scheme::Sha512Pbkdf2 { iterations: 1 }, b"secret").unwrap();
        let file = format!(
            r#"{{
                "defaultACLAccess": {{ "publishClientReceive": true, "unsubscribe": true }},
                "clients": [{{ "username": "admin", "encoded_password": "{password}", "roles": [{{ "rolename": "r" }}] }}],
                "roles": [{{ "rolename": "r", "acls": [
                    {{ "acltype": "publishClientSend", "topic": "$CONTROL/#", "allow": true }},
                    {{ "acltype": "subscribePattern", "topic": "$CONTROL/#", "allow": true }}
                ]}}]
            }}"#
        );
        fs::write(folder.file(), file).unwrap();
        folder
    }

    fn file(&self) -> PathBuf {
        self.0.join("dynamic-security.json")
    }

    fn start(&self) -> Broker {
        let config = self.0.join("martlet.conf");
        let file = self.file();
        let text = format!(
            "listener 1883 127.0.0.1\nplugin /nowhere/mosquitto_dynamic_security.so\nplugin_opt_config_file {}\n\
             plugin_opt_password_init_file {}\n",
            file.display(),
            self.0.join("init").display()
        );
        fs::write(&config, text).unwrap();
        let mut notes = Vec::new();
        let configuration = Configuration::read(&config, Dialect::Martlet, &mut notes).unwrap();
        let plan = Plan { dialect: Dialect::Martlet, ports: Vec::new(), file: None, key_log: None };
        let planned = plan.options(&configuration).unwrap();
        let mut options = options(2);
        options.authority = planned.authority;
        options.dynamic_security = planned.dynamic_security;
        Broker::start(options).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn connect(broker: &Broker, name: &str, user_name: &str, password: &str) -> Client {
    let text = |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat();
    let head = [&text("MQTT")[..], &[4, 0xC2, 0, 60]].concat();
    let mut client = Client::open(broker.local_addrs()[0]);
    client.send(&packet(0x10, &[head, text(name), text(user_name), text(password)].concat()));
    client
}

fn connected(broker: &Broker, name: &str, user_name: &str, password: &str) -> Client {
    let mut client = connect(broker, name, user_name, password);
    client.expect(CONNACK_311);
    client
}

/// The administrator, who gets the answers.
fn administrator(broker: &Broker, password: &str) -> Client {
    let mut admin = connected(broker, &name_on(0, 2, "admin"), "admin", password);
    admin.send(&subscribe(RESPONSES, 0));
    admin.expect(&suback(0));
    admin
}

fn command(admin: &mut Client, commands: &str, responses: &str) {
    admin.send(&publish(COMMANDS, format!(r#"{{"commands":[{commands}]}}"#).as_bytes()));
    admin.expect(&publish(RESPONSES, format!(r#"{{"responses":[{responses}]}}"#).as_bytes()));
}

#[test]
fn what_commands_change_counts_at_once_and_after_a_restart() {
    let folder = Folder::with_administrator("changes");
    let broker = folder.start();
    connect(&broker, "x", "admin", "wrong").expect(&REFUSED);
    connect(&broker, "x", "nobody", "secret").expect(&REFUSED);
    let mut admin = administrator(&broker, "secret");
    command(
        &mut admin,
        r#"{"command":"createRole","rolename":"lamps","acls":[{"acltype":"subscribePattern","topic":"lamps/%u","allow":true}]},
           {"command":"createClient","username":"hall","password":"light","roles":[{"rolename":"lamps"}]}"#,
        r#"{"command":"createRole"},{"command":"createClient"}"#,
    );
    let other = name_on(1, 2, "lamp");
    let mut lamp = connected(&broker, &other, "hall", "light");
    lamp.send(&subscribe("lamps/hall", 0));
    lamp.expect(&suback(0));
    lamp.send(&subscribe("lamps/kitchen", 0));
    lamp.expect(&suback(0x80));
    command(
        &mut admin,
        r#"{"command":"getClient","username":"hall"}"#,
        concat!(
            r#"{"command":"getClient","data":{"client":{"username":"hall","roles":[{"rolename":"lamps"}],"groups":[],"#,
            r#""connections":[{"address":"127.0.0.1"}]}}}"#
        ),
    );
    // It is sent away, on another shard, and comes back to other rules.
    command(
        &mut admin,
        r#"{"command":"addRoleACL","rolename":"lamps","acltype":"subscribeLiteral","topic":"lamps/kitchen","allow":true}"#,
        r#"{"command":"addRoleACL"}"#,
    );
    lamp.expect_end();
    let mut lamp = connected(&broker, &other, "hall", "light");
    lamp.send(&subscribe("lamps/kitchen", 0));
    lamp.expect(&suback(0));
    // Defaults count at once for those who are there.
    lamp.send(&publish_1("lamps/hall", 1, b"on"));
    lamp.expect(&puback(1)); // that it was refused, MQTT 3.1.1 does not tell
    command(
        &mut admin,
        r#"{"command":"setDefaultACLAccess","acls":[{"acltype":"publishClientSend","allow":true}]}"#,
        r#"{"command":"setDefaultACLAccess"}"#,
    );
    lamp.send(&publish_1("lamps/kitchen", 2, b"on"));
    lamp.expect(&publish("lamps/kitchen", b"on"));
    lamp.expect(&puback(2));
    broker.shutdown().unwrap();

    let broker = folder.start();
    let mut admin = administrator(&broker, "secret");
    let mut lamp = connected(&broker, &other, "hall", "light");
    command(&mut admin, r#"{"command":"disableClient","username":"hall"}"#, r#"{"command":"disableClient"}"#);
    lamp.expect_end();
    connect(&broker, &other, "hall", "light").expect(&REFUSED);
    command(
        &mut admin,
        r#"{"command":"getDetails"}"#,
        r#"{"command":"getDetails","data":{"clientCount":2,"groupCount":0,"roleCount":2,"changeIndex":5}}"#,
    );
}

#[test]
fn an_administrator_who_changes_its_own_role_gets_the_answer_first() {
    let folder = Folder::with_administrator("own");
    let broker = folder.start();
    let mut admin = administrator(&broker, "secret");
    command(
        &mut admin,
        r#"{"command":"setClientPassword","username":"admin","password":"other"}"#,
        r#"{"command":"setClientPassword"}"#,
    );
    admin.expect_end();
    connect(&broker, "x", "admin", "secret").expect(&REFUSED);
    administrator(&broker, "other");
}

#[test]
fn a_file_is_made_with_the_password_that_someone_chose() {
    let folder = Folder::new("first");
    fs::write(folder.0.join("init"), "chosen\r\nnot this\n").unwrap();
    let broker = folder.start();
    administrator(&broker, "chosen");
    broker.shutdown().unwrap();
    fs::remove_file(folder.0.join("init")).unwrap();
    let broker = folder.start();
    administrator(&broker, "chosen");
}

#[test]
fn without_a_password_there_is_no_file_and_nobody_comes_in() {
    let folder = Folder::new("none");
    let broker = folder.start();
    connect(&broker, "x", "admin", "").expect(&REFUSED);
    assert!(!folder.file().exists());
}

#[test]
fn a_file_that_is_damaged_stays_as_it_is() {
    let folder = Folder::new("damaged");
    fs::write(folder.file(), "{\"clients\":[").unwrap();
    let broker = folder.start();
    connect(&broker, "x", "admin", "secret").expect(&REFUSED);
    broker.shutdown().unwrap();
    assert_eq!(fs::read_to_string(folder.file()).unwrap(), "{\"clients\":[");
}
