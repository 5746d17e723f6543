//! MQTT 3.1.1, sections 3.12 to 3.14: PINGREQ, PINGRESP, DISCONNECT.

use conformance::prelude::*;

statements! {
    fn mqtt311_3_12_4_1_pingreq_is_answered_by_pingresp(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        client.send_bytes(&[0xc0, 0]);
        assert_eq!(client.receive_raw(), [0xd0, 0]);
        client.send_bytes(&[0xc0, 0, 0xc0, 0, 0xc0, 0]);
        for _ in 0..3 {
            assert_eq!(client.receive_raw(), [0xd0, 0]);
        }
    }

    fn mqtt311_3_14_1_1_disconnect_with_reserved_bits_is_a_violation(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("will", QoS::AtMostOnce);
        for flags in 1..16 {
            let mut client = broker.connect(connect311("a").will("will", &[flags]));
            client.send_bytes(&[0xe0 | flags, 0]);
            client.expect_closed();
            // It is no DISCONNECT: the Will stands.
            assert_eq!(watcher.expect_publish().payload, [flags]);
        }
    }

    /// DISCONNECT is two bytes in 3.1.1, without a reason code.
    ///
    /// Covers: MQTT311-4.8.0-1
    fn mqtt311_4_8_0_1_disconnect_and_pingreq_have_no_body(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("will", QoS::AtMostOnce);
        for bytes in [[0xe0, 1, 0].as_slice(), &[0xe0, 2, 0, 0], &[0xc0, 1, 0]] {
            let mut client = broker.connect(connect311("a").will("will", b"gone"));
            client.send_bytes(bytes);
            client.expect_closed();
            assert_eq!(watcher.expect_publish().payload, b"gone");
        }
    }

    /// The client has to close; if it does not, the broker does.
    fn mqtt311_3_14_4_1_disconnect_ends_the_connection(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        client.send_bytes(&[0xe0, 0]);
        client.expect_closed();
    }

    fn mqtt311_3_14_4_2_nothing_behind_disconnect_is_processed(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("#", QoS::AtMostOnce);
        let connect = connect311("a").clean_start(false).will("t", b"gone");
        let mut client = broker.connect(connect);
        let behind: [&[u8]; 5] = [
            b"\xe0\x00",
            b"\x31\x04\x00\x01tx",
            b"\x82\x06\x00\x01\x00\x01t\x00",
            b"\xc0\x00",
            b"\xff\xff\xff\xff\xff",
        ];
        client.send_bytes(&behind.concat());
        client.expect_closed();
        broker.settle();
        watcher.expect_nothing();
        // Neither did it retain, nor subscribe.
        watcher.subscribe("t", QoS::AtMostOnce);
        watcher.expect_nothing();
        let mut client = broker.connect(connect311("a").clean_start(false));
        client.publish("t", "m", QoS::AtLeastOnce);
        client.expect_nothing();
    }

    fn mqtt311_3_14_4_3_disconnect_discards_the_will(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("will", QoS::AtMostOnce);
        let mut client = broker.connect(connect311("a").will("will", b"gone").will_retain(true));
        client.send_bytes(&[0xe0, 0]);
        client.expect_closed();
        broker.settle();
        watcher.expect_nothing();
        watcher.subscribe("will", QoS::AtMostOnce);
        watcher.expect_nothing();
    }
}
