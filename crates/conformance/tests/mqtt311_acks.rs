//! MQTT 3.1.1, sections 3.4 to 3.7: PUBACK, PUBREC, PUBREL, PUBCOMP.

use conformance::prelude::*;

/// A client with one unfinished message of this QoS towards it, and that message.
fn with_message(broker: &mut Broker, qos: QoS) -> (Client, OwnedPublish) {
    let mut client = broker.connect(connect311("a").clean_start(false));
    client.subscribe("t", QoS::ExactlyOnce);
    broker.connect(connect311("publisher")).publish("t", "m", qos);
    let message = client.expect_publish();
    (client, message)
}

statements! {
    fn mqtt311_3_6_1_1_pubrel_with_other_flags_closes_the_connection(broker: &mut Broker) {
        for flags in (0..16).filter(|flags| *flags != 2) {
            let mut client = broker.connect(connect311("a"));
            client.send(&publish("t").qos2(1).packet());
            client.expect_pubrec(1);
            client.send_bytes(&[0x60 | flags, 2, 0, 1]);
            client.expect_closed();
        }
    }

    /// Covers: MQTT311-2.3.1-6, MQTT311-3.6.1-1
    fn mqtt311_3_6_1_1_the_broker_sends_pubrel_with_0010(broker: &mut Broker) {
        let (mut client, message) = with_message(broker, QoS::ExactlyOnce);
        client.send(&pubrec(message.id).packet());
        let [high, low] = message.id.to_be_bytes();
        assert_eq!(client.receive_raw(), [0x62, 2, high, low]);
        client.drop_connection();
        // Also when it is repeated.
        let mut client = broker.connect(connect311("a").clean_start(false));
        assert_eq!(client.receive_raw(), [0x62, 2, high, low]);
    }

    /// An acknowledgement is its identifier and nothing else.
    ///
    /// Covers: MQTT311-4.8.0-1
    fn mqtt311_4_8_0_1_an_acknowledgement_of_another_length_closes_the_connection(broker: &mut Broker) {
        for first in [0x40, 0x50, 0x62, 0x70] {
            for body in [[].as_slice(), &[0], &[0, 1, 0], &[0, 1, 0, 0], &[0, 0]] {
                let mut client = broker.connect(connect311("a"));
                client.send_bytes(&raw::packet(first, body));
                assert_eq!(client.receive_raw_or_closed(), None, "the answer to {first:#x} {body:02x?}");
            }
        }
    }

    /// An acknowledgement of nothing: late, repeated, or of a Session that is gone.
    ///
    /// Covers: MQTT311-4.3.3-2
    fn mqtt311_4_3_3_2_acknowledgements_of_nothing_do_no_harm(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        client.send(&puback(5).packet());
        client.send(&pubcomp(6).packet());
        client.expect_nothing();
        // A PUBREL is answered whatever is known of it, or its sender could never end the exchange.
        client.send(&pubrel(7).packet());
        client.expect_pubcomp(7);
        client.subscribe("t", QoS::AtLeastOnce);
        client.publish("t", "still served", QoS::AtLeastOnce);
        assert_eq!(client.expect_publish().payload, b"still served");
    }

    /// Covers: MQTT311-4.3.2-1
    fn mqtt311_4_3_2_1_puback_ends_the_exchange(broker: &mut Broker) {
        let (mut client, message) = with_message(broker, QoS::AtLeastOnce);
        client.send(&puback(message.id).packet());
        client.barrier();
        client.drop_connection();
        broker.connect(connect311("a").clean_start(false)).expect_nothing();
    }

    /// Covers: MQTT311-4.3.2-1
    fn mqtt311_4_3_2_1_a_puback_with_another_identifier_ends_nothing(broker: &mut Broker) {
        let (mut client, message) = with_message(broker, QoS::AtLeastOnce);
        client.send(&puback(message.id + 1).packet());
        client.barrier();
        client.drop_connection();
        let again = broker.connect(connect311("a").clean_start(false)).expect_publish();
        assert_eq!((again.id, again.dup, again.payload), (message.id, true, message.payload));
    }

    /// Covers: MQTT311-4.3.2-1, MQTT311-4.3.3-1
    fn mqtt311_4_3_3_1_an_acknowledgement_of_another_kind_ends_nothing(broker: &mut Broker) {
        let connect = connect311("a").clean_start(false);
        for (qos, wrong) in
            [(QoS::AtLeastOnce, [pubrec(1), pubcomp(1)]), (QoS::ExactlyOnce, [puback(1), pubcomp(1)])]
        {
            for wrong in wrong {
                broker.connect(connect311("a")).disconnect();
                let (mut client, message) = with_message(broker, qos);
                assert_eq!(message.id, 1, "the first of a Session");
                client.send(&wrong.packet());
                client.drop_connection();
                let again = broker.connect(connect.clone()).expect_publish();
                assert_eq!((again.id, again.dup, again.payload), (1, true, message.payload), "{wrong:?}");
            }
        }
        // Nor does a PUBACK end what waits for PUBCOMP.
        broker.connect(connect311("a")).disconnect();
        let (mut client, message) = with_message(broker, QoS::ExactlyOnce);
        client.send(&pubrec(message.id).packet());
        client.expect_pubrel(message.id);
        client.send(&puback(message.id).packet());
        client.drop_connection();
        broker.connect(connect).expect_pubrel(message.id);
    }

    /// Covers: MQTT311-4.3.3-1
    fn mqtt311_4_3_3_1_pubcomp_ends_the_exchange(broker: &mut Broker) {
        let (mut client, message) = with_message(broker, QoS::ExactlyOnce);
        client.send(&pubrec(message.id).packet());
        client.expect_pubrel(message.id);
        client.send(&pubcomp(message.id).packet());
        client.barrier();
        client.drop_connection();
        broker.connect(connect311("a").clean_start(false)).expect_nothing();
    }

    /// Covers: MQTT311-4.3.3-1
    fn mqtt311_4_3_3_1_a_repeated_pubrec_gets_pubrel_again(broker: &mut Broker) {
        let (mut client, message) = with_message(broker, QoS::ExactlyOnce);
        for _ in 0..3 {
            client.send(&pubrec(message.id).packet());
            client.expect_pubrel(message.id);
        }
        client.send(&pubcomp(message.id).packet());
        client.expect_nothing();
    }
}
