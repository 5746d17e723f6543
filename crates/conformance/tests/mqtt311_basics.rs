//! MQTT 3.1.1, chapters 1 and 2: strings, the fixed header, Packet Identifiers.

use conformance::prelude::*;

/// Bytes that are no UTF-8: a surrogate, a lone continuation, an overlong `/`, a character cut short, a byte
/// that never occurs, and a number beyond the last character.
const ILL_FORMED: [&[u8]; 6] =
    [b"\xed\xa0\x80", b"a\x80", b"\xc0\xaf", b"a\xe2\x82", b"\xff", b"\xf4\x90\x80\x80"];

/// Every packet of a connected client that holds a string, with these bytes as the string.
fn packets_with_string(text: &[u8]) -> [Vec<u8>; 4] {
    let string = raw::string(text);
    let id = [0, 1];
    [
        raw::packet(0x30, &string),
        raw::packet(0x32, &[&string[..], &id].concat()),
        raw::packet(0x82, &[&id[..], &string, &[0]].concat()),
        raw::packet(0xa2, &[&id[..], &string].concat()),
    ]
}

/// Every CONNECT that has these bytes as one of its strings: Client Identifier, Will Topic, User Name.
fn connects_with_string(text: &[u8]) -> [Vec<u8>; 3] {
    let string = raw::string(text);
    let id = raw::string("a");
    let good = raw::RawConnect::v311("a");
    let will = [&id[..], &string, &raw::string("gone")].concat();
    let user = [&id[..], &string].concat();
    [
        raw::RawConnect { payload: string, ..good.clone() }.bytes(),
        raw::RawConnect { flags: 0x06, payload: will, ..good.clone() }.bytes(),
        raw::RawConnect { flags: 0x82, payload: user, ..good }.bytes(),
    ]
}

/// Sends each packet on a connection of its own, which has to end without a word.
fn expect_each_closes(broker: &mut Broker, packets: impl IntoIterator<Item = Vec<u8>>) {
    for packet in packets {
        let mut client = broker.connect(connect311("a"));
        client.send_bytes(&packet);
        assert_eq!(client.receive_raw_or_closed(), None, "the answer to {packet:02x?}");
    }
}

/// Opens a connection with each packet, which has to end without a CONNACK.
fn expect_each_is_no_connect(broker: &mut Broker, packets: impl IntoIterator<Item = Vec<u8>>) {
    for packet in packets {
        let mut client = broker.open();
        client.send_bytes(&packet);
        assert_eq!(client.receive_raw_or_closed(), None, "the answer to {packet:02x?}");
    }
}

statements! {
    fn mqtt311_1_5_3_1_a_string_that_is_no_utf8_closes_the_connection(broker: &mut Broker) {
        for text in ILL_FORMED {
            expect_each_closes(broker, packets_with_string(text));
            expect_each_is_no_connect(broker, connects_with_string(text));
        }
    }

    fn mqtt311_1_5_3_2_a_null_character_closes_the_connection(broker: &mut Broker) {
        for text in [b"\0".as_slice(), b"a\0", b"\0a", b"a/\0/b"] {
            expect_each_closes(broker, packets_with_string(text));
            expect_each_is_no_connect(broker, connects_with_string(text));
        }
    }

    fn mqtt311_1_5_3_3_a_byte_order_mark_is_a_character_and_stays(broker: &mut Broker) {
        let topic = "\u{feff}a/b\u{feff}c/d\u{feff}";
        let mut with = broker.connect(connect311("with"));
        let mut without = broker.connect(connect311("without"));
        let mut publisher = broker.connect(connect311("publisher"));
        with.subscribe(topic, QoS::AtLeastOnce);
        without.subscribe("a/bc/d", QoS::AtLeastOnce);

        publisher.publish(topic, "marked", QoS::AtLeastOnce);
        publisher.publish("a/bc/d", "plain", QoS::AtLeastOnce);
        broker.settle();

        let marked = with.expect_publish();
        assert_eq!((marked.topic.as_bytes(), &*marked.payload), (topic.as_bytes(), b"marked".as_slice()));
        assert_eq!(without.expect_publish().payload, b"plain");
        with.expect_nothing();
        without.expect_nothing();
    }

    /// Covers: MQTT311-2.2.2-1
    fn mqtt311_2_2_2_1_the_broker_sends_the_flags_of_the_table(broker: &mut Broker) {
        let mut client = broker.open();
        client.send(&connect311("a").packet());
        assert_eq!(client.receive_raw()[0], 0x20, "CONNACK");
        client.send(&subscribe(1).filter("t", QoS::ExactlyOnce).packet());
        assert_eq!(client.receive_raw()[0], 0x90, "SUBACK");
        client.send(&Packet::PingReq);
        assert_eq!(client.receive_raw()[0], 0xd0, "PINGRESP");
        client.send(&publish("other").qos1(2).packet());
        assert_eq!(client.receive_raw()[0], 0x40, "PUBACK");
        client.send(&publish("other").qos2(3).packet());
        assert_eq!(client.receive_raw()[0], 0x50, "PUBREC");
        client.send(&pubrel(3).packet());
        assert_eq!(client.receive_raw()[0], 0x70, "PUBCOMP");

        broker.connect(connect311("publisher")).publish("t", "m", QoS::ExactlyOnce);
        let message = client.expect_publish();
        client.send(&pubrec(message.id).packet());
        assert_eq!(client.receive_raw()[0], 0x62, "PUBREL");
        client.send(&pubcomp(message.id).packet());
        client.send(&unsubscribe(4).filter("t").packet());
        assert_eq!(client.receive_raw()[0], 0xb0, "UNSUBACK");
    }

    fn mqtt311_2_2_2_2_wrong_flags_close_the_connection(broker: &mut Broker) {
        let filter = raw::string("a");
        let subscribe = [&[0, 1][..], &filter, &[0]].concat();
        let unsubscribe = [&[0, 1][..], &filter].concat();
        let bodies: [(u8, u8, &[u8]); 8] = [
            (0x40, 0, &[0, 1]),
            (0x50, 0, &[0, 1]),
            (0x60, 2, &[0, 1]),
            (0x70, 0, &[0, 1]),
            (0x80, 2, &subscribe),
            (0xa0, 2, &unsubscribe),
            (0xc0, 0, &[]),
            (0xe0, 0, &[]),
        ];
        for (kind, right, body) in bodies {
            let wrong = (0..16).filter(|flags| *flags != right);
            expect_each_closes(broker, wrong.map(|flags| raw::packet(kind | flags, body)));
        }
        let connects =
            (1..16).map(|flags| raw::RawConnect { first: 0x10 | flags, ..raw::RawConnect::v311("a") });
        expect_each_is_no_connect(broker, connects.map(|connect| connect.bytes()));
    }

    fn mqtt311_2_3_1_1_packet_identifier_zero_closes_the_connection(broker: &mut Broker) {
        let topic = raw::string("a");
        expect_each_closes(
            broker,
            [
                raw::packet(0x32, &[&topic[..], &[0, 0]].concat()),
                raw::packet(0x34, &[&topic[..], &[0, 0]].concat()),
                raw::packet(0x82, &[&[0, 0][..], &topic, &[0]].concat()),
                raw::packet(0xa2, &[&[0, 0][..], &topic].concat()),
            ],
        );
    }

    /// Covers: MQTT311-2.3.1-1, MQTT311-2.3.1-2, MQTT311-2.3.1-4
    fn mqtt311_2_3_1_4_unfinished_deliveries_have_different_identifiers_until_they_end(broker: &mut Broker) {
        let mut subscriber = broker.connect(connect311("subscriber"));
        let mut publisher = broker.connect(connect311("publisher"));
        subscriber.subscribe("t/#", QoS::ExactlyOnce);
        let mut in_use: Vec<OwnedPublish> = Vec::new();
        for round in 0..40 {
            let qos = if round % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
            publisher.publish("t/x", [round], qos);
            let message = subscriber.expect_publish();
            assert_eq!((message.qos, &*message.payload), (qos, [round].as_slice()));
            assert_ne!(message.id, 0);
            assert!(in_use.iter().all(|other| other.id != message.id), "{message:?} and {in_use:?}");
            in_use.push(message);
            // Sometimes the oldest ends, sometimes the newest, and then all.
            match round % 10 {
                3 => subscriber.acknowledge(&in_use.remove(0)),
                6 => subscriber.acknowledge(&in_use.pop().expect("seven are in use")),
                9 => in_use.drain(..).for_each(|message| subscriber.acknowledge(&message)),
                _ => {}
            }
        }
        subscriber.expect_nothing();
    }

    /// Covers: MQTT311-2.3.1-3, MQTT311-2.3.1-4
    fn mqtt311_2_3_1_4_a_repeat_keeps_its_identifier(broker: &mut Broker) {
        let connect = connect311("subscriber").clean_start(false);
        let mut subscriber = broker.connect(connect.clone());
        subscriber.subscribe("t", QoS::ExactlyOnce);
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("t", "one", QoS::AtLeastOnce);
        publisher.publish("t", "two", QoS::ExactlyOnce);
        let first = [subscriber.expect_publish(), subscriber.expect_publish()];
        subscriber.drop_connection();

        let mut subscriber = broker.connect(connect);
        let again = [subscriber.expect_publish(), subscriber.expect_publish()];
        for (first, again) in first.iter().zip(&again) {
            assert_eq!((first.id, &first.payload), (again.id, &again.payload));
        }
    }

    fn mqtt311_2_3_1_4_identifiers_begin_anew_without_0_and_those_in_use(broker: &mut Broker) {
        let mut subscriber = broker.connect(connect311("subscriber"));
        subscriber.subscribe("t", QoS::AtLeastOnce);
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("t", "never acknowledged", QoS::AtLeastOnce);
        let in_use = subscriber.expect_publish().id;
        let mut times_used = vec![0; 1 << 16];
        for _ in 0..140 {
            for id in 1..=500 {
                publisher.send(&publish("t").qos1(id).packet());
            }
            for message in subscriber.take(500) {
                times_used[usize::from(message.id)] += 1;
            }
        }
        publisher.drain();
        // 70,000 messages went round the 65,534 identifiers that are left.
        assert_eq!(times_used[0], 0);
        assert_eq!(times_used[usize::from(in_use)], 0);
        assert_eq!(times_used.iter().filter(|times| **times > 1).count(), 70_000 - 65_534);
    }

    fn mqtt311_2_3_1_5_qos_0_has_no_packet_identifier(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        client.subscribe("t", QoS::ExactlyOnce);
        // What would be the identifier is the payload already.
        let bytes = [0x30, 5, 0, 1, b't', 0x12, 0x34];
        client.send_bytes(&bytes);
        assert_eq!(client.receive_raw(), bytes);
    }

    fn mqtt311_2_3_1_6_acknowledgements_repeat_the_identifier(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        for [high, low] in [[0, 1], [0x12, 0x34], [0xff, 0xff]] {
            client.send_bytes(&[0x32, 5, 0, 1, b't', high, low]);
            assert_eq!(client.receive_raw(), [0x40, 2, high, low]);
            client.send_bytes(&[0x34, 5, 0, 1, b't', high, low]);
            assert_eq!(client.receive_raw(), [0x50, 2, high, low]);
            client.send_bytes(&[0x62, 2, high, low]);
            assert_eq!(client.receive_raw(), [0x70, 2, high, low]);
        }
        client.subscribe("t", QoS::ExactlyOnce);
        broker.connect(connect311("publisher")).publish("t", "m", QoS::ExactlyOnce);
        let message = client.expect_publish();
        client.send(&pubrec(message.id).packet());
        let [high, low] = message.id.to_be_bytes();
        assert_eq!(client.receive_raw(), [0x62, 2, high, low]);
    }

    fn mqtt311_2_3_1_7_suback_and_unsuback_repeat_the_identifier(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        for [high, low] in [[0, 1], [0x12, 0x34], [0xff, 0xff]] {
            client.send_bytes(&[0x82, 6, high, low, 0, 1, b't', 1]);
            assert_eq!(client.receive_raw(), [0x90, 3, high, low, 1]);
            client.send_bytes(&[0xa2, 5, high, low, 0, 1, b't']);
            assert_eq!(client.receive_raw(), [0xb0, 2, high, low]);
        }
    }
}
