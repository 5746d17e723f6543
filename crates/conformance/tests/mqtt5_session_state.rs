//! Chapters 4.1 and 4.2 of MQTT 5.0: Session State, and the network connection.

use conformance::prelude::*;

statements! {
    fn mqtt5_4_1_0_1_session_state_stays_while_the_connection_is_open(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").session_expiry(1));
        let mut without_expiry = broker.connect(connect5("b"));
        let mut publisher = broker.connect(connect5("c"));
        for client in [&mut client, &mut without_expiry] {
            client.subscribe("a", QoS::ExactlyOnce);
            client.send(&publish("elsewhere").qos2(1).packet());
            client.expect_pubrec(1);
        }
        broker.advance(Duration::from_millis(1500));
        publisher.publish("a", "x", QoS::ExactlyOnce);
        for client in [&mut client, &mut without_expiry] {
            assert_eq!(client.take(1)[0].payload, b"x");
            client.send(&pubrel(1).packet());
            assert_eq!(client.expect_pubcomp(1).reason, ReasonCode::Success);
        }
    }

    fn mqtt5_4_1_0_2_session_state_goes_when_the_expiry_interval_is_over(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").session_expiry(1));
        client.subscribe("a", QoS::AtLeastOnce);
        client.disconnect();
        broker.advance(Duration::from_millis(1800));
        let (mut client, connack) = broker.connect_full(connect5("a").clean_start(false));
        assert!(!connack.session_present);
        broker.connect(connect5("b")).publish("a", "x", QoS::AtLeastOnce);
        broker.settle();
        client.expect_nothing();
    }

    fn mqtt5_4_1_0_2_without_an_expiry_interval_session_state_goes_with_the_connection(broker: &mut Broker) {
        for connect in [connect5("a"), connect5("a").session_expiry(0), connect311("a")] {
            let mut client = broker.connect(connect);
            client.subscribe("a", QoS::AtLeastOnce);
            client.drop_connection();
            let (mut client, connack) = broker.connect_full(connect5("a").clean_start(false));
            assert!(!connack.session_present);
            broker.connect(connect5("b")).publish("a", "x", QoS::AtLeastOnce);
            broker.settle();
            client.expect_nothing();
            client.disconnect();
        }
    }

    fn mqtt5_4_2_0_1_bytes_may_come_in_any_pieces(broker: &mut Broker) {
        let mut client = broker.open();
        let packets = [
            connect5("a").packet(),
            subscribe(1).filter("a", QoS::AtMostOnce).packet(),
            publish("a").payload(b"first").packet(),
            publish("a").payload(b"second").qos1(2).packet(),
            Packet::PingReq,
        ]
        .iter()
        .flat_map(|packet| raw::encode(ProtocolVersion::Mqtt5, packet))
        .collect::<Vec<u8>>();
        for byte in packets {
            client.send_bytes(&[byte]);
            if broker.transport() == conformance::Transport::Memory {
                broker.settle();
            }
        }
        client.expect_connack();
        client.expect_suback_of(1);
        let received: Vec<OwnedPacket> = (0..4).map(|_| client.receive()).collect();
        let payloads: Vec<&[u8]> = received
            .iter()
            .filter_map(|packet| match packet {
                OwnedPacket::Publish(publish) => Some(&publish.payload[..]),
                _ => None,
            })
            .collect();
        assert_eq!(payloads, [&b"first"[..], b"second"]);
        assert!(received.iter().any(|packet| matches!(packet, OwnedPacket::PubAck(ack) if ack.id == 2)));
        assert!(received.contains(&OwnedPacket::PingResp));
    }

    fn mqtt5_4_2_0_1_bytes_are_neither_lost_nor_reordered(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("a", QoS::AtMostOnce);
        let mut random = conformance::random::Random::new(4);
        let mut sent = vec![];
        let mut bytes = vec![];
        for _ in 0..200 {
            let length = 1 + random.below(2000);
            let payload = random.bytes(length);
            bytes.extend(raw::encode(ProtocolVersion::Mqtt5, &publish("a").payload(&payload).packet()));
            sent.push(payload);
        }
        let mut publisher = broker.connect(connect5("b"));
        for piece in bytes.chunks(7_001) {
            publisher.send_bytes(piece);
        }
        for payload in sent {
            assert_eq!(client.expect_publish().payload, payload);
        }
    }
}

statements_in_memory! {
    fn mqtt5_4_1_0_1_session_state_stays_during_long_connections(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").session_expiry(10));
        client.subscribe("a", QoS::ExactlyOnce);
        broker.advance(Duration::from_hours(1));
        client.barrier();
        broker.advance(Duration::from_hours(1));
        broker.connect(connect5("b")).publish("a", "x", QoS::AtLeastOnce);
        assert_eq!(client.take(1)[0].payload, b"x");
        client.disconnect();
        broker.advance(Duration::from_secs(8));
        let (_, connack) = broker.connect_full(connect5("a").session_expiry(10).clean_start(false));
        assert!(connack.session_present, "the interval begins when the connection ends");
    }

    fn mqtt5_4_1_0_2_the_interval_begins_anew_with_each_end_of_a_connection(broker: &mut Broker) {
        broker.connect(connect5("a").session_expiry(10)).disconnect();
        for _ in 0..5 {
            broker.advance(Duration::from_secs(8));
            let (mut client, connack) =
                broker.connect_full(connect5("a").session_expiry(10).clean_start(false));
            assert!(connack.session_present);
            client.drop_connection();
        }
        broker.advance(Duration::from_secs(12));
        let (_, connack) = broker.connect_full(connect5("a").session_expiry(10).clean_start(false));
        assert!(!connack.session_present);
    }

    fn mqtt5_4_1_0_2_the_largest_interval_never_ends(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").session_expiry(u32::MAX));
        client.subscribe("a", QoS::AtLeastOnce);
        client.disconnect();
        broker.advance(Duration::from_hours(24 * 10));
        broker.connect(connect5("b")).publish("a", "x", QoS::AtLeastOnce);
        let (mut client, connack) = broker.connect_full(connect5("a").clean_start(false));
        assert!(connack.session_present);
        assert_eq!(client.take(1)[0].payload, b"x");
    }
}
