//! `martlet sub`

use std::fs;
use std::io::BufReader;

use martlet_tools::property::{Property, PropertyId, Value};
use martlet_tools::record::Reader;

use crate::broker::{Broker, GOODBYE};
use crate::running::Tool;

/// SUBACK that grants QoS 0, 1 or 2 for the first request.
const GRANTED_3: &[u8] = b"\x90\x03\0\x01\x02";
const GRANTED_5: &[u8] = b"\x90\x04\0\x01\0\x02";

#[test]
fn all_filters_are_in_one_request() {
    let broker = Broker::start();
    let tool = Tool::of(
        &broker,
        "sub",
        "-V 5 -i me -q 2 -t a -t b -E --retain-as-published --retain-handling new -D subscribe \
         subscription-identifier 9 -D subscribe user-property a b -U x -U y -D unsubscribe user-property c d",
    );
    let mut peer = broker.accept_5();
    peer.expect(b"\x82\x14\0\x01\x09\x0B\x09\x26\0\x01a\0\x01b\0\x01a\x1A\0\x01b\x1A");
    peer.expect(b"\xA2\x0D\0\x02\x07\x26\0\x01c\0\x01d\0\x01x");
    peer.expect(b"\xA2\x0D\0\x03\x07\x26\0\x01c\0\x01d\0\x01y");
    peer.send(b"\x90\x05\0\x01\0\x01\x02");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "", "");
}

#[test]
fn the_notes_of_a_conversation() {
    let broker = Broker::start();
    let tool = Tool::of(&broker, "sub", "-i me -t a -t b -q 2 -C 3 -d -F %t:%m:%q:%p");
    let mut peer = broker.accept_3();
    peer.expect(b"\x82\x0A\0\x01\0\x01a\x02\0\x01b\x02");
    // All at once: they are taken one after the other.
    peer.send(b"\x90\x04\0\x01\0\x02\x30\x04\0\x01a0\x32\x06\0\x01a\0\x051\x34\x06\0\x01b\0\x062");
    peer.expect(b"\x40\x02\0\x05");
    peer.expect(b"\x50\x02\0\x06");
    peer.send(b"\x62\x02\0\x06");
    peer.expect(b"\x70\x02\0\x06");
    peer.expect(GOODBYE);
    drop(peer);
    let notes = "Client me sending CONNECT\n\
                 Client me received CONNACK (0)\n\
                 Client me sending SUBSCRIBE (Mid: 1, Topic: a, QoS: 2, Options: 0x00)\n\
                 Client me sending SUBSCRIBE (Mid: 1, Topic: b, QoS: 2, Options: 0x00)\n\
                 Client me received SUBACK\n\
                 Subscribed (mid: 1): 0, 2\n\
                 Client me received PUBLISH (d0, q0, r0, m0, 'a', ... (1 bytes))\n\
                 a:0:0:0\n\
                 Client me received PUBLISH (d0, q1, r0, m5, 'a', ... (1 bytes))\n\
                 Client me sending PUBACK (m5, rc0)\n\
                 a:5:1:1\n\
                 Client me received PUBLISH (d0, q2, r0, m6, 'b', ... (1 bytes))\n\
                 Client me sending PUBREC (m6, rc0)\n\
                 b:6:2:2\n\
                 Client me received PUBREL (Mid: 6)\n\
                 Client me sending PUBCOMP (m6)\n\
                 Client me sending DISCONNECT\n";
    tool.end().is(0, notes, "");
}

#[test]
fn no_more_messages_may_come_than_are_wanted() {
    let broker = Broker::start();
    let tool = Tool::of(&broker, "sub", "-V 5 -i me -t a -q 1 -C 3");
    let mut peer = broker.accept();
    peer.expect(b"\x10\x12\0\x04MQTT\x05\x02\0\x3C\x03\x21\0\x03\0\x02me");
    drop(peer);
    drop(tool);
}

#[test]
fn a_message_is_seen_as_soon_as_it_came() {
    let broker = Broker::start();
    let mut tool = Tool::of(&broker, "sub", "-t a -v");
    let mut peer = broker.accept_3();
    peer.packet();
    peer.send(GRANTED_3);
    peer.send(b"\x30\x06\0\x01aone");
    assert_eq!(tool.line(), "a one\n");
    peer.send(b"\x30\x06\0\x01atwo");
    assert_eq!(tool.line(), "a two\n");
    tool.signal("-TERM");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "", "");
}

#[test]
fn signals_end_it_in_good_order() {
    for signal in ["-INT", "-TERM"] {
        let broker = Broker::start();
        let mut tool = Tool::of(&broker, "sub", "-V 5 -t a -D disconnect user-property a b");
        let mut peer = broker.accept_5();
        peer.packet();
        peer.send(GRANTED_5);
        peer.send(b"\x30\x05\0\x01a\0x");
        assert_eq!(tool.line(), "x\n");
        tool.signal(signal);
        // With the Will.
        peer.expect(b"\xE0\x09\x04\x07\x26\0\x01a\0\x01b");
        drop(peer);
        tool.end().is(0, "", "");
    }
    let broker = Broker::start();
    let tool = Tool::of(&broker, "sub", "-t a");
    let mut peer = broker.accept();
    peer.packet();
    tool.signal("-TERM");
    peer.expect_end();
    tool.end().is(255, "", "");
}

#[test]
fn the_time_is_over() {
    let broker = Broker::start();
    let tool = Tool::of(&broker, "sub", "-V 5 -t a -W 1");
    let mut peer = broker.accept_5();
    peer.packet();
    peer.send(GRANTED_5);
    peer.expect(b"\xE0\x01\x04");
    drop(peer);
    tool.end().is(27, "", "Timed out\n");
}

#[test]
fn a_lost_connection_comes_again() {
    let broker = Broker::start();
    let mut tool = Tool::of(&broker, "sub", "-i me -t a -C 2");
    for line in ["one\n", "two\n"] {
        let mut peer = broker.accept_3();
        assert_eq!(peer.packet()[0], 0x82);
        peer.send(GRANTED_3);
        peer.send(&[b"\x30\x06\0\x01a", &line.as_bytes()[..3]].concat());
        assert_eq!(tool.line(), line);
    }
    tool.end().is(0, "", "");
    let broker = Broker::start();
    let tool = Tool::of(&broker, "sub", "-i me -t a");
    drop(broker.accept_3());
    broker.accept_with(b"\x20\x02\0\x05").expect_end();
    tool.end().is(5, "", "Connection error: Connection Refused: not authorised\n");
}

#[test]
fn a_denied_subscription_ends_it() {
    let broker = Broker::start();
    let tool = Tool::of(&broker, "sub", "-t a");
    let mut peer = broker.accept_3();
    peer.packet();
    peer.send(b"\x90\x03\0\x01\x80");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "", "All subscription requests were denied.\n");
}

#[test]
fn retained_messages_are_told_apart() {
    let (retained, live) = (&b"\x31\x06\0\x01aold\x31\x04\0\x01b_"[..], b"\x30\x06\0\x01anew");
    for (arguments, stdout) in [
        ("--retained-only", "old\n_\n"),
        ("-R -C 1", "new\n"),
        ("-T b -C 2", "old\nnew\n"),
        ("-C 2 -N", "old_"),
        ("-C 3 -v", "a old\nb _\na new\n"),
    ] {
        let broker = Broker::start();
        let tool = Tool::of(&broker, "sub", &format!("-t # {arguments}"));
        let mut peer = broker.accept_3();
        peer.packet();
        peer.send(GRANTED_3);
        peer.send(retained);
        peer.send(live);
        peer.expect(GOODBYE);
        drop(peer);
        tool.end().is(0, stdout, "");
    }
}

#[test]
fn cleared_messages_are_acknowledged_before_the_end() {
    let broker = Broker::start();
    let tool = Tool::of(&broker, "sub", "-t # --remove-retained -C 2");
    let mut peer = broker.accept_3();
    peer.packet();
    peer.send(GRANTED_3);
    peer.send(b"\x31\x06\0\x01aold\x31\x06\0\x01bold");
    peer.expect(b"\x33\x05\0\x01a\0\x02");
    peer.expect(b"\x33\x05\0\x01b\0\x03");
    peer.send(b"\x40\x02\0\x02\x40\x02\0\x03");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "old\nold\n", "");
}

#[test]
fn a_topic_alias_of_the_broker_is_resolved_and_shown() {
    let broker = Broker::start();
    let tool = Tool::of(&broker, "sub", "-t a -C 2 -F %A:%t -D connect topic-alias-maximum 5");
    let mut peer = broker.accept_5();
    peer.packet();
    peer.send(GRANTED_5);
    peer.send(b"\x30\x08\0\x01a\x03\x23\0\x02x\x30\x07\0\0\x03\x23\0\x02x");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "2:a\n2:a\n", "");
}

#[test]
fn nobody_reads_what_is_printed() {
    let broker = Broker::start();
    let mut tool = Tool::of(&broker, "sub", "-t a");
    tool.close_output();
    let mut peer = broker.accept_3();
    peer.packet();
    peer.send(GRANTED_3);
    peer.send(b"\x30\x04\0\x01ax");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "", "");
}

#[test]
fn the_rate_is_told_instead_of_the_messages() {
    let broker = Broker::start();
    let mut tool = Tool::of(&broker, "sub", "-t a --message-rate");
    let mut peer = broker.accept_3();
    peer.packet();
    peer.send(GRANTED_3);
    peer.send(&b"\x30\x04\0\x01ax".repeat(50));
    let mut sum = 0;
    while sum < 50 {
        let line = tool.line();
        sum += line.strip_suffix(" msgs/s\n").and_then(|number| number.parse::<u32>().ok()).unwrap();
    }
    assert_eq!(sum, 50);
    tool.signal("-INT");
    peer.expect(GOODBYE);
    drop(peer);
    assert_eq!(tool.end().status, Some(0));
}

#[test]
fn a_record_holds_what_came() {
    let path = std::env::temp_dir().join(format!("martlet-test-{}-record", std::process::id()));
    let broker = Broker::start();
    let arguments = format!("-V 5 -t # -q 1 -C 2 -T hidden --record {}", path.display());
    let tool = Tool::of(&broker, "sub", &arguments);
    let mut peer = broker.accept_5();
    peer.packet();
    peer.send(GRANTED_5);
    peer.send(b"\x31\x0F\0\x03a/b\x07\x26\0\x01k\0\x01v\xFF\0\x30\x0A\0\x06hidden\0x");
    peer.send(b"\x32\x09\0\x01c\0\x07\0abc");
    peer.expect(b"\x40\x02\0\x07");
    peer.expect(GOODBYE);
    drop(peer);
    assert_eq!(tool.end().status, Some(0));
    let messages: Vec<_> =
        Reader::new(BufReader::new(fs::File::open(&path).unwrap())).map(Result::unwrap).collect();
    fs::remove_file(&path).unwrap();
    let [first, second] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!((first.topic.as_str(), first.qos, first.retain), ("a/b", 0, true));
    assert_eq!(first.payload, b"\xFF\0");
    let pair = Value::Pair("k".to_owned(), "v".to_owned());
    assert_eq!(first.properties, [Property { id: PropertyId::UserProperty, value: pair }]);
    assert_eq!((second.topic.as_str(), second.qos, second.retain), ("c", 1, false));
    assert!(second.payload == b"abc" && second.time_micros >= first.time_micros);
}

#[test]
fn a_record_that_cannot_be_written_is_an_error() {
    let tool = Tool::start(&["sub", "-t", "a", "--record", "/nonexistent/record"]);
    tool.end().is(1, "", "Error: /nonexistent/record: No such file or directory.\n");
}

#[test]
fn it_can_unsubscribe_alone() {
    let broker = Broker::start();
    let tool = Tool::of(&broker, "sub", "-U a -U b -E");
    let mut peer = broker.accept_3();
    peer.expect(b"\xA2\x05\0\x01\0\x01a");
    peer.expect(b"\xA2\x05\0\x02\0\x01b");
    peer.send(b"\xB0\x02\0\x01\xB0\x02\0\x02");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "", "");
}
