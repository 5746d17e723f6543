//! MQTT 5.0, section 3.1: Clean Start, what a Session keeps, and Keep Alive.

use conformance::prelude::*;

/// A CONNECT that goes on with a stored Session and keeps it.
fn resume(id: &str) -> conformance::build::ConnectBuilder<'_> {
    connect5(id).clean_start(false).session_expiry(100)
}

statements! {
    /// Covers: MQTT-3.2.2-2
    fn mqtt5_3_1_2_4_clean_start_throws_the_session_away(broker: &mut Broker) {
        let mut sender = broker.connect(connect5("sender"));
        let mut client = broker.connect(resume("a"));
        client.subscribe("t", QoS::ExactlyOnce);
        sender.publish("t", "in flight", QoS::AtLeastOnce);
        client.expect_publish();
        client.drop_connection();
        sender.publish("t", "queued", QoS::AtLeastOnce);
        let (mut client, connack) = broker.connect_full(connect5("a").session_expiry(100));
        assert!(!connack.session_present);
        sender.publish("t", "not subscribed", QoS::AtLeastOnce);
        broker.settle();
        client.expect_nothing();
    }

    /// Covers: MQTT-3.2.2-3, MQTT-3.2.0-1
    fn mqtt5_3_1_2_5_without_clean_start_the_stored_session_goes_on(broker: &mut Broker) {
        let mut sender = broker.connect(connect5("sender"));
        for id in ["a", "b", "c"] {
            let mut client = broker.connect(resume(id));
            client.subscribe("t", QoS::ExactlyOnce);
            sender.publish("t", "in flight", QoS::AtLeastOnce);
            let first = client.expect_publish();
            client.drop_connection();
            sender.publish("t", "queued", QoS::ExactlyOnce);
            // CONNACK comes before them.
            let (mut client, connack) = broker.connect_full(resume(id));
            assert!(connack.session_present);
            let again = client.expect_publish();
            assert_eq!((again.id, again.dup, &again.payload[..]), (first.id, true, &b"in flight"[..]));
            client.acknowledge(&again);
            let queued = client.expect_publish();
            assert_eq!((queued.qos, queued.dup, &queued.payload[..]), (QoS::ExactlyOnce, false, &b"queued"[..]));
            client.acknowledge(&queued);
            sender.publish("t", "subscribed", QoS::AtMostOnce);
            assert_eq!(client.expect_publish().payload, b"subscribed");
            client.unsubscribe("t");
        }
    }

    /// Covers: MQTT-3.2.2-3
    fn mqtt5_3_1_2_6_without_clean_start_and_session_a_new_one_begins(broker: &mut Broker) {
        for id in ["a", "b", "c"] {
            let (mut client, connack) = broker.connect_full(resume(id));
            assert!(!connack.session_present);
            client.subscribe("t", QoS::AtMostOnce);
            client.publish("t", "x", QoS::AtMostOnce);
            client.expect_publish();
        }
    }

    /// Covers: MQTT-3.1.2-5
    fn mqtt5_3_1_2_23_each_connect_sets_the_expiry_of_its_session_anew(broker: &mut Broker) {
        let connect = connect5("a").clean_start(false);
        broker.connect(connect.clone().session_expiry(100)).disconnect();
        let (mut client, connack) = broker.connect_full(connect.clone());
        assert!(connack.session_present);
        client.disconnect();
        let (mut client, connack) = broker.connect_full(connect.clone().session_expiry(100));
        assert!(!connack.session_present, "the interval of the last CONNECT was 0");
        client.disconnect();
        assert!(broker.connect_full(connect).1.session_present);
    }

    /// Covers: MQTT-3.1.4-3
    fn mqtt5_3_1_4_3_of_many_connections_at_once_one_stays(broker: &mut Broker) {
        for id in ["a", "b", "c"] {
            let mut clients: Vec<Client> = (0..10).map(|_| broker.open()).collect();
            for client in &mut clients {
                client.send(&resume(id).packet());
            }
            // All but one end: without CONNACK if they were overtaken before it, else with DISCONNECT.
            let mut stay = Vec::new();
            for mut client in clients {
                match client.receive_or_closed() {
                    None => continue,
                    Some(OwnedPacket::ConnAck(connack)) => assert!(!connack.reason.is_error()),
                    Some(packet) => panic!("{packet:?}"),
                }
                client.send(&Packet::PingReq);
                match client.receive_or_closed() {
                    Some(OwnedPacket::PingResp) => stay.push(client),
                    Some(OwnedPacket::Disconnect(end)) => {
                        assert_eq!(end.reason, ReasonCode::SessionTakenOver);
                        client.expect_closed();
                    }
                    other => panic!("{other:?}"),
                }
            }
            broker.settle();
            let mut living = 0;
            for mut client in stay {
                client.send(&Packet::PingReq);
                match client.receive_or_closed() {
                    Some(OwnedPacket::PingResp) => living += 1,
                    Some(OwnedPacket::Disconnect(end)) => assert_eq!(end.reason, ReasonCode::SessionTakenOver),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(living, 1);
        }
    }

    fn mqtt5_3_1_3_2_sessions_are_filed_under_the_client_identifier(broker: &mut Broker) {
        // Neither case nor normalization makes two identifiers one.
        let ids = ["a", "A", "ab", "a ", "\u{e9}", "e\u{301}"];
        for id in ids {
            let (mut client, connack) = broker.connect_full(resume(id));
            assert!(!connack.session_present, "{id}");
            client.subscribe(&format!("only/{id}"), QoS::AtLeastOnce);
            client.drop_connection();
        }
        let mut sender = broker.connect(connect5("sender"));
        for id in ids {
            sender.publish(&format!("only/{id}"), id, QoS::AtLeastOnce);
        }
        for id in ids {
            let (mut client, connack) = broker.connect_full(resume(id));
            assert!(connack.session_present, "{id}");
            assert_eq!(client.expect_publish().payload, id.as_bytes());
            client.expect_nothing();
        }
    }

    /// Covers: MQTT-3.2.2-22
    fn mqtt5_3_1_2_22_silence_of_one_and_a_half_keep_alives_ends_the_connection(broker: &mut Broker) {
        let mut observer = broker.connect(connect5("observer"));
        observer.subscribe("gone", QoS::AtMostOnce);
        let mut client = broker.connect(connect5("a").keep_alive(1).will("gone", b"silent"));
        broker.advance(Duration::from_millis(1_100));
        client.barrier();
        broker.advance(Duration::from_millis(1_800));
        client.expect_disconnect(ReasonCode::KeepAliveTimeout);
        // As if the network had failed: the Will is published.
        assert_eq!(observer.expect_publish().payload, b"silent");
    }
}

statements_in_memory! {
    /// Covers: MQTT-3.1.2-20
    fn mqtt5_3_1_2_22_the_time_of_silence_is_exact(broker: &mut Broker) {
        for seconds in [1, 2, 10, 60, 61, 3_601, 65_535_u16] {
            let half = Duration::from_millis(500) * u32::from(seconds);
            let nearly = half * 2 + half.saturating_sub(Duration::from_millis(10));
            let mut client = broker.connect(connect5("a").keep_alive(seconds));
            client.subscribe("t", QoS::AtLeastOnce);
            // Any packet counts, and only what the client sends.
            broker.advance(nearly);
            client.barrier();
            for packet in [
                publish("u").packet(),
                puback(9).packet(),
                unsubscribe(1).filter("u").packet(),
                subscribe(2).filter("u", QoS::AtMostOnce).packet(),
            ] {
                broker.advance(nearly);
                client.send(&packet);
            }
            let mut sender = broker.connect(connect5("sender"));
            sender.publish("t", "does not count", QoS::AtLeastOnce);
            broker.advance(nearly);
            client.drain();
            broker.advance(half * 2);
            client.expect_nothing();
            broker.advance(half * 2);
            sender.publish("t", "does not count", QoS::AtLeastOnce);
            client.expect_publish();
            // A second is left to coarse timers.
            broker.advance(half + Duration::from_secs(1));
            client.expect_disconnect(ReasonCode::KeepAliveTimeout);
        }
    }

    /// Covers: MQTT-3.1.2-22
    fn mqtt5_3_1_2_22_a_keep_alive_of_zero_is_none(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").keep_alive(0));
        broker.advance(Duration::from_hours(24 * 30));
        client.barrier();
    }

    /// Covers: MQTT-3.1.2-22
    fn mqtt5_3_1_2_22_a_part_of_a_packet_is_no_packet(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").keep_alive(10));
        client.send_bytes(b"\x30\x7f");
        for _ in 0..9 {
            broker.advance(Duration::from_secs(2));
            client.send_bytes(b"\0");
        }
        client.expect_disconnect(ReasonCode::KeepAliveTimeout);
    }
}

statements_with! {
    |setup| { setup.features.server_keep_alive = Some(1); }

    /// Covers: MQTT-3.1.2-21, s3.2.2.3.14
    fn mqtt5_3_2_2_21_server_keep_alive_takes_precedence(broker: &mut Broker) {
        let mut clients = Vec::new();
        for (id, keep_alive) in [("a", 0), ("b", 100), ("c", 65_535)] {
            let (client, connack) = broker.connect_full(connect5(id).keep_alive(keep_alive));
            let told =
                connack.properties.iter().filter(|property| **property == OwnedProperty::ServerKeepAlive(1));
            assert_eq!(told.count(), 1, "{:?}", connack.properties);
            clients.push(client);
        }
        broker.advance(Duration::from_millis(1_100));
        for client in &mut clients {
            client.barrier();
        }
        broker.advance(Duration::from_millis(1_800));
        for client in &mut clients {
            client.expect_disconnect(ReasonCode::KeepAliveTimeout);
        }
    }
}

statements_with! {
    |setup| { setup.limits.keep_alive_max = 1; }

    /// Covers: MQTT-3.2.2-21
    fn mqtt5_3_2_2_21_a_keep_alive_above_the_bound_is_lowered_and_told(broker: &mut Broker) {
        let (mut client, connack) = broker.connect_full(connect5("a").keep_alive(100));
        assert_eq!(connack.properties.server_keep_alive(), Some(1));
        let (mut modest, connack) = broker.connect_full(connect5("b").keep_alive(1));
        assert!(matches!(connack.properties.server_keep_alive(), None | Some(1)));
        broker.advance(Duration::from_millis(1_100));
        client.barrier();
        modest.barrier();
        broker.advance(Duration::from_millis(1_800));
        client.expect_disconnect(ReasonCode::KeepAliveTimeout);
        modest.expect_disconnect(ReasonCode::KeepAliveTimeout);
    }
}
