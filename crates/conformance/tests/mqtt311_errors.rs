//! MQTT 3.1.1, section 4.8: what happens on errors.

use conformance::prelude::*;
use conformance::raw::string;

/// Packets that no client may send on a connection, whatever they hold.
fn violations() -> Vec<Vec<u8>> {
    let mut violations = vec![
        // Packet types 0 and 15 are reserved.
        vec![0x00, 0],
        vec![0x0f, 0],
        vec![0xf0, 0],
        vec![0xf0, 2, 0, 0],
        // These are sent by brokers only.
        vec![0x20, 2, 0, 0],
        vec![0x90, 3, 0, 1, 0],
        vec![0xb0, 2, 0, 1],
        vec![0xd0, 0],
        // A Remaining Length of more than four bytes.
        vec![0x30, 0x80, 0x80, 0x80, 0x80, 0x01],
        vec![0xc0, 0xff, 0xff, 0xff, 0xff, 0x7f],
        // A PUBLISH that ends within its identifier.
        raw::packet(0x32, &string("t")),
        raw::packet(0x34, &[string("t"), vec![0]].concat()),
        raw::encode(ProtocolVersion::Mqtt311, &connect311("a").packet()),
    ];
    // The formats of 5.0 are none of 3.1.1.
    violations.push(raw::encode(ProtocolVersion::Mqtt5, &subscribe(1).filter("t", QoS::AtMostOnce).packet()));
    violations.push(raw::encode(ProtocolVersion::Mqtt5, &unsubscribe(1).filter("t").packet()));
    violations.push(raw::encode(ProtocolVersion::Mqtt5, &auth(ReasonCode::ReAuthenticate).packet()));
    violations
}

statements! {
    fn mqtt311_4_8_0_1_a_violation_closes_its_connection_and_no_other(broker: &mut Broker) {
        let mut bystander = broker.connect(connect311("bystander"));
        bystander.subscribe("t", QoS::AtLeastOnce);
        for bytes in violations() {
            let mut client = broker.connect(connect311("a"));
            client.send_bytes(&bytes);
            assert_eq!(client.receive_raw_or_closed(), None, "the answer to {bytes:02x?}");
            bystander.barrier();
        }
        broker.connect(connect311("publisher")).publish("t", "still served", QoS::AtLeastOnce);
        assert_eq!(bystander.expect_publish().payload, b"still served");
    }

    fn mqtt311_4_8_0_1_what_came_before_a_violation_counts_and_nothing_behind(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("t", QoS::AtMostOnce);
        let mut client = broker.connect(connect311("a"));
        client.send_bytes(b"\x30\x09\x00\x01tbefore\x31\x00\x30\x09\x00\x01tbehind");
        client.expect_closed();
        broker.settle();
        assert_eq!(watcher.expect_publish().payload, b"before");
        watcher.expect_nothing();
    }

    fn mqtt311_4_8_0_1_a_violation_keeps_the_session(broker: &mut Broker) {
        let connect = connect311("a").clean_start(false);
        let mut client = broker.connect(connect.clone());
        client.subscribe("t", QoS::AtLeastOnce);
        client.send_bytes(&[0x00, 0]);
        client.expect_closed();
        broker.connect(connect311("publisher")).publish("t", "m", QoS::AtLeastOnce);
        let (mut client, connack) = broker.connect_full(connect);
        assert!(connack.session_present);
        assert_eq!(client.expect_publish().payload, b"m");
    }

    fn mqtt311_4_8_0_1_an_acknowledgement_of_another_kind_is_a_violation(broker: &mut Broker) {
        let mut publisher = broker.connect(connect311("publisher"));
        for (qos, wrong) in [
            (QoS::AtLeastOnce, pubrec(1)),
            (QoS::AtLeastOnce, pubcomp(1)),
            (QoS::ExactlyOnce, puback(1)),
            (QoS::ExactlyOnce, pubcomp(1)),
        ] {
            let mut client = broker.connect(connect311("a"));
            client.subscribe("t", qos);
            publisher.publish("t", "m", qos);
            assert_eq!(client.expect_publish().id, 1);
            client.send(&wrong.packet());
            client.expect_closed();
        }
    }

    /// Rubbish of any kind, before and behind CONNECT.
    fn mqtt311_4_8_0_1_random_bytes_do_no_harm(broker: &mut Broker) {
        let mut random = conformance::random::Random::new(311);
        let mut bystander = broker.connect(connect311("bystander"));
        for round in 0..200 {
            let length = 1 + random.below(40);
            let bytes = random.bytes(length);
            let mut client =
                if round % 2 == 0 { broker.open() } else { broker.connect(connect311("a").will("w", b"")) };
            client.send_bytes(&bytes);
            client.drop_connection();
            bystander.barrier();
        }
    }
}

statements_with! {
    |setup| { setup.limits.packet_size_bytes_max = 1_000; }

    /// What the broker cannot take ends the connection, or it would be lost without a word.
    fn mqtt311_4_8_0_2_a_packet_too_large_closes_its_connection_and_no_other(broker: &mut Broker) {
        let mut watcher = broker.connect(connect311("watcher"));
        watcher.subscribe("t", QoS::AtMostOnce);
        let mut client = broker.connect(connect311("a").clean_start(false));
        // The fixed header takes 3 bytes, topic and identifier 5.
        client.publish("t", [b'x'; 1_000 - 8], QoS::AtLeastOnce);
        assert_eq!(watcher.expect_publish().payload.len(), 1_000 - 8);
        client.send(&publish("t").payload(&[b'x'; 1_000 - 7]).qos1(1).packet());
        client.expect_closed();
        broker.settle();
        watcher.expect_nothing();
        let (mut client, connack) = broker.connect_full(connect311("a").clean_start(false));
        assert!(connack.session_present);
        // The header alone tells it: the broker does not wait for the rest.
        client.send_bytes(&[0x30, 0xff, 0xff, 0xff, 0x7f]);
        client.expect_closed();
    }
}
