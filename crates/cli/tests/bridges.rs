//! Bridges between two brokers, each a process of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::time::Duration;

use common::process::{Running, free_port, until};
use common::{DEADLINE, Folder};
use martlet_client::blocking::{Client, Subscription};
use martlet_client::{Options, Property, QoS, Subscribe};

/// Two brokers: the first has a bridge to the second.
struct Two {
    folder: Folder,
    near: u16,
    far: u16,
    /// More lines for the bridge.
    lines: String,
}

impl Two {
    fn new(name: &str, lines: &str) -> Self {
        Self { folder: Folder::new(name), near: free_port(), far: free_port(), lines: lines.to_owned() }
    }

    fn configuration(&self, name: &str, port: u16) -> String {
        let kept = self.folder.file(name);
        let _ = std::fs::create_dir_all(&kept);
        format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nlog_type error\npersistence true\n\
             persistence_location {kept}\n"
        )
    }

    fn write(&self) -> String {
        let text = format!(
            "{}connection b\naddress 127.0.0.1:{}\nremote_clientid bridge\nrestart_timeout 1\n{}",
            self.configuration("near", self.near),
            self.far,
            self.lines
        );
        self.folder.file_of("near.conf", &text)
    }

    fn start_near(&self) -> Running {
        Running::start(common::martlet().args(["-c", &self.write()]))
    }

    fn start_far(&self) -> Running {
        let file = self.folder.file_of("far.conf", &self.configuration("far", self.far));
        Running::start(common::martlet().args(["-c", &file]))
    }
}

/// A client with a Session that lasts, of a broker that may not be there yet.
fn client(port: u16, name: &str) -> Client {
    let options = Options::tcp("127.0.0.1", port)
        .client_identifier(name)
        .clean_start(false)
        .session_expiry(Duration::from_hours(1));
    until("no broker is there", || Client::connect(options.clone()).ok())
}

fn subscribe(client: &Client, filter: &str) -> Subscription {
    let wanted = |it: Subscribe| it.qos(QoS::ExactlyOnce).buffer_messages_max(4096);
    client.subscribe_with(filter, wanted).unwrap()
}

fn next(subscription: &mut Subscription) -> (String, String) {
    let message = subscription.recv_timeout(DEADLINE).expect("a message comes");
    (message.topic().to_owned(), message.text().unwrap().to_owned())
}

/// Waits until a broker is told that the bridge is connected, or that it is not.
fn wait_for_state(port: u16, wanted: &str) {
    let client = client(port, "watcher");
    let mut state = client.subscribe("$SYS/broker/connection/bridge/state").unwrap();
    while next(&mut state).1 != wanted {}
    client.disconnect().unwrap();
}

#[test]
fn messages_go_both_ways_under_other_names() {
    for version in ["mqttv31", "mqttv311", "mqttv50"] {
        let lines = format!(
            "bridge_protocol_version {version}\ntopic # out 2 up/ from-near/\ntopic # in 2 down/ for-near/\n\
             topic both/+ both 1\n"
        );
        let two = Two::new(&format!("ways-{version}"), &lines);
        let (_far, _near) = (two.start_far(), two.start_near());
        let (near, far) = (client(two.near, "n"), client(two.far, "f"));
        let (mut near_gets, mut far_gets) = (subscribe(&near, "#"), subscribe(&far, "#"));
        wait_for_state(two.near, "1");
        wait_for_state(two.far, "1");
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            near.publish("up/a/b", "1").qos(qos).send().unwrap();
            assert_eq!(next(&mut near_gets), ("up/a/b".into(), "1".into()));
            assert_eq!(next(&mut far_gets), ("from-near/a/b".into(), "1".into()), "{version} {qos:?}");
            far.publish("for-near/c", "2").qos(qos).send().unwrap();
            assert_eq!(next(&mut far_gets), ("for-near/c".into(), "2".into()));
            assert_eq!(next(&mut near_gets), ("down/c".into(), "2".into()), "{version} {qos:?}");
        }
        // What came over the bridge does not go back.
        near.publish("both/x", "3").qos(QoS::AtLeastOnce).send().unwrap();
        far.publish("both/y", "4").qos(QoS::AtLeastOnce).send().unwrap();
        for gets in [&mut near_gets, &mut far_gets] {
            let mut both = [next(gets), next(gets)];
            both.sort();
            assert_eq!(both, [("both/x".into(), "3".into()), ("both/y".into(), "4".into())]);
        }
        near.publish("up/end", "").send().unwrap();
        assert_eq!(next(&mut near_gets).0, "up/end");
        assert_eq!(next(&mut far_gets).0, "from-near/end");
    }
}

#[test]
fn retained_messages_and_properties_go_over() {
    let two = Two::new("properties", "bridge_protocol_version mqttv50\ntopic # out 1\n");
    let _far = two.start_far();
    let _near = two.start_near();
    let (near, far) = (client(two.near, "n"), client(two.far, "f"));
    let sent = near.publish("kept", "value").qos(QoS::AtLeastOnce).retain(true);
    sent.property(&Property::UserProperty("unit", "V"))
        .property(&Property::ContentType("text"))
        .send()
        .unwrap();
    let mut far_gets = subscribe(&far, "kept");
    let message = far_gets.recv_timeout(DEADLINE).unwrap();
    assert_eq!(message.user_properties().collect::<Vec<_>>(), [("unit", "V")]);
    assert_eq!(message.properties().content_type(), Some("text"));
    let mut later = client(two.far, "l").subscribe("kept").unwrap();
    assert!(later.recv_timeout(DEADLINE).unwrap().retain(), "the other broker keeps it");
}

/// The numbers that come on a topic, up to a last one.
fn numbers(subscription: &mut Subscription, topic: &str, last: u32) -> Vec<u32> {
    let mut numbers = Vec::new();
    while numbers.last() != Some(&last) {
        let (name, text) = next(subscription);
        if name == topic {
            numbers.push(text.parse().unwrap());
        }
    }
    numbers
}

#[test]
fn nothing_is_lost_while_the_other_broker_is_away() {
    let two = Two::new("away", "topic # out 2 up/ \"\"\n");
    let far_broker = two.start_far();
    let far = client(two.far, "f");
    let mut far_gets = subscribe(&far, "x");
    drop(far_broker); // killed

    // The bridge has never been connected.
    let near_broker = two.start_near();
    let near = client(two.near, "n");
    for number in 0..50 {
        near.publish("up/x", number.to_string()).qos(QoS::AtLeastOnce).send().unwrap();
    }
    let far_broker = two.start_far();
    assert_eq!(numbers(&mut far_gets, "x", 49), (0..50).collect::<Vec<_>>());

    wait_for_state(two.near, "1");
    drop(far_broker);
    for number in 50..100 {
        near.publish("up/x", number.to_string()).qos(QoS::ExactlyOnce).send().unwrap();
    }
    drop(near_broker);
    let (_near_broker, _far_broker) = (two.start_near(), two.start_far());
    assert_eq!(numbers(&mut far_gets, "x", 99), (50..100).collect::<Vec<_>>());
}

/// The last of the numbers that go over the bridge.
const LAST: u32 = 600;

/// Both brokers are killed again and again while messages of QoS 2 go over the bridge.
#[test]
fn messages_of_qos_2_come_once_whatever_is_killed() {
    for (version, seed) in [("mqttv311", 0), ("mqttv50", 1)] {
        let lines = format!("bridge_protocol_version {version}\ntopic x both 2\n");
        let two = Two::new(&format!("killed-{version}"), &lines);
        let (mut far_broker, mut near_broker) = (two.start_far(), two.start_near());
        let (near, far) = (client(two.near, "n"), client(two.far, "f"));
        let (mut near_gets, mut far_gets) = (subscribe(&near, "x"), subscribe(&far, "x"));
        wait_for_state(two.far, "1");
        let (from, to) = if seed == 0 { (&near, &mut far_gets) } else { (&far, &mut near_gets) };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..=LAST {
                    from.publish("x", number.to_string()).qos(QoS::ExactlyOnce).send().unwrap();
                }
            });
            let mut got = Vec::new();
            while got.last() != Some(&LAST) {
                got.push(next(to).1.parse::<u32>().unwrap());
                match got.len() {
                    100 | 300 => {
                        drop(far_broker);
                        far_broker = two.start_far();
                    }
                    200 | 400 => {
                        drop(near_broker);
                        near_broker = two.start_near();
                    }
                    _ => {}
                }
            }
            assert_eq!(got, (0..=LAST).collect::<Vec<_>>(), "{version}");
        });
    }
}

#[test]
fn a_changed_bridge_goes_on_with_what_is_said_of_it_now() {
    let mut two = Two::new("reload", "bridge_reload_type immediate\ntopic # out 1 one/ 1/\n");
    let (_far, near_broker) = (two.start_far(), two.start_near());
    let (near, far) = (client(two.near, "n"), client(two.far, "f"));
    let mut gets = subscribe(&far, "+/x");
    let arrives = |gets: &mut Subscription, topic: &str, other: &str| {
        near.publish(topic, "").qos(QoS::AtLeastOnce).send().unwrap();
        assert_eq!(next(gets).0, other);
    };
    arrives(&mut gets, "one/x", "1/x");
    two.lines = two.lines.replace("one/ 1/", "two/ 2/");
    two.write();
    near_broker.signal("-HUP");
    // The Session at this broker takes up the other topics as soon as the bridge connects anew.
    until("the other topic does not go out", || {
        near.publish("two/x", "").qos(QoS::AtLeastOnce).send().unwrap();
        gets.recv_timeout(Duration::from_millis(100)).filter(|message| message.topic() == "2/x")
    });
    wait_for_state(two.far, "1");
    near.publish("one/x", "").qos(QoS::AtLeastOnce).send().unwrap();
    near.publish("two/x", "end").qos(QoS::AtLeastOnce).send().unwrap();
    let mut left = next(&mut gets);
    while left.1 != "end" {
        assert_eq!(left.0, "2/x", "what does not go out any more");
        left = next(&mut gets);
    }
    // Without the bridge.
    two.folder.file_of("near.conf", &two.configuration("near", two.near));
    near_broker.signal("-HUP");
    wait_for_state(two.far, "0");
    assert_eq!(near_broker.end().0, Some(0));
}

#[test]
fn a_lazy_bridge_connects_when_enough_waits_and_leaves_when_nothing_is_to_do() {
    let two = Two::new("lazy", "start_type lazy\nthreshold 3\nidle_timeout 1\ntopic x out 1\n");
    let (_far, _near) = (two.start_far(), two.start_near());
    let (near, far) = (client(two.near, "n"), client(two.far, "f"));
    let mut gets = subscribe(&far, "x");
    for number in 1..=2 {
        near.publish("x", number.to_string()).qos(QoS::AtLeastOnce).send().unwrap();
    }
    assert!(gets.recv_timeout(Duration::from_millis(1200)).is_none(), "two are not enough");
    near.publish("x", "3").qos(QoS::AtLeastOnce).send().unwrap();
    assert_eq!(numbers(&mut gets, "x", 3), [1, 2, 3]);
    wait_for_state(two.far, "1");
    wait_for_state(two.far, "0");
}

#[test]
fn a_bridge_over_tls_trusts_only_its_authority() {
    let folder = Folder::new("bridge-tls");
    let made = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let certificate = folder.file_of("cert.pem", &made.cert.pem());
    let key = folder.file_of("key.pem", &made.signing_key.serialize_pem());
    let other = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let stranger = folder.file_of("other.pem", &other.cert.pem());

    let mut two = Two::new("tls", "");
    let tls = free_port();
    let far = format!(
        "{}listener {tls} 127.0.0.1\ncertfile {certificate}\nkeyfile {key}\n",
        two.configuration("far", two.far)
    );
    let _far = Running::start(common::martlet().args(["-c", &two.folder.file_of("far.conf", &far)]));
    let far_client = client(two.far, "f");
    let mut gets = subscribe(&far_client, "#");
    two.far = tls;
    for (number, authority, more, expected) in [
        ("1", &certificate, "", &["1"][..]),
        ("2", &stranger, "", &[]),
        // What could not go out waits.
        ("3", &certificate, "bridge_tls_version tlsv1.3\n", &["2", "3"]),
    ] {
        two.lines = format!("topic # out 1\nbridge_cafile {authority}\n{more}");
        let text = std::fs::read_to_string(two.write()).unwrap();
        let text = text.replace("address 127.0.0.1", "address localhost").replace("error", "warning");
        let file = two.folder.file_of("near.conf", &text);
        let near_broker = Running::start(common::martlet().args(["-c", &file]));
        let near = client(two.near, "n");
        near.publish("x", number).qos(QoS::AtLeastOnce).send().unwrap();
        for text in expected {
            assert_eq!(next(&mut gets).1, *text);
        }
        if expected.is_empty() {
            assert!(gets.recv_timeout(Duration::from_secs(1)).is_none(), "it trusts a stranger");
        }
        let (_, log) = near_broker.end();
        assert_eq!(log.contains("certificate"), expected.is_empty(), "{log}");
    }
}
