//! Who may come in and do what, by files: passwords, access control lists, and what a reload changes.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use common::house::House;
use common::{
    CONNACK_311, Client, DISCONNECT, connect_311, connect_311_lasting, name_on, packet, puback, publish,
    publish_1, suback, subscribe, text, wait_until,
};
use martlet_access::hash::{Scheme, hash};
use martlet_server::Broker;
use socket2::{Domain, SockRef, Socket, Type};

const NOT_AUTHORIZED: &[u8] = &[0x20, 2, 0, 5];
const BUSY: &[u8] = &[0x20, 2, 0, 3];

/// A line of a password file.
fn line(user: &str, password: &str) -> String {
    let hash = hash(Scheme::Sha512Pbkdf2 { iterations: 10 }, password.as_bytes()).unwrap();
    format!("{user}:{hash}\n")
}

/// CONNECT of MQTT 3.1.1 with user name and password.
fn connect_as(name: &str, user: &str, password: Option<&str>) -> Vec<u8> {
    let flags = if password.is_some() { 0xC2 } else { 0x82 };
    let mut body = [&text("MQTT")[..], &[4, flags, 0, 60], &text(name), &text(user)].concat();
    body.extend(password.map(text).unwrap_or_default());
    packet(0x10, &body)
}

/// The same of MQTT 5.0.
fn connect_5_as(name: &str, user: &str, password: &str) -> Vec<u8> {
    let head = [&text("MQTT")[..], &[5, 0xC2, 0, 60, 0]].concat();
    packet(0x10, &[head, text(name), text(user), text(password)].concat())
}

/// A client that sent a CONNECT to a listener.
fn client(broker: &Broker, listener: usize, connect: &[u8]) -> Client {
    let mut client = Client::open(broker.local_addrs()[listener]);
    client.send(connect);
    client
}

fn accepted(broker: &Broker, connect: &[u8]) -> Client {
    let mut client = client(broker, 0, connect);
    client.expect(CONNACK_311);
    client
}

fn refused(broker: &Broker, connect: &[u8]) {
    let mut client = client(broker, 0, connect);
    client.expect(NOT_AUTHORIZED);
    client.expect_end();
}

const WITH_PASSWORDS: &str = "listener 1 127.0.0.1\npassword_file FOLDER/pw\n";

#[test]
fn a_password_lets_in_who_has_it() {
    let house =
        House::new("passwords", WITH_PASSWORDS).file("pw", &(line("ann", "secret") + &line("joe", "s")));
    let broker = house.start();
    accepted(&broker, &connect_as("a", "ann", Some("secret"))).settle();
    for (user, password) in
        [("ann", Some("s")), ("ann", Some("")), ("ann", None), ("eve", Some("secret")), ("", None)]
    {
        refused(&broker, &connect_as("a", user, password));
    }
    refused(&broker, &connect_311("a"));
    assert_eq!(client(&broker, 0, &connect_5_as("a", "ann", "secret")).receive().unwrap()[3], 0);
    assert_eq!(client(&broker, 0, &connect_5_as("a", "ann", "wrong")).receive().unwrap()[3], 0x87);
}

#[test]
fn who_guesses_passwords_waits_at_the_door_and_is_closed_where_too_many_wait() {
    let configuration = format!("{WITH_PASSWORDS}wrong_passwords_max 1\n");
    let house = House::new("guesses", &configuration).file("pw", &line("ann", "secret"));
    let broker = house.start();
    let started = Instant::now();
    for _ in 0..2 {
        refused(&broker, &connect_as("a", "ann", Some("wrong")));
    }
    let mut clients: Vec<_> = (0..4).map(|_| Client::open(broker.local_addrs()[0])).collect();
    for (name, client) in ["b", "c", "d", "e"].iter().zip(&mut clients) {
        // It may be closed by now.
        let _ = client.socket.write_all(&connect_as(name, "ann", Some("secret")));
    }
    let answers: Vec<_> = clients.iter_mut().map(Client::receive).collect();
    assert!(answers.contains(&Some(CONNACK_311.to_vec())) && answers.contains(&None), "{answers:02x?}");
    assert!(started.elapsed() >= Duration::from_millis(990), "they waited");
}

#[test]
fn a_guess_counts_although_nobody_waits_for_its_answer() {
    let configuration = format!("shards 1\n{WITH_PASSWORDS}wrong_passwords_max 1\n");
    // It takes long enough that who guesses is gone by then.
    let slow = hash(Scheme::Sha512Pbkdf2 { iterations: 2_000 }, b"secret").unwrap();
    let house = House::new("hasty-guesses", &configuration).file("pw", &format!("ann:{slow}\n"));
    let broker = house.start();
    let mut ann = accepted(&broker, &connect_as("b", "ann", Some("secret")));
    for _ in 0..5 {
        let hasty = client(&broker, 0, &connect_as("a", "ann", Some("wrong")));
        // In one turn it is accepted, in another one its CONNECT is read.
        (0..3).for_each(|_| ann.settle());
        SockRef::from(&hasty.socket).set_linger(Some(Duration::ZERO)).unwrap(); // it ends by a reset
    }
    wait_until("someone is closed without a word", || {
        let mut client = Client::open(broker.local_addrs()[0]);
        client.socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        match client.socket.read(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    });
}

#[test]
fn who_guesses_passwords_does_not_wait_where_there_is_no_limit() {
    let configuration = format!("{WITH_PASSWORDS}wrong_passwords_max 0\n");
    let house = House::new("many-guesses", &configuration).file("pw", &line("ann", "secret"));
    let broker = house.start();
    for _ in 0..300 {
        refused(&broker, &connect_as("a", "ann", Some("wrong")));
    }
    accepted(&broker, &connect_as("a", "ann", Some("secret")));
}

#[test]
fn anonymous_clients_may_come_in_beside_those_with_passwords() {
    let configuration = format!("{WITH_PASSWORDS}allow_anonymous true\n");
    let house = House::new("anonymous", &configuration).file("pw", &line("ann", "secret"));
    let broker = house.start();
    accepted(&broker, &connect_311("a"));
    accepted(&broker, &connect_as("a", "", None)); // an empty user name is none
    accepted(&broker, &connect_as("a", "ann", Some("secret")));
    refused(&broker, &connect_as("a", "eve", Some("secret")));
}

#[test]
fn listeners_have_rules_of_their_own() {
    let configuration = "per_listener_settings true\nlistener 1 127.0.0.1\npassword_file FOLDER/pw\n\
                         listener 1 127.0.0.1\nallow_anonymous true\nacl_file FOLDER/acl\n";
    let house =
        House::new("listeners", configuration).file("pw", &line("ann", "secret")).file("acl", "topic a\n");
    let broker = house.start();
    refused(&broker, &connect_311("one"));
    let mut ann = accepted(&broker, &connect_as("one", "ann", Some("secret")));
    ann.send(&subscribe("#", 0));
    ann.expect(&suback(0));
    let mut two = client(&broker, 1, &connect_311("two"));
    two.expect(CONNACK_311);
    two.send(&[publish("b", b"not allowed here"), publish("a", b"allowed")].concat());
    ann.expect(&publish("a", b"allowed"));
    ann.send(&publish("b", b"allowed there"));
    ann.expect(&publish("b", b"allowed there"));
}

#[test]
fn names_of_clients_can_be_demanded() {
    let house = House::new("prefix", "listener 1 127.0.0.1\nallow_anonymous true\nclientid_prefixes ok-\n");
    let broker = house.start();
    accepted(&broker, &connect_311("ok-1"));
    refused(&broker, &connect_311("no-1"));
    refused(&broker, &connect_311(""));
}

#[test]
fn the_user_name_can_be_the_client_identifier() {
    let configuration =
        "shards 2\nlistener 1 127.0.0.1\nallow_anonymous true\nuse_username_as_clientid true\n";
    let house = House::new("identifier", configuration);
    let broker = house.start();
    refused(&broker, &connect_311("a"));
    // Whatever Client Identifiers they send, and wherever these belong, it is one client.
    let mut first = accepted(&broker, &connect_as(&name_on(0, 2, "x"), "joe", None));
    let _second = accepted(&broker, &connect_as(&name_on(1, 2, "x"), "joe", None));
    first.expect_end();
}

const WITH_LIST: &str = "listener 1 127.0.0.1\nallow_anonymous true\nacl_file FOLDER/acl\n";

#[test]
fn what_may_not_be_written_goes_nowhere_and_what_may_not_be_read_does_not_come() {
    let acl = "topic read #\nuser joe\ntopic write a/#\ntopic deny a/x\npattern readwrite own/%u/%c\n";
    let house = House::new("list", WITH_LIST).file("acl", acl);
    let broker = house.start();
    let mut reader = accepted(&broker, &connect_311("reader"));
    reader.send(&subscribe("#", 1));
    reader.expect(&suback(1));
    let mut joe = accepted(&broker, &connect_as("phone", "joe", None));
    joe.send(&subscribe("#", 0));
    joe.expect(&suback(0)); // each message is looked at on its way
    for (id, topic) in [(1, "b"), (2, "a/x"), (3, "own/joe/other")] {
        joe.send(&publish_1(topic, id, b"no"));
        joe.expect(&puback(id));
    }
    joe.send(&publish("own/joe/phone", b"mine"));
    joe.expect(&publish("own/joe/phone", b"mine"));
    joe.send(&publish("a/1", b"yes"));
    reader.expect(&publish("own/joe/phone", b"mine"));
    reader.expect(&publish("a/1", b"yes"));
    joe.settle(); // and it did not come to joe, who may only write it
    let mut five = client(&broker, 0, &connect_5_as("five", "joe", "any"));
    assert_eq!(five.receive().unwrap()[3], 0);
    let body = [&text("b")[..], &[0, 9, 0], b"no"].concat();
    five.send(&packet(0x32, &body));
    let puback = five.receive().unwrap();
    assert_eq!((puback[0], puback[4]), (0x40, 0x87));
}

#[test]
fn a_will_is_published_by_the_rules_of_its_time() {
    let house = House::new("will", WITH_LIST).file("acl", "topic will/good\ntopic read #\n");
    let broker = house.start();
    let mut reader = accepted(&broker, &connect_311("reader"));
    reader.send(&subscribe("will/#", 0));
    reader.expect(&suback(0));
    for (name, topic) in [("one", "will/bad"), ("two", "will/good")] {
        drop(accepted(&broker, &common::connect_311_with_will(name, topic, "gone")));
    }
    reader.expect(&publish("will/good", b"gone"));
    reader.settle();
}

#[test]
fn a_reload_changes_what_may_be_done() {
    let house = House::new("reload", WITH_LIST).file("acl", "topic a\ntopic b\n");
    let broker = house.start();
    let mut reader = accepted(&broker, &connect_311("reader"));
    reader.send(&subscribe("#", 0));
    reader.expect(&suback(0));
    let mut writer = accepted(&broker, &connect_311("writer"));
    writer.send(&packet(0x31, &[&text("b")[..], b"kept"].concat()));
    reader.expect(&publish("b", b"kept"));

    house.write("acl", "topic a\ntopic read b\n");
    house.reload(&broker, 1);
    writer.send(&[publish("b", b"no more"), publish("a", b"still")].concat());
    reader.expect(&publish("a", b"still"));
    // The retained message stays hidden, since its publisher could not publish it now.
    let mut late = accepted(&broker, &connect_311("late"));
    late.send(&subscribe("b", 0));
    late.expect(&suback(0));
    late.settle();

    house.write("acl", "topic write a\ntopic write b\n");
    house.reload(&broker, 1);
    writer.send(&publish("a", b"unheard"));
    writer.settle();
    reader.settle();
}

#[test]
fn a_reload_sends_away_who_could_not_come_in_now() {
    let configuration = format!("{WITH_PASSWORDS}allow_anonymous true\n");
    let users = || line("ann", "secret") + &line("joe", "secret");
    let kept = users();
    let mut house = House::new("sent-away", &configuration).file("pw", &kept);
    let broker = house.start();
    let mut ann = accepted(&broker, &connect_as("a", "ann", Some("secret")));
    let mut joe = client(&broker, 0, &connect_5_as("j", "joe", "secret"));
    assert_eq!(joe.receive().unwrap()[3], 0);
    let mut anonymous = accepted(&broker, &connect_311("n"));

    let ann_alone = kept.lines().next().unwrap();
    house.write("pw", &format!("{ann_alone}\n{}", line("joe", "other")));
    house.reload(&broker, 1);
    let goodbye = joe.receive().unwrap();
    assert_eq!((goodbye[0], goodbye[2]), (0xE0, 0x87));
    joe.expect_end();
    ann.settle();
    anonymous.settle();
    accepted(&broker, &connect_as("j", "joe", Some("other")));
    refused(&broker, &connect_as("j", "joe", Some("secret")));

    house.configuration = WITH_PASSWORDS.into();
    house.reload(&broker, 1);
    anonymous.expect_end();
    ann.settle();
}

#[test]
fn what_waited_is_not_delivered_to_who_may_not_have_it_any_more() {
    let house = House::new("queued", WITH_LIST).file("acl", "topic a\ntopic b\n");
    let broker = house.start();
    let durable = connect_311_lasting("sleeper");
    let mut sleeper = accepted(&broker, &durable);
    sleeper.send(&subscribe("#", 1));
    sleeper.expect(&suback(1));
    sleeper.send(DISCONNECT);
    sleeper.expect_end();
    let mut writer = accepted(&broker, &connect_311("writer"));
    writer
        .send(&[publish_1("a", 1, b"one"), publish_1("b", 2, b"two"), publish_1("a", 3, b"three")].concat());
    for id in 1..=3 {
        writer.expect(&puback(id));
    }
    house.write("acl", "topic a\n");
    house.reload(&broker, 1);
    let mut sleeper = client(&broker, 0, &durable);
    sleeper.expect(&[0x20, 2, 1, 0]);
    sleeper.expect(&publish_1("a", 1, b"one"));
    sleeper.expect(&publish_1("a", 3, b"three"));
    sleeper.settle();
}

/// A connection from another address of this machine.
fn from_elsewhere(broker: &Broker) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.2:0".parse::<core::net::SocketAddr>().unwrap().into()).unwrap();
    socket.connect(&broker.local_addrs()[0].into()).unwrap();
    Client::over(TcpStream::from(socket))
}

#[test]
fn many_wrong_passwords_from_one_address_do_not_keep_others_waiting() {
    const TRIES: usize = 400;
    let slow = |user: &str| {
        let hash = hash(Scheme::Sha512Pbkdf2 { iterations: 200_000 }, b"secret").unwrap();
        format!("{user}:{hash}\n")
    };
    let house = House::new("flood", WITH_PASSWORDS).file("pw", &slow("ann"));
    let broker = house.start();
    let mut steady = accepted(&broker, &connect_as("steady", "ann", Some("secret")));
    let mut tries: Vec<Client> = Vec::new();
    for number in 0..TRIES {
        let mut client = from_elsewhere(&broker);
        client.send(&connect_as(&format!("try-{number}"), "ann", Some("guess")));
        tries.push(client);
    }
    // There is no more room for that address: it has as much waiting as it may have. Whom that strikes, chance decides.
    let mut count = |expected: &[u8]| {
        let answered = tries.iter_mut().filter(|client| {
            client.socket.set_nonblocking(true).unwrap();
            let mut answer = [0; 4];
            matches!(client.socket.peek(&mut answer), Ok(4) if answer == expected)
        });
        answered.count()
    };
    wait_until("some are told that the server is busy", || count(BUSY) > 0);
    steady.settle();
    accepted(&broker, &connect_as("new", "ann", Some("secret"))).settle();
    steady.settle();
    let answered = count(NOT_AUTHORIZED);
    assert!(answered < TRIES / 2, "{answered} of those that came before were answered first");
}
