//! MQTT 3.1.1, chapter 7: conformance.
//!
//! MQTT311-7.0.0-1 is about a server that connects to other servers: a matter of bridges, and of their tests.
//! MQTT311-6.0.0-1 to -4 are about WebSocket: a matter of that transport.

use conformance::Transport;
use conformance::prelude::*;

/// A conversation as the standard's own tables spell it: bytes of the client, and the answer.
const CONVERSATION: [(&[u8], &[u8]); 9] = [
    (b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04test", b"\x20\x02\x00\x00"),
    (b"\x82\x0e\x00\x0a\x00\x03a/b\x01\x00\x03c/d\x02", b"\x90\x04\x00\x0a\x01\x02"),
    (b"\x30\x07\x00\x03x/yno", b""),
    (b"\x32\x09\x00\x03x/y\x00\x0byo", b"\x40\x02\x00\x0b"),
    (b"\x34\x09\x00\x03x/y\x00\x0cyo", b"\x50\x02\x00\x0c"),
    (b"\x62\x02\x00\x0c", b"\x70\x02\x00\x0c"),
    (b"\x30\x07\x00\x03a/bhi", b"\x30\x07\x00\x03a/bhi"),
    (b"\xa2\x0c\x00\x0d\x00\x03a/b\x00\x03c/d", b"\xb0\x02\x00\x0d"),
    (b"\xc0\x00", b"\xd0\x00"),
];

statements! {
    /// Nothing but what the standard has is needed, and nothing else comes back.
    fn mqtt311_7_0_0_2_the_packets_of_the_standard_are_enough(broker: &mut Broker) {
        let mut client = broker.open();
        client.set_version(ProtocolVersion::Mqtt311);
        for (sent, answer) in CONVERSATION {
            client.send_bytes(sent);
            if !answer.is_empty() {
                assert_eq!(client.receive_raw(), answer, "the answer to {sent:02x?}");
            }
        }
        client.send_bytes(b"\xe0\x00");
        client.expect_closed();
    }
}

/// TCP carries any number of bytes, in order, in both directions.
#[test]
fn mqtt311_7_1_1_1_tcp_is_supported() {
    conformance::run(
        Transport::Socket,
        |_| {},
        |broker| {
            let mut client = broker.connect(connect311("a"));
            client.subscribe("t", QoS::ExactlyOnce);
            for number in 0..50_u8 {
                let payload = vec![number; 30_000];
                client.publish("t", &payload, QoS::ExactlyOnce);
                let message = client.expect_publish();
                assert!(message.payload == payload, "message {number}");
                client.acknowledge(&message);
            }
        },
    );
}
