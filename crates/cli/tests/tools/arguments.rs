//! Arguments, environment and options files.

use std::fs;
use std::process::Command;

use crate::broker::{Broker, GOODBYE};
use crate::running::Tool;

#[test]
fn help_and_version_come_from_the_table() {
    for (tool, name) in [("pub", "mosquitto_pub"), ("sub", "mosquitto_sub"), ("rr", "mosquitto_rr")] {
        let help = Tool::start(&[tool, "--help"]).end();
        assert!(help.stdout.contains(&format!("Usage: martlet {tool} [flags]")), "{help:?}");
        assert!(help.stdout.contains("--tls-alpn protocol\n"), "{help:?}");
        assert_eq!((help.status, help.stderr.as_str()), (Some(1), ""));
        let version = Tool::start(&[tool, "--version"]).end();
        assert_eq!((version.status, version.stderr.as_str()), (Some(1), ""));
        assert!(version.stdout.starts_with(&format!("{name} version ")), "{version:?}");
    }
}

#[test]
fn what_is_not_known_is_an_error() {
    for (arguments, complaint) in [
        (&["pub", "--no-such-flag"][..], "Error: Unknown option '--no-such-flag'.\n"),
        (&["pub", "-S"], "Error: Unknown option '-S'.\n"),
        (&["pub", "-t", "a"], "Error: Both topic and message must be supplied.\n"),
        (&["sub"], "Error: You must specify a topic to subscribe to (-t) or unsubscribe from (-U).\n"),
        (
            &["rr", "-t", "a", "-m", "x"],
            "Error: All of topic, message, and response topic must be supplied.\n",
        ),
        (
            &["pub", "-t", "a", "-m", "x", "-D", "publish", "topic-alias", "1", "-V", "311"],
            "Error: Properties of PUBLISH need MQTT 5.\n",
        ),
        (
            &["pub", "-t", "a", "-m", "x", "-P", "secret"],
            "Error: Problem setting username and/or password.\n",
        ),
    ] {
        let ended = Tool::start(arguments).end();
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(ended.stderr.starts_with(complaint), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn options_come_from_a_file_and_by_the_names_of_mosquittos() {
    let folder = std::env::temp_dir().join(format!("martlet-test-{}-options", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let broker = Broker::start();
    let options = format!("# where\n-h 127.0.0.1\n-p {}\n-t from/file\n", broker.port());
    fs::write(folder.join("mosquitto_pub"), options).unwrap();
    let links = folder.join("links");
    fs::create_dir_all(&links).unwrap();
    let linked = Command::new(env!("CARGO_BIN_EXE_martlet")).arg("install-links").arg(&links).output();
    assert!(linked.unwrap().status.success());
    let mut tool = Command::new(links.join("mosquitto_pub"))
        .env("XDG_CONFIG_HOME", &folder)
        .args(["-m", "x"])
        .spawn()
        .unwrap();
    let mut peer = broker.accept_3();
    peer.expect(b"\x30\x0C\0\x09from/filex");
    peer.expect(GOODBYE);
    drop(peer);
    assert!(tool.wait().unwrap().success());
    fs::remove_dir_all(&folder).unwrap();
}
