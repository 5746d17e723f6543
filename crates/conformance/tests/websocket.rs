//! MQTT over WebSocket. The two versions of the standard say the same.

use conformance::build::ConnectBuilder;
use conformance::prelude::*;
use conformance::web::WebBroker;

const PINGREQ: [u8; 2] = [0xC0, 0];
const PINGRESP: [u8; 2] = [0xD0, 0];

/// A CONNECT of each version.
fn connects() -> [ConnectBuilder<'static>; 3] {
    [connect5("client"), connect311("client"), connect31("client")]
}

/// Covers: MQTT311-6.0.0-1
#[test]
fn mqtt5_6_0_0_1_control_packets_travel_in_binary_frames() {
    let broker = WebBroker::new();
    for connect in connects() {
        let mut client = broker.open();
        // What is no binary message is no answer: `packet` would find it.
        client.connect(&connect);
        client.send(&PINGREQ);
        assert_eq!(client.packet(), PINGRESP);
    }
}

/// Covers: MQTT311-6.0.0-1
#[test]
fn mqtt5_6_0_0_1_any_other_data_frame_closes_the_connection() {
    let broker = WebBroker::new();
    for connect in connects() {
        // A packet in text, before and after CONNECT, whole and as the beginning of a longer message.
        for first in [0x81, 0x01] {
            let mut client = broker.open();
            client.send_frame(first, &raw::encode(ProtocolVersion::Mqtt5, &connect5("text").packet()));
            client.expect_closed(1003);

            let mut client = broker.open();
            client.connect(&connect);
            client.send_frame(first, &PINGREQ);
            client.expect_closed(1003);
        }
        // Data of a kind that does not exist.
        for opcode in 3..=7 {
            let mut client = broker.open();
            client.connect(&connect);
            client.send_frame(0x80 | opcode, &PINGREQ);
            client.expect_closed(1002);
        }
    }
}

/// Covers: MQTT311-6.0.0-2
#[test]
fn mqtt5_6_0_0_2_a_frame_may_hold_several_packets() {
    let broker = WebBroker::new();
    for connect in connects() {
        let mut client = broker.open();
        let connect = raw::encode(connect.version(), &connect.packet());
        client.send(&[&connect[..], &PINGREQ, &PINGREQ].concat());
        client.expect_connack();
        assert_eq!(client.packet(), PINGRESP);
        assert_eq!(client.packet(), PINGRESP);
    }
}

/// Covers: MQTT311-6.0.0-2
#[test]
fn mqtt5_6_0_0_2_a_frame_may_hold_a_part_of_a_packet() {
    let broker = WebBroker::new();
    for connect in connects() {
        let bytes = [&raw::encode(connect.version(), &connect.packet())[..], &PINGREQ].concat();
        for cut in 0..=bytes.len() {
            // As two messages, and as two fragments of one with a ping between them.
            let mut client = broker.open();
            client.send(&bytes[..cut]);
            client.send(&bytes[cut..]);
            client.expect_connack();
            assert_eq!(client.packet(), PINGRESP);

            let mut client = broker.open();
            client.send_frame(0x02, &bytes[..cut]);
            client.send_frame(0x89, b"between");
            client.send_frame(0x80, &bytes[cut..]);
            let (mut data, mut is_answered) = (Vec::new(), false);
            while !(is_answered && data.ends_with(&PINGRESP)) {
                match client.frame().unwrap() {
                    (0x82, content) => data.extend(content),
                    other => {
                        assert_eq!(other, (0x8A, b"between".to_vec()), "cut at {cut}");
                        is_answered = true;
                    }
                }
            }
            assert_eq!((data[0], &data[2..4]), (0x20, &[0, 0][..]), "cut at {cut}: {data:02x?}");
        }
    }
}

/// Covers: MQTT311-6.0.0-4
#[test]
fn mqtt5_6_0_0_4_the_sub_protocol_mqtt_is_selected() {
    let broker = WebBroker::new();
    let offers: [&[&str]; 4] = [
        &["Sec-WebSocket-Protocol: mqtt"],
        &["Sec-WebSocket-Protocol: chat, mqtt"],
        &["Sec-WebSocket-Protocol: mqttv3.1, mqtt"],
        &["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: mqtt"],
    ];
    for offer in offers {
        for connect in connects() {
            let mut client = broker.request("/mqtt", offer);
            assert!(client.is_open(), "{offer:?}: {}", client.head);
            assert_eq!(client.header("Sec-WebSocket-Protocol"), Some("mqtt"), "{offer:?}");
            client.connect(&connect);
        }
    }
    let others: [&[&str]; 3] =
        [&[], &["Sec-WebSocket-Protocol: chat"], &["Sec-WebSocket-Protocol: mqtt5, xmqtt"]];
    for offer in others {
        let client = broker.request("/mqtt", offer);
        assert!(client.head.starts_with("HTTP/1.1 400 "), "{offer:?}: {}", client.head);
    }
}

/// Covers: s6
#[test]
fn mqtt5_s6_paths_and_further_headers_mean_nothing_to_mqtt() {
    let broker = WebBroker::new();
    let lines: [&[&str]; 3] = [
        &[],
        &["Authorization: Basic bmFtZTpwYXNzd29yZA==", "Cookie: client=other"],
        &["X-Client-Id: other", "User-Agent: x", "Pragma: no-cache"],
    ];
    for path in ["/", "/mqtt", "/a/b?client=other&clean=0", "/$SYS"] {
        for lines in lines {
            let lines = [&["Sec-WebSocket-Protocol: mqtt"], lines].concat();
            let mut client = broker.request(path, &lines);
            assert!(client.is_open(), "{path} {lines:?}: {}", client.head);
            // The client is who its CONNECT says: a second one with this name takes over, with any other it does not.
            client.connect(&connect5("name"));
            let mut other = broker.open();
            other.connect(&connect5("other"));
            client.send(&PINGREQ);
            assert_eq!(client.packet(), PINGRESP);
            let mut same = broker.open();
            same.connect(&connect5("name"));
            let disconnect = client.packet();
            assert_eq!((disconnect[0], disconnect[2]), (0xE0, 0x8E), "{disconnect:02x?}");
        }
    }
}
