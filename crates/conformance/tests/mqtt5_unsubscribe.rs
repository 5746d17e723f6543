//! Chapters 3.10 and 3.11 of MQTT 5.0: UNSUBSCRIBE and UNSUBACK.

use conformance::extra::texts;
use conformance::prelude::*;

/// An UNSUBSCRIBE in bytes, with this payload of filters.
fn unsubscribe_bytes(payload: &[u8]) -> Vec<u8> {
    raw::packet(0xA2, &[&[0, 1, 0][..], payload].concat())
}

const DELETED: ReasonCode = ReasonCode::Success;
const NONE: ReasonCode = ReasonCode::NoSubscriptionExisted;

statements! {
    fn mqtt5_3_10_1_1_an_unsubscribe_with_other_flags_is_malformed(broker: &mut Broker) {
        for flags in (0..16).filter(|flags| *flags != 0b0010) {
            let mut client = broker.connect(connect5(&format!("client-{flags}")));
            let mut bytes = unsubscribe_bytes(&raw::string("a"));
            bytes[0] = 0xA0 | flags;
            client.send_bytes(&bytes);
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
    }

    fn mqtt5_3_10_3_1_a_filter_that_is_no_utf8_is_malformed(broker: &mut Broker) {
        for bad in [&b"\xff"[..], b"a/\xc3", b"\xc0\x80", b"\xed\xa0\x80"] {
            let mut client = broker.connect(connect5("a"));
            client.send_bytes(&unsubscribe_bytes(&raw::string(bad)));
            client.expect_disconnect(ReasonCode::MalformedPacket);
        }
    }

    fn mqtt5_3_10_3_2_an_unsubscribe_without_filters_is_a_protocol_error(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send_bytes(&unsubscribe_bytes(&[]));
        client.expect_disconnect(ReasonCode::ProtocolError);
    }

    /// Covers: MQTT-3.10.4-1, s3.11.3
    fn mqtt5_3_10_4_1_filters_are_compared_character_by_character(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("a/+", QoS::AtMostOnce);
        client.subscribe("$share/group/b", QoS::AtMostOnce);
        client.subscribe("caf\u{e9}", QoS::AtMostOnce);
        let others =
            ["a/b", "a/#", "a/+/", "/a/+", "A/+", "a", "#", "b", "$share/other/b", "cafe\u{301}", "cafe"];
        for filter in others {
            assert_eq!(client.unsubscribe(filter), [NONE], "{filter}");
        }
        let mut publisher = broker.connect(connect5("b"));
        for topic in ["a/b", "b", "caf\u{e9}"] {
            publisher.publish(topic, topic, QoS::AtMostOnce);
            assert_eq!(client.expect_publish().topic, topic);
        }
        for filter in ["a/+", "$share/group/b", "caf\u{e9}"] {
            assert_eq!(client.unsubscribe(filter), [DELETED], "{filter}");
            assert_eq!(client.unsubscribe(filter), [NONE], "{filter} for the second time");
        }
    }

    fn mqtt5_3_10_4_2_after_unsubscribe_no_new_messages_are_added(broker: &mut Broker) {
        let mut publisher = broker.connect(connect5("publisher"));
        for filter in ["a/b", "a/+", "a/#", "#", "$share/group/a/b", "$share/group/#"] {
            let mut client = broker.connect(connect5("a"));
            client.subscribe(filter, QoS::AtLeastOnce);
            publisher.publish("a/b", "before", QoS::AtLeastOnce);
            assert_eq!(texts(&client.take(1)), ["before"], "{filter}");
            assert_eq!(client.unsubscribe(filter), [DELETED], "{filter}");
            publisher.publish("a/b", "after", QoS::AtLeastOnce);
            publisher.publish("a/b", "after", QoS::AtMostOnce);
            broker.settle();
            client.expect_nothing();
        }
    }

    fn mqtt5_3_10_4_2_other_filters_for_the_same_topic_stay(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for filter in ["a/b", "a/+", "$share/group/a/b"] {
            client.subscribe(filter, QoS::AtMostOnce);
        }
        client.unsubscribe("a/b");
        client.unsubscribe("$share/group/a/b");
        broker.connect(connect5("b")).publish("a/b", "x", QoS::AtMostOnce);
        broker.settle();
        assert_eq!(texts(&client.drain_publishes()), ["x"]);
    }

    fn mqtt5_3_10_4_3_deliveries_begun_are_finished(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("a", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect5("b"));
        publisher.publish("a", "one", QoS::AtLeastOnce);
        publisher.publish("a", "two", QoS::ExactlyOnce);
        let one = client.expect_publish();
        let two = client.expect_publish();
        assert_eq!(client.unsubscribe("a"), [DELETED]);
        client.send(&puback(one.id).packet());
        client.send(&pubrec(two.id).packet());
        assert_eq!(client.expect_pubrel(two.id).reason, ReasonCode::Success);
        client.send(&pubcomp(two.id).packet());
        client.expect_nothing();
    }

    fn mqtt5_3_10_4_3_deliveries_begun_are_finished_on_the_next_connection(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").session_expiry(100));
        client.subscribe("a", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect5("b"));
        publisher.publish("a", "one", QoS::AtLeastOnce);
        publisher.publish("a", "two", QoS::ExactlyOnce);
        let begun = [client.expect_publish().id, client.expect_publish().id];
        client.unsubscribe("a");
        client.drop_connection();
        let mut client = broker.connect(connect5("a").session_expiry(100).clean_start(false));
        let again = client.take(2);
        assert_eq!(texts(&again), ["one", "two"]);
        assert_eq!([again[0].id, again[1].id], begun);
        client.expect_nothing();
    }

    /// Covers: MQTT-3.10.4-4, MQTT-3.10.4-5
    fn mqtt5_3_10_4_4_each_unsubscribe_gets_an_unsuback_with_its_identifier(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("a", QoS::AtMostOnce);
        for id in [1, 2, 256, 65_535] {
            client.send(&unsubscribe(id).filter("a").packet());
        }
        for id in [1, 2, 256, 65_535] {
            assert_eq!(client.expect_unsuback_of(id), [if id == 1 { DELETED } else { NONE }]);
        }
        client.expect_nothing();
    }

    /// Covers: MQTT-3.10.4-6, MQTT-3.11.3-1, MQTT-3.11.3-2, s3.11.3
    fn mqtt5_3_11_3_1_several_filters_share_one_unsuback_with_a_code_for_each_in_order(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for filter in ["a", "c/#", "$share/group/d", "stays"] {
            client.subscribe(filter, QoS::AtMostOnce);
        }
        let packet = unsubscribe(7).filter("a").filter("b").filter("c/#").filter("$share/group/d").filter("a");
        client.send(&packet.packet());
        assert_eq!(client.expect_unsuback_of(7), [DELETED, NONE, DELETED, DELETED, NONE]);
        let mut publisher = broker.connect(connect5("b"));
        for topic in ["a", "c/x", "d", "stays"] {
            publisher.publish(topic, topic, QoS::AtLeastOnce);
        }
        broker.settle();
        assert_eq!(texts(&client.drain_publishes()), ["stays"]);
    }

    /// Covers: MQTT-3.11.2-1, MQTT-3.11.2-2
    fn mqtt5_3_11_2_1_unsuback_fits_a_tiny_maximum_packet_size(broker: &mut Broker) {
        let (mut client, bytes_max) = broker.connect_tight(connect5("a"));
        let long = "x".repeat(300);
        client.send(&unsubscribe(1).filter(&long).property(Property::UserProperty("why", &long)).packet());
        let unsuback = client.receive_raw();
        assert!(unsuback.len() <= bytes_max, "{unsuback:02x?}");
        assert_eq!((unsuback[0], &unsuback[2..4], unsuback.last()), (0xB0, &[0, 1][..], Some(&0x11)));
        client.barrier();
    }
}
