//! TLS with pre-shared keys.

#![cfg(feature = "psk")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use common::{CONNACK_311, PINGREQ, PINGRESP, connect_311, log, name_on, options_with, wait_until};
use martlet_server::{Broker, PskOptions, PskTable, Security, StartError};

fn broker(table: &Arc<PskTable>) -> Broker {
    let options = PskOptions::new(Arc::clone(table));
    Broker::start(options_with(2, |listener| listener.security = Some(Security::Psk(options)))).unwrap()
}

/// A client of OpenSSL that stays connected.
struct Client {
    child: std::process::Child,
}

impl Client {
    fn open(broker: &Broker, identity: &str, key: &str) -> Self {
        let address = broker.local_addrs()[0].to_string();
        let child = Command::new("openssl")
            .args([
                "s_client",
                "-quiet",
                "-tls1_2",
                "-connect",
                &address,
                "-psk_identity",
                identity,
                "-psk",
                key,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program openssl is installed");
        Self { child }
    }

    /// Sends bytes, and answers as many as are expected; none if the connection has ended.
    fn ask(&mut self, bytes: &[u8], answer_len: usize) -> Vec<u8> {
        // An error means that the connection has ended; reading tells so.
        let _ = self.child.stdin.as_mut().unwrap().write_all(bytes);
        let mut answer = vec![0; answer_len];
        match self.child.stdout.as_mut().unwrap().read_exact(&mut answer) {
            Ok(()) => answer,
            Err(_) => Vec::new(),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn who_has_a_key_is_let_in_by_every_shard() {
    log::capture();
    let table = Arc::new(PskTable::parse("psk-id:deadbeef\n").unwrap());
    let broker = broker(&table);
    let mut clients: Vec<Client> = (0..2)
        .map(|shard| {
            let mut client = Client::open(&broker, "psk-id", "deadbeef");
            let connect = connect_311(&name_on(shard, 2, "keyed"));
            assert_eq!(client.ask(&connect, CONNACK_311.len()), CONNACK_311);
            client
        })
        .collect();
    log::wait_for("negotiated TLSv1.2 cipher ");

    // Another table is for those who come; those who are there go on.
    table.replace("other:00\n").unwrap();
    for client in &mut clients {
        assert_eq!(client.ask(PINGREQ, PINGRESP.len()), PINGRESP);
    }
    assert!(Client::open(&broker, "psk-id", "deadbeef").ask(&connect_311("late"), 4).is_empty());
    assert_eq!(Client::open(&broker, "other", "00").ask(&connect_311("new"), 4), CONNACK_311);
    drop(clients);
    wait_until("all are gone", || broker.connections() == 0);
}

#[test]
fn who_has_none_is_turned_away_with_a_line_in_the_log() {
    log::capture();
    let broker = broker(&Arc::new(PskTable::parse("psk-id:deadbeef\n").unwrap()));
    assert!(Client::open(&broker, "stranger", "00").ask(&connect_311("x"), 4).is_empty());
    log::wait_for("rejected, TLS with a pre-shared key failed: psk identity not found.");
    assert!(Client::open(&broker, "psk-id", "00").ask(&connect_311("x"), 4).is_empty());
    wait_until("all are gone", || broker.connections() == 0);
}

#[test]
fn suites_that_are_none_are_told_at_the_start() {
    let table = Arc::new(PskTable::default());
    let options = PskOptions { ciphers: Some("NONSENSE".into()), ..PskOptions::new(table) };
    let options = options_with(1, |listener| listener.security = Some(Security::Psk(options)));
    let error = Broker::start(options).unwrap_err();
    assert!(matches!(error, StartError::Psk { listener: 0, .. }), "{error}");
}
