//! MQTT 3.1.1, sections 3.10 and 3.11: UNSUBSCRIBE and UNSUBACK.

use conformance::prelude::*;
use conformance::raw::string;

/// Sends a packet on a connection of its own, which has to end without a word.
fn expect_closes(broker: &mut Broker, packet: &[u8]) {
    let mut client = broker.connect(connect311("a"));
    client.send_bytes(packet);
    assert_eq!(client.receive_raw_or_closed(), None, "the answer to {packet:02x?}");
}

/// The bytes of an UNSUBSCRIBE with identifier 1 and this payload.
fn unsubscribe_with(payload: &[u8]) -> Vec<u8> {
    raw::packet(0xa2, &[&[0, 1], payload].concat())
}

statements! {
    fn mqtt311_3_10_1_1_unsubscribe_with_other_flags_closes_the_connection(broker: &mut Broker) {
        let body = [&[0, 1][..], &string("t")].concat();
        for flags in (0..16).filter(|flags| *flags != 2) {
            expect_closes(broker, &raw::packet(0xa0 | flags, &body));
        }
    }

    fn mqtt311_3_10_3_1_a_filter_that_is_no_string_closes_the_connection(broker: &mut Broker) {
        for filter in [b"\xff".as_slice(), b"a/\xed\xa0\x80", b"\xc0\x80"] {
            expect_closes(broker, &unsubscribe_with(&string(filter)));
            expect_closes(broker, &unsubscribe_with(&[string("good"), string(filter)].concat()));
        }
        for payload in [b"\0".as_slice(), b"\0\x03t", b"\0\x01t\0"] {
            expect_closes(broker, &unsubscribe_with(payload));
        }
    }

    fn mqtt311_3_10_3_2_an_unsubscribe_without_filter_closes_the_connection(broker: &mut Broker) {
        expect_closes(broker, &unsubscribe_with(&[]));
        expect_closes(broker, &raw::packet(0xa2, &[]));
        expect_closes(broker, &raw::packet(0xa2, &[0]));
    }

    fn mqtt311_3_10_4_1_filters_are_compared_character_by_character(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        let mut publisher = broker.connect(connect311("publisher"));
        client.subscribe("a/b", QoS::AtLeastOnce);
        let others = ["a/+", "a/#", "#", "+/b", "a", "a/B", "a/b/", "/a/b", "a/b/#", "a//b", "$share/g/a/b"];
        for other in others {
            client.unsubscribe(other);
            publisher.publish("a/b", other, QoS::AtLeastOnce);
            let message = client.expect_publish();
            assert_eq!(message.payload, other.as_bytes());
            client.acknowledge(&message);
        }
        client.unsubscribe("a/b");
        publisher.publish("a/b", "m", QoS::AtLeastOnce);
        broker.settle();
        client.expect_nothing();
    }

    fn mqtt311_3_10_4_1_a_filter_with_wildcards_is_compared_as_text(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        let mut publisher = broker.connect(connect311("publisher"));
        client.subscribe("a/+", QoS::AtLeastOnce);
        client.unsubscribe("a/b");
        client.unsubscribe("+/+");
        publisher.publish("a/b", "m", QoS::AtLeastOnce);
        assert_eq!(client.expect_publish().payload, b"m");
        client.unsubscribe("a/+");
        publisher.publish("a/b", "m", QoS::AtLeastOnce);
        broker.settle();
        client.expect_nothing();
    }

    fn mqtt311_3_10_4_2_a_deleted_subscription_gets_no_new_messages(broker: &mut Broker) {
        let connect = connect311("a").clean_start(false);
        let mut client = broker.connect(connect.clone());
        let mut other = broker.connect(connect311("b"));
        let mut publisher = broker.connect(connect311("publisher"));
        client.subscribe("t", QoS::ExactlyOnce);
        other.subscribe("t", QoS::ExactlyOnce);
        client.unsubscribe("t");
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            publisher.publish("t", "m", qos);
            let message = other.expect_publish();
            other.acknowledge(&message);
        }
        broker.settle();
        client.expect_nothing();
        // Nor does the Session get them while its client is away.
        client.disconnect();
        publisher.publish("t", "m", QoS::ExactlyOnce);
        broker.settle();
        broker.connect(connect).expect_nothing();
    }

    fn mqtt311_3_10_4_3_deliveries_already_begun_are_finished(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        client.subscribe("t", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("t", "one", QoS::ExactlyOnce);
        publisher.publish("t", "two", QoS::ExactlyOnce);
        let (one, two) = (client.expect_publish(), client.expect_publish());
        client.send(&pubrec(one.id).packet());
        client.expect_pubrel(one.id);
        client.unsubscribe("t");
        client.send(&pubcomp(one.id).packet());
        client.send(&pubrec(two.id).packet());
        client.expect_pubrel(two.id);
        client.send(&pubcomp(two.id).packet());
        client.expect_nothing();
    }

    fn mqtt311_3_10_4_3_deliveries_already_begun_are_finished_after_a_network_failure(broker: &mut Broker) {
        let connect = connect311("a").clean_start(false);
        let mut client = broker.connect(connect.clone());
        client.subscribe("t", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("t", "one", QoS::AtLeastOnce);
        publisher.publish("t", "two", QoS::ExactlyOnce);
        let before = [client.expect_publish(), client.expect_publish()];
        client.unsubscribe("t");
        client.drop_connection();
        let mut client = broker.connect(connect);
        for message in before {
            let again = client.expect_publish();
            assert_eq!((again.id, &again.payload, again.dup), (message.id, &message.payload, true));
            client.acknowledge(&again);
        }
        client.expect_nothing();
    }

    fn mqtt311_3_10_4_4_unsubscribe_is_answered_by_unsuback_with_its_identifier(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        client.subscribe("t", QoS::AtMostOnce);
        for id in [1, 255, 256, 0xffff] {
            client.send(&unsubscribe(id).filter("t").packet());
            let [high, low] = id.to_be_bytes();
            assert_eq!(client.receive_raw(), [0xb0, 2, high, low]);
        }
        client.expect_nothing();
    }

    fn mqtt311_3_10_4_5_unsuback_comes_also_when_nothing_was_deleted(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        client.send(&unsubscribe(4).filter("never").filter("subscribed/#").packet());
        assert_eq!(client.receive_raw(), [0xb0, 2, 0, 4]);
        client.expect_nothing();
    }

    fn mqtt311_3_10_4_6_several_filters_act_like_several_packets_with_one_unsuback(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        for filter in ["a", "b/#", "c"] {
            client.subscribe(filter, QoS::AtLeastOnce);
        }
        client.send(&unsubscribe(5).filter("a").filter("unknown").filter("b/#").packet());
        assert_eq!(client.receive_raw(), [0xb0, 2, 0, 5]);
        let mut publisher = broker.connect(connect311("publisher"));
        for topic in ["a", "b/x", "c"] {
            publisher.publish(topic, "m", QoS::AtLeastOnce);
        }
        broker.settle();
        assert_eq!(client.expect_publish().topic, "c");
        client.expect_nothing();
    }
}
