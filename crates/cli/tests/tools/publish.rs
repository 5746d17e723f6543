//! `martlet pub`

use crate::broker::{ACCEPTED_3, ACCEPTED_5, Broker, GOODBYE};
use crate::running::Tool;

#[test]
fn the_packets_of_each_version_and_qos() {
    let hello_31 = &b"\x10\x10\0\x06MQIsdp\x03\x02\0\x3C\0\x02me"[..];
    let hello_311 = b"\x10\x0E\0\x04MQTT\x04\x02\0\x3C\0\x02me";
    let hello_5 = b"\x10\x12\0\x04MQTT\x05\x02\0\x3C\x03\x21\0\x14\0\x02me";
    let versions = [
        ("31", hello_31, ACCEPTED_3, ""),
        ("311", hello_311, ACCEPTED_3, ""),
        ("5", hello_5, ACCEPTED_5, "\0"),
    ];
    for (version, hello, accepted, properties) in versions {
        for qos in ["0", "1", "2"] {
            let broker = Broker::start();
            let arguments = format!("-V {version} -q {qos} -i me -t a/b -m hello");
            let tool = Tool::of(&broker, "pub", &arguments);
            let mut peer = broker.accept();
            peer.expect(hello);
            peer.send(accepted);
            let (first, id) = match qos {
                "0" => (0x30, ""),
                "1" => (0x32, "\0\x01"),
                _ => (0x34, "\0\x01"),
            };
            let body = format!("\0\x03a/b{id}{properties}hello");
            peer.expect(&[&[first, u8::try_from(body.len()).unwrap()], body.as_bytes()].concat());
            match qos {
                "0" => {}
                "1" => peer.send(b"\x40\x02\0\x01"),
                _ => {
                    peer.send(b"\x50\x02\0\x01");
                    peer.expect(b"\x62\x02\0\x01");
                    peer.send(b"\x70\x02\0\x01");
                }
            }
            peer.expect(GOODBYE);
            peer.expect_end();
            drop(peer);
            tool.end().is(0, "", "");
        }
    }
}

#[test]
fn each_packet_has_its_properties() {
    let broker = Broker::start();
    let tool = Tool::of(
        &broker,
        "pub",
        "-i c -u user -P pass -x 60 -t a -m x --will-topic w --will-payload gone --will-qos 1 --will-retain \
         -D connect user-property k v -D connect receive-maximum 7 -D will will-delay-interval 3 \
         -D publish content-type t -D publish user-property a b -D disconnect user-property d e",
    );
    let mut peer = broker.accept();
    let connect = [
        &b"\x10\x38\0\x04MQTT\x05\xEE\0\x3C"[..],
        b"\x0F\x26\0\x01k\0\x01v\x21\0\x07\x11\0\0\0\x3C",
        b"\0\x01c",
        b"\x05\x18\0\0\0\x03\0\x01w\0\x04gone",
        b"\0\x04user\0\x04pass",
    ];
    peer.expect(&connect.concat());
    peer.send(ACCEPTED_5);
    peer.expect(b"\x30\x10\0\x01a\x0B\x03\0\x01t\x26\0\x01a\0\x01bx");
    peer.expect(b"\xE0\x09\0\x07\x26\0\x01d\0\x01e");
    peer.expect_end();
    drop(peer);
    tool.end().is(0, "", "");
}

#[test]
fn a_topic_alias_replaces_the_name_after_the_first_message() {
    let broker = Broker::start();
    let arguments = "-i c -t a -m x --repeat 3 -D publish topic-alias 4 -d";
    let tool = Tool::of(&broker, "pub", arguments);
    let mut peer = broker.accept_5();
    peer.expect(b"\x30\x08\0\x01a\x03\x23\0\x04x");
    peer.expect(b"\x30\x07\0\0\x03\x23\0\x04x");
    peer.expect(b"\x30\x07\0\0\x03\x23\0\x04x");
    peer.expect(GOODBYE);
    drop(peer);
    let notes = "Client c sending CONNECT\n\
                 Client c received CONNACK (0)\n\
                 Client c sending PUBLISH (d0, q0, r0, m1, 'a', ... (1 bytes))\n\
                 Client c sending PUBLISH (d0, q0, r0, m2, '(null)', ... (1 bytes))\n\
                 Client c sending PUBLISH (d0, q0, r0, m3, '(null)', ... (1 bytes))\n\
                 Client c sending DISCONNECT\n";
    tool.end().is(0, notes, "");
}

#[test]
fn a_refused_connection_is_the_exit_status() {
    for (arguments, connack, status, reason) in [
        ("-m x", &b"\x20\x02\0\x05"[..], 5, "Connection Refused: not authorised\n"),
        ("-l", b"\x20\x02\0\x04", 4, "Connection Refused: bad user name or password\n"),
        ("-V 5 -m x", b"\x20\x03\0\x87\0", 135, "Not authorized\n"),
        ("-V 5 -m x", b"\x20\x09\0\x88\x06\x1F\0\x03why", 136, "Server unavailable\nwhy\n"),
        // A broker that knows no 5.0 answers in the format of its own version.
        (
            "-V 5 -m x",
            b"\x20\x02\0\x01",
            132,
            "Unsupported Protocol Version. Try connecting to an MQTT v5 broker, or use MQTT v3.x mode.\n",
        ),
    ] {
        let broker = Broker::start();
        let tool = Tool::of(&broker, "pub", &format!("-t a {arguments}"));
        let mut peer = broker.accept_with(connack);
        peer.expect_end();
        drop(peer);
        let stderr = format!("Connection error: {reason}Error: The connection was refused\n");
        tool.end().is(status, "", &stderr);
    }
}

#[test]
fn a_message_that_is_not_accepted_is_a_warning() {
    let broker = Broker::start();
    let tool = Tool::of(&broker, "pub", "-V 5 -q 1 -t a -m x");
    let mut peer = broker.accept_5();
    peer.packet();
    peer.send(b"\x40\x08\0\x01\x97\x04\x1F\0\x01R");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "", "Warning: Publish 1 failed: Quota exceeded.\nR\n");
}

#[test]
fn what_the_broker_does_not_take_is_not_sent() {
    for (arguments, property, status, stderr) in [
        (
            "-q 1 -m x",
            &b"\x02\x24\0"[..],
            24,
            "Error: Message QoS not supported on broker, try a lower QoS.\n\
             Error: Requested QoS not supported on server\n",
        ),
        ("-m 0123456789", b"\x05\x27\0\0\0\x0A", 25, "Error: Packet larger than supported by the server\n"),
    ] {
        let broker = Broker::start();
        let tool = Tool::of(&broker, "pub", &format!("-V 5 -t a {arguments}"));
        let len = u8::try_from(property.len() + 2).unwrap();
        let mut peer = broker.accept_with(&[&[0x20, len, 0, 0], property].concat());
        peer.expect(GOODBYE);
        drop(peer);
        tool.end().is(status, "", stderr);
    }
    let broker = Broker::start();
    let tool = Tool::of(&broker, "pub", "-V 5 -t a -m x -r");
    let mut peer = broker.accept_with(b"\x20\x05\0\0\x02\x25\0");
    peer.expect(b"\x30\x05\0\x01a\0x");
    peer.expect(GOODBYE);
    drop(peer);
    let ended = tool.end();
    assert!(ended.status == Some(0) && ended.stderr.starts_with("Warning: "), "{ended:?}");
}

#[test]
fn the_end_of_the_connection_is_told() {
    for (arguments, end, status, stderr) in [
        ("-V 311", &b""[..], 7, "Error: The connection was lost\n"),
        (
            "-V 5",
            b"\xE0\x02\x8B\0",
            4,
            "Error: The client is not currently connected\n\
             The broker ended the connection: Server shutting down\n",
        ),
        (
            "-V 311",
            b"\0\0",
            21,
            "Error: Malformed packet\nThe broker broke the standard: packet type 0 is forbidden\n",
        ),
    ] {
        let broker = Broker::start();
        let tool = Tool::of(&broker, "pub", &format!("{arguments} -q 1 -t a -m x"));
        let accepted = if arguments == "-V 5" { ACCEPTED_5 } else { ACCEPTED_3 };
        let mut peer = broker.accept_with(accepted);
        peer.packet();
        peer.send(end);
        drop(peer);
        tool.end().is(status, "", stderr);
    }
}

#[test]
fn a_broker_that_is_not_there() {
    let port = {
        let broker = Broker::start();
        broker.port()
    };
    let tool = Tool::start(&["pub", "-h", "127.0.0.1", "-p", &port, "-t", "a", "-m", "x"]);
    tool.end().is(1, "", "Error: Connection refused\n");
    let tool = Tool::start(&["pub", "-h", "127.0.0.1", "-p", &port, "-t", "a", "-m", "x", "--quiet"]);
    tool.end().is(1, "", "");
    let tool = Tool::start(&["pub", "-h", "host.invalid", "-t", "a", "-m", "x"]);
    let ended = tool.end();
    assert!(ended.stderr.starts_with("Unable to connect (Lookup error).\n"), "{ended:?}");
    assert_eq!(ended.status, Some(1));
}
