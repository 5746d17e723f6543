//! `martlet rr`

use crate::broker::{Broker, GOODBYE};
use crate::running::Tool;

#[test]
fn a_request_names_where_the_answer_is_expected() {
    let broker = Broker::start();
    let arguments = "-i me -t a -e e -m ask -v -D publish correlation-data 77 -D subscribe user-property 1 2";
    let tool = Tool::of(&broker, "rr", arguments);
    let mut peer = broker.accept();
    peer.expect(b"\x10\x12\0\x04MQTT\x05\x02\0\x3C\x03\x21\0\x01\0\x02me");
    peer.send(b"\x20\x03\0\0\0");
    peer.expect(b"\x82\x0E\0\x01\x07\x26\0\x011\0\x012\0\x01e\0");
    peer.send(b"\x90\x04\0\x01\0\0");
    peer.expect(b"\x30\x10\0\x01a\x09\x09\0\x0277\x08\0\x01eask");
    peer.send(b"\x30\x07\0\x01e\0yes");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "e yes\n", "");
}

#[test]
fn older_versions_have_no_properties() {
    let broker = Broker::start();
    let tool = Tool::of(&broker, "rr", "-V 311 -i me -t a -e e -n -q 1 -R");
    let mut peer = broker.accept_3();
    peer.expect(b"\x82\x06\0\x01\0\x01e\x01");
    peer.send(b"\x90\x03\0\x01\x01");
    peer.expect(b"\x32\x05\0\x01a\0\x02");
    peer.send(b"\x40\x02\0\x02");
    peer.send(b"\x31\x06\0\x01eold\x32\x08\0\x01e\0\x09yes");
    peer.expect(b"\x40\x02\0\x09");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "yes\n", "");
}

#[test]
fn the_latency_is_told() {
    let broker = Broker::start();
    let tool = Tool::of(&broker, "rr", "-V 311 -t a -e e -n --latency");
    let mut peer = broker.accept_3();
    peer.packet();
    peer.send(b"\x90\x03\0\x01\x00");
    peer.packet();
    peer.send(b"\x30\x06\0\x01eyes");
    peer.expect(GOODBYE);
    drop(peer);
    let ended = tool.end();
    let latency = ended.stdout.strip_prefix("yes\nLatency: ");
    assert!(latency.is_some_and(|latency| latency.ends_with("s\n")), "{ended:?}");
}

#[test]
fn no_answer_is_no_success() {
    let broker = Broker::start();
    let tool = Tool::of(&broker, "rr", "-t a -e e -m x -W 1");
    let mut peer = broker.accept_5();
    peer.packet();
    peer.send(b"\x90\x04\0\x01\0\0");
    peer.packet();
    peer.expect(b"\xE0\x01\x04");
    drop(peer);
    tool.end().is(27, "", "Timed out\n");

    let broker = Broker::start();
    let tool = Tool::of(&broker, "rr", "-t a -e e -m x");
    let mut peer = broker.accept_5();
    peer.packet();
    peer.send(b"\x90\x04\0\x01\0\x87");
    peer.expect(GOODBYE);
    drop(peer);
    tool.end().is(0, "", "Not authorized\n");

    let broker = Broker::start();
    let tool = Tool::of(&broker, "rr", "-t a -e e -m x");
    let mut peer = broker.accept_5();
    peer.packet();
    drop(peer);
    tool.end().is(7, "", "Error: The connection was lost\n");
}
