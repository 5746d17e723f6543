//! MQTT 3.1: clients that call the protocol `MQIsdp` and its level 3.

use conformance::prelude::*;
use conformance::raw::{RawConnect, string};

/// The three levels.
const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// Opens a connection with these bytes, which is refused with this return code.
fn expect_return_code(broker: &mut Broker, bytes: &[u8], code: u8) {
    let mut client = broker.open();
    client.send_bytes(bytes);
    assert_eq!(client.receive_raw(), [0x20, 2, 0, code], "the answer to {bytes:02x?}");
    client.expect_closed();
}

statements! {
    fn mqtt31_connect_is_answered_by_return_code_0(broker: &mut Broker) {
        let mut client = broker.open();
        client.set_version(ProtocolVersion::Mqtt31);
        client.send_bytes(b"\x10\x12\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x04test");
        assert_eq!(client.receive_raw(), [0x20, 2, 0, 0]);
        client.barrier();
        client.send_bytes(&[0xe0, 0]);
        client.expect_closed();
    }

    fn mqtt31_messages_of_every_qos_go_both_ways(broker: &mut Broker) {
        let mut client = broker.connect(connect31("a"));
        let mut other = broker.connect(connect31("b"));
        assert_eq!(client.subscribe("t/+", QoS::ExactlyOnce), [ReasonCode::GrantedQos2]);
        for qos in EVERY_QOS {
            other.publish("t/x", "m", qos);
            let message = client.expect_publish();
            assert_eq!((&*message.topic, &*message.payload, message.qos), ("t/x", b"m".as_slice(), qos));
            assert!(!message.dup && !message.retain);
            client.acknowledge(&message);
        }
        client.unsubscribe("t/+");
        other.publish("t/x", "m", QoS::AtLeastOnce);
        broker.settle();
        client.expect_nothing();
    }

    fn mqtt31_acknowledgements_have_their_bytes(broker: &mut Broker) {
        let mut client = broker.connect(connect31("a"));
        client.send_bytes(b"\x82\x08\x00\x05\x00\x03a/b\x01");
        assert_eq!(client.receive_raw(), [0x90, 3, 0, 5, 1]);
        client.send_bytes(b"\x32\x06\x00\x01t\x00\x06m");
        assert_eq!(client.receive_raw(), [0x40, 2, 0, 6]);
        client.send_bytes(b"\x34\x06\x00\x01t\x00\x07m");
        assert_eq!(client.receive_raw(), [0x50, 2, 0, 7]);
        client.send_bytes(b"\x62\x02\x00\x07");
        assert_eq!(client.receive_raw(), [0x70, 2, 0, 7]);
        client.send_bytes(b"\xa2\x07\x00\x08\x00\x03a/b");
        assert_eq!(client.receive_raw(), [0xb0, 2, 0, 8]);
    }

    /// Session Present is younger than 3.1, where the byte is reserved.
    fn mqtt31_clean_session_0_keeps_the_session_and_connack_does_not_tell(broker: &mut Broker) {
        let connect = connect31("a").clean_start(false);
        let mut client = broker.connect(connect.clone());
        client.subscribe("t", QoS::ExactlyOnce);
        client.disconnect();
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("t", "one", QoS::AtLeastOnce);
        publisher.publish("t", "two", QoS::ExactlyOnce);
        broker.settle();
        let mut client = broker.open();
        client.send(&connect.packet());
        assert_eq!(client.receive_raw(), [0x20, 2, 0, 0]);
        for (payload, qos) in [("one", QoS::AtLeastOnce), ("two", QoS::ExactlyOnce)] {
            let message = client.expect_publish();
            assert_eq!((&*message.payload, message.qos), (payload.as_bytes(), qos));
            client.acknowledge(&message);
        }
        client.expect_nothing();
    }

    fn mqtt31_clean_session_1_drops_the_session(broker: &mut Broker) {
        let mut client = broker.connect(connect31("a").clean_start(false));
        client.subscribe("t", QoS::AtLeastOnce);
        client.disconnect();
        broker.connect(connect31("a")).disconnect();
        broker.connect(connect311("publisher")).publish("t", "m", QoS::AtLeastOnce);
        broker.settle();
        broker.connect(connect31("a").clean_start(false)).expect_nothing();
    }

    fn mqtt31_unacknowledged_messages_come_again_with_dup(broker: &mut Broker) {
        let connect = connect31("a").clean_start(false);
        let mut client = broker.connect(connect.clone());
        client.subscribe("t", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect31("publisher"));
        publisher.publish("t", "one", QoS::AtLeastOnce);
        publisher.publish("t", "two", QoS::ExactlyOnce);
        let first = [client.expect_publish(), client.expect_publish()];
        client.drop_connection();
        let mut client = broker.connect(connect);
        for first in first {
            let again = client.expect_publish();
            assert_eq!((again.id, again.dup, &again.payload), (first.id, true, &first.payload));
            client.acknowledge(&again);
        }
        client.expect_nothing();
    }

    fn mqtt31_a_will_is_published_unless_disconnect_came(broker: &mut Broker) {
        let mut watcher = broker.connect(connect31("watcher"));
        watcher.subscribe("will", QoS::ExactlyOnce);
        let connect = connect31("a").will("will", b"gone").will_qos(QoS::AtLeastOnce).will_retain(true);
        broker.connect(connect.clone()).disconnect();
        broker.settle();
        watcher.expect_nothing();
        broker.connect(connect).drop_connection();
        let will = watcher.expect_publish();
        assert_eq!((&*will.payload, will.qos, will.retain), (b"gone".as_slice(), QoS::AtLeastOnce, false));
        watcher.acknowledge(&will);
        watcher.subscribe("will", QoS::ExactlyOnce);
        assert!(watcher.expect_publish().retain);
    }

    fn mqtt31_retained_messages_are_kept_and_removed(broker: &mut Broker) {
        let mut client = broker.connect(connect31("a"));
        client.publish_retained("t", "kept", QoS::ExactlyOnce);
        client.subscribe("t", QoS::AtMostOnce);
        let message = client.expect_publish();
        assert_eq!(
            (&*message.payload, message.retain, message.qos),
            (b"kept".as_slice(), true, QoS::AtMostOnce)
        );
        client.publish_retained("t", "", QoS::AtLeastOnce);
        assert_eq!(client.expect_publish().payload, b"");
        client.subscribe("t", QoS::AtMostOnce);
        client.expect_nothing();
    }

    /// 3.1 asks for 1 to 23 characters; longer ones harm nobody and are common.
    fn mqtt31_an_identifier_has_at_least_one_character(broker: &mut Broker) {
        for flags in [0x00, 0x02] {
            expect_return_code(broker, &RawConnect { flags, ..RawConnect::v31("") }.bytes(), 2);
        }
        for length in [1, 23, 24, 200] {
            broker.connect(connect31(&"i".repeat(length)));
        }
    }

    /// DUP, QoS and RETAIN are "not used" in CONNECT (section 3.1).
    fn mqtt31_the_flags_of_connect_are_ignored(broker: &mut Broker) {
        for flags in 0..16 {
            let mut client = broker.open();
            client.send_bytes(&RawConnect { first: 0x10 | flags, ..RawConnect::v31("a") }.bytes());
            assert_eq!(client.receive_raw(), [0x20, 2, 0, 0], "flags {flags:#06b}");
        }
        let mut client = broker.open();
        client.send_bytes(&RawConnect { first: 0x14, ..RawConnect::v311("a") }.bytes());
        client.expect_closed();
    }

    fn mqtt31_a_level_of_another_version_gets_return_code_1(broker: &mut Broker) {
        for level in [0, 1, 2, 4, 5] {
            let bytes = RawConnect { level, ..RawConnect::v31("a") }.bytes();
            expect_return_code(broker, &bytes, 1);
        }
    }

    fn mqtt31_a_takeover_closes_the_older_connection(broker: &mut Broker) {
        let mut old = broker.connect(connect31("a"));
        let mut new = broker.connect(connect31("a"));
        old.expect_closed();
        new.barrier();
    }

    fn mqtt31_a_second_connect_closes_the_connection(broker: &mut Broker) {
        let mut client = broker.connect(connect31("a"));
        client.send(&connect31("a").packet());
        client.expect_closed();
    }

    /// 3.1 lets a client mark a repeated SUBSCRIBE, UNSUBSCRIBE and PUBREL with DUP.
    fn mqtt31_dup_on_subscribe_unsubscribe_and_pubrel_is_tolerated(broker: &mut Broker) {
        let mut client = broker.connect(connect31("a"));
        let filter = string("t");
        client.send_bytes(&raw::packet(0x8a, &[&[0, 1][..], &filter, &[1]].concat()));
        assert_eq!(client.receive_raw(), [0x90, 3, 0, 1, 1]);
        client.send_bytes(&raw::packet(0xaa, &[&[0, 2][..], &filter].concat()));
        assert_eq!(client.receive_raw(), [0xb0, 2, 0, 2]);
        client.send(&publish("other").qos2(3).packet());
        client.expect_pubrec(3);
        client.send_bytes(&[0x6a, 2, 0, 3]);
        assert_eq!(client.receive_raw(), [0x70, 2, 0, 3]);
    }

    fn mqtt31_other_wrong_flags_close_the_connection(broker: &mut Broker) {
        let subscribe = [&[0, 1][..], &string("t"), &[0]].concat();
        for flags in (0..16).filter(|flags| ![2, 10].contains(flags)) {
            for packet in [raw::packet(0x80 | flags, &subscribe), raw::packet(0x60 | flags, &[0, 1])] {
                let mut client = broker.connect(connect31("a"));
                client.send_bytes(&packet);
                assert_eq!(client.receive_raw_or_closed(), None, "the answer to {packet:02x?}");
            }
        }
    }

    fn mqtt31_silence_of_one_and_a_half_keep_alives_ends_the_connection(broker: &mut Broker) {
        let mut client = broker.connect(connect31("a").keep_alive(1));
        broker.advance(Duration::from_secs(2));
        client.expect_closed();
    }

    /// A client that comes back with a younger version finds its Session.
    fn mqtt31_a_session_is_the_same_in_every_version(broker: &mut Broker) {
        let mut client = broker.connect(connect31("a").clean_start(false));
        client.subscribe("t", QoS::ExactlyOnce);
        client.disconnect();
        let mut publisher = broker.connect(connect31("publisher"));
        publisher.publish("t", "one", QoS::AtLeastOnce);
        broker.settle();
        let (mut client, connack) = broker.connect_full(connect311("a").clean_start(false));
        assert!(connack.session_present);
        assert_eq!(client.expect_publish().payload, b"one");
        client.disconnect();
        publisher.publish("t", "two", QoS::ExactlyOnce);
        broker.settle();
        let mut client = broker.connect(connect31("a").clean_start(false));
        let (one, two) = (client.expect_publish(), client.expect_publish());
        assert_eq!((&*one.payload, one.dup), (b"one".as_slice(), true));
        assert_eq!((&*two.payload, two.dup), (b"two".as_slice(), false));
    }
}

statements_with! {
    |setup| { setup.access = true; }

    fn mqtt31_refusals_have_their_return_codes(broker: &mut Broker) {
        for (user, code) in [("wrong", 4), ("nobody", 5), ("slowly-refused", 5)] {
            let payload = [string("a"), string(user)].concat();
            let bytes = RawConnect { flags: 0x82, payload, ..RawConnect::v31("") }.bytes();
            expect_return_code(broker, &bytes, code);
        }
        expect_return_code(broker, &RawConnect::v31("invalid one").bytes(), 2);
    }
}
