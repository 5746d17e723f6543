//! MQTT 3.1.1, section 3.2: CONNACK.

use conformance::prelude::*;
use conformance::raw::{RawConnect, string};

/// The bytes of the CONNACK to this CONNECT, and the client behind it.
fn connack(broker: &mut Broker, connect: &Packet<'_>) -> (Client, Vec<u8>) {
    let mut client = broker.open();
    client.send(connect);
    let bytes = client.receive_raw();
    (client, bytes)
}

statements! {
    fn mqtt311_3_2_0_1_connack_is_the_first_packet(broker: &mut Broker) {
        let connect = connect311("a").clean_start(false);
        let mut client = broker.connect(connect.clone());
        client.subscribe("t", QoS::AtLeastOnce);
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish("t", "in flight", QoS::AtLeastOnce);
        client.expect_publish();
        client.disconnect();
        publisher.publish("t", "queued", QoS::AtLeastOnce);
        publisher.publish_retained("t", "retained", QoS::AtLeastOnce);
        broker.settle();

        // Messages wait, and requests come at once: CONNACK is before all.
        let mut client = broker.open();
        client.send(&connect.packet());
        client.send(&subscribe(1).filter("t", QoS::AtLeastOnce).packet());
        client.send(&Packet::PingReq);
        assert_eq!(client.receive_raw(), [0x20, 2, 1, 0]);
        assert_eq!(client.expect_publish().payload, b"in flight");
    }

    fn mqtt311_3_2_2_1_clean_session_1_has_no_session_present(broker: &mut Broker) {
        let clean = connect311("a");
        assert_eq!(connack(broker, &clean.packet()).1, [0x20, 2, 0, 0], "nothing is stored");
        broker.connect(connect311("a").clean_start(false)).disconnect();
        assert_eq!(connack(broker, &clean.packet()).1, [0x20, 2, 0, 0], "a Session was stored");
    }

    fn mqtt311_3_2_2_2_a_stored_session_is_present(broker: &mut Broker) {
        let connect = connect311("a").clean_start(false);
        broker.connect(connect.clone()).disconnect();
        let (mut client, bytes) = connack(broker, &connect.packet());
        assert_eq!(bytes, [0x20, 2, 1, 0], "after DISCONNECT");
        client.drop_connection();
        let (_living, bytes) = connack(broker, &connect.packet());
        assert_eq!(bytes, [0x20, 2, 1, 0], "after a network failure");
        assert_eq!(connack(broker, &connect.packet()).1, [0x20, 2, 1, 0], "at a takeover");
    }

    fn mqtt311_3_2_2_3_without_a_stored_session_none_is_present(broker: &mut Broker) {
        let connect = connect311("a").clean_start(false);
        assert_eq!(connack(broker, &connect.packet()).1, [0x20, 2, 0, 0], "the first time");
        broker.connect(connect311("a")).disconnect();
        assert_eq!(connack(broker, &connect.packet()).1, [0x20, 2, 0, 0], "Clean Session 1 dropped it");
    }

    /// Covers: MQTT311-3.2.2-4, MQTT311-3.2.2-5
    fn mqtt311_3_2_2_4_an_unsupported_level_has_no_session_present(broker: &mut Broker) {
        broker.connect(connect311("a").clean_start(false)).disconnect();
        let mut client = broker.open();
        client.send_bytes(&RawConnect { level: 1, flags: 0, ..RawConnect::v311("a") }.bytes());
        assert_eq!(client.receive_raw(), [0x20, 2, 0, 1]);
        client.expect_closed();
    }
}

statements_with! {
    |setup| { setup.access = true; }

    /// Covers: MQTT311-3.2.2-4, MQTT311-3.2.2-5
    fn mqtt311_3_2_2_5_a_refusal_has_its_return_code_no_session_and_ends_the_connection(broker: &mut Broker) {
        for id in ["a", "banned one"] {
            for user in ["user", "wrong", "nobody", "slowly-refused"] {
                let code = match (id, user) {
                    ("a", "user") => continue,
                    (_, "wrong") => 4,
                    _ => 5,
                };
                broker.connect(connect311("a").clean_start(false)).disconnect();
                let refused = connect311(id).clean_start(false).user(user).password(b"secret");
                let (mut client, bytes) = connack(broker, &refused.packet());
                assert_eq!(bytes, [0x20, 2, 0, code], "{id} as {user}");
                client.expect_closed();
            }
        }
    }

    /// A refused CONNECT leaves the Session, and the connection that has it, alone.
    fn mqtt311_3_2_2_5_a_refusal_does_no_harm_to_the_session(broker: &mut Broker) {
        let connect = connect311("a").clean_start(false);
        let mut client = broker.connect(connect.clone());
        client.subscribe("t", QoS::AtLeastOnce);
        let (mut refused, _) = connack(broker, &connect311("a").user("nobody").packet());
        refused.expect_closed();
        client.barrier();
        client.disconnect();
        let (_refused, bytes) = connack(broker, &connect311("a").user("nobody").packet());
        assert_eq!(bytes, [0x20, 2, 0, 5]);
        broker.connect(connect311("publisher")).publish("t", "m", QoS::AtLeastOnce);
        broker.settle();
        let (mut client, bytes) = connack(broker, &connect.packet());
        assert_eq!(bytes, [0x20, 2, 1, 0]);
        assert_eq!(client.expect_publish().payload, b"m");
    }

    /// 3.1.1 cannot say "use another server": at most it can say "server unavailable".
    fn mqtt311_3_2_2_6_a_refusal_has_a_return_code_of_the_table_or_none(broker: &mut Broker) {
        let mut client = broker.open();
        client.send(&connect311("elsewhere").packet());
        match client.receive_raw_or_closed() {
            Some(connack) => assert_eq!(connack, [0x20, 2, 0, 3]),
            None => return,
        }
        client.expect_closed();
    }
}

statements_in_memory! {
    /// Covers: MQTT311-3.1.4-1, MQTT311-3.2.2-6
    fn mqtt311_3_2_2_6_a_connect_that_never_ends_gets_no_connack(broker: &mut Broker) {
        let mut silent = broker.open();
        let mut slow = broker.open();
        slow.send_bytes(&[0x10, 50]);
        slow.send_bytes(&string("MQTT"));
        broker.advance(Duration::from_secs(40));
        silent.expect_closed();
        slow.expect_closed();
    }
}
