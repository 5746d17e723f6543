//! Chapter 4.12 of MQTT 5.0: enhanced authentication. The method TEST is described at `TestAccess`.

use conformance::build::{ConnectBuilder, ReasonBuilder};
use conformance::prelude::*;

/// A CONNECT of `a` with the method TEST, without data: the server asks for more.
fn with_method<'a>() -> ConnectBuilder<'a> {
    connect5("a").property(Property::AuthenticationMethod("TEST"))
}

/// A CONNECT of `a` with the method TEST, and data that is accepted at once.
fn accepted_at_once<'a>() -> ConnectBuilder<'a> {
    with_method().property(Property::AuthenticationData(b"at once"))
}

/// An AUTH of the method TEST with this data.
fn answer(reason: ReasonCode, data: &[u8]) -> ReasonBuilder<'_> {
    auth(reason).property(Property::AuthenticationMethod("TEST")).property(Property::AuthenticationData(data))
}

const CONTINUE: ReasonCode = ReasonCode::ContinueAuthentication;
const AGAIN: ReasonCode = ReasonCode::ReAuthenticate;

/// Properties of AUTH: another method, none with data, none at all.
const WITHOUT_THE_METHOD: [&[u8]; 3] =
    [b"\x15\x00\x05OTHER\x16\x00\x08response", b"\x16\x00\x08response", b""];

/// A connection on which the server has just asked for more.
fn challenged(broker: &mut Broker) -> Client {
    let mut client = broker.open();
    client.send(&with_method().packet());
    expect_challenge(&mut client);
    client
}

fn expect_challenge(client: &mut Client) {
    let challenge = client.expect_auth();
    assert_eq!(challenge.reason, CONTINUE);
    assert_eq!(challenge.properties.authentication_method().as_deref(), Some("TEST"));
    assert_eq!(challenge.properties.authentication_data().as_deref(), Some(&b"challenge"[..]));
}

/// Expects that the CONNECT is refused with one of these codes, or the connection just closed.
fn expect_refused_among(client: &mut Client, reasons: &[ReasonCode]) {
    if let Some(packet) = client.receive_or_closed() {
        let OwnedPacket::ConnAck(connack) = packet else { panic!("{packet:?}") };
        assert!(reasons.contains(&connack.reason), "{}", connack.reason);
        assert!(!connack.session_present);
        client.expect_closed();
    }
}

statements_with! {
    |setup| { setup.access = true; }

    fn mqtt5_4_12_0_1_an_unknown_method_is_refused(broker: &mut Broker) {
        for method in ["UNKNOWN", "test", "TEST2", ""] {
            let mut client = broker.open();
            client.send(&connect5("a").property(Property::AuthenticationMethod(method)).packet());
            client.send(&publish("a").packet());
            expect_refused_among(&mut client, &[ReasonCode::BadAuthenticationMethod, ReasonCode::NotAuthorized]);
        }
    }

    /// Covers: MQTT-4.12.0-2, MQTT-4.12.0-3, MQTT-4.12.0-5
    fn mqtt5_4_12_0_2_more_data_is_asked_for_by_auth_0x18(broker: &mut Broker) {
        let mut client = challenged(broker);
        for _ in 0..2 {
            client.send(&answer(CONTINUE, b"more").packet());
            expect_challenge(&mut client);
        }
        client.send(&answer(CONTINUE, b"response").packet());
        let connack = client.expect_connack();
        assert_eq!(connack.reason, ReasonCode::Success);
        assert_eq!(connack.properties.authentication_method().as_deref(), Some("TEST"));
        assert_eq!(connack.properties.authentication_data().as_deref(), Some(&b"welcome"[..]));
        client.barrier();
    }

    fn mqtt5_4_12_0_3_the_clients_answer_is_auth_0x18(broker: &mut Broker) {
        for reason in [AGAIN, ReasonCode::Success] {
            let mut client = challenged(broker);
            client.send(&answer(reason, b"response").packet());
            expect_refused_among(&mut client, &[ReasonCode::ProtocolError, ReasonCode::MalformedPacket]);
        }
    }

    fn mqtt5_4_12_0_4_the_server_may_refuse_at_any_step(broker: &mut Broker) {
        let mut client = broker.open();
        client.send(&with_method().property(Property::AuthenticationData(b"refuse")).packet());
        expect_refused_among(&mut client, &[ReasonCode::NotAuthorized]);

        let mut client = challenged(broker);
        client.send(&answer(CONTINUE, b"wrong").packet());
        expect_refused_among(&mut client, &[ReasonCode::NotAuthorized]);

        let mut client = challenged(broker);
        client.send(&answer(CONTINUE, b"more").packet());
        expect_challenge(&mut client);
        client.send(&answer(CONTINUE, b"wrong").packet());
        client.send(&answer(CONTINUE, b"response").packet());
        expect_refused_among(&mut client, &[ReasonCode::NotAuthorized]);
    }

    fn mqtt5_4_12_0_4_a_refused_client_leaves_the_session_alone(broker: &mut Broker) {
        let mut client = broker.connect(accepted_at_once().session_expiry(100));
        let mut refused = challenged(broker);
        client.barrier();
        refused.send(&answer(CONTINUE, b"wrong").packet());
        expect_refused_among(&mut refused, &[ReasonCode::NotAuthorized]);
        client.barrier();
    }

    fn mqtt5_4_12_0_5_the_method_is_repeated_in_connack_and_every_auth(broker: &mut Broker) {
        let (mut client, connack) = broker.connect_full(accepted_at_once());
        assert_eq!(connack.properties.authentication_method().as_deref(), Some("TEST"));
        assert_eq!(connack.properties.authentication_data().as_deref(), Some(&b"welcome"[..]));
        client.send(&answer(AGAIN, b"from the start").packet());
        expect_challenge(&mut client);
        client.send(&answer(CONTINUE, b"response").packet());
        let end = client.expect_auth();
        assert_eq!(end.reason, ReasonCode::Success);
        assert_eq!(end.properties.authentication_method().as_deref(), Some("TEST"));
    }

    fn mqtt5_4_12_0_5_an_auth_of_the_client_without_the_method_is_a_protocol_error(broker: &mut Broker) {
        for section in WITHOUT_THE_METHOD {
            let mut client = challenged(broker);
            client.send_bytes(&raw::packet(0xF0, &[&[0x18][..], &raw::properties(section)].concat()));
            expect_refused_among(&mut client, &[ReasonCode::ProtocolError, ReasonCode::BadAuthenticationMethod]);
        }
    }

    fn mqtt5_4_12_0_6_without_a_method_the_server_sends_no_auth_and_no_method(broker: &mut Broker) {
        for connect in [connect5("a"), connect5("a").user("someone").password(b"secret"), connect5("a").user("slow")] {
            let (mut client, connack) = broker.connect_full(connect);
            assert_eq!(connack.properties.authentication_method(), None);
            assert_eq!(connack.properties.authentication_data(), None);
            client.expect_nothing();
        }
    }

    fn mqtt5_4_12_0_7_without_a_method_an_auth_of_the_client_is_a_protocol_error(broker: &mut Broker) {
        for reason in [AGAIN, CONTINUE, ReasonCode::Success] {
            for auth in [answer(reason, b"at once"), auth(reason)] {
                let mut client = broker.connect(connect5("a"));
                client.send(&auth.packet());
                client.expect_disconnect(ReasonCode::ProtocolError);
            }
        }
    }

    fn mqtt5_4_12_1_1_re_authentication_keeps_the_method(broker: &mut Broker) {
        for section in WITHOUT_THE_METHOD {
            let mut client = broker.connect(accepted_at_once());
            client.send_bytes(&raw::packet(0xF0, &[&[0x19][..], &raw::properties(section)].concat()));
            let fitting = [ReasonCode::ProtocolError, ReasonCode::BadAuthenticationMethod];
            client.expect_disconnect_among(&fitting);
        }
    }

    fn mqtt5_4_12_1_1_re_authentication_may_come_again_and_again(broker: &mut Broker) {
        let mut client = broker.connect(accepted_at_once());
        for _ in 0..3 {
            client.send(&answer(AGAIN, b"at once").packet());
            assert_eq!(client.expect_auth().reason, ReasonCode::Success);
        }
        client.barrier();
    }

    fn mqtt5_4_12_1_2_a_failed_re_authentication_ends_the_connection(broker: &mut Broker) {
        let mut client = broker.connect(accepted_at_once());
        client.send(&answer(AGAIN, b"refuse").packet());
        client.expect_disconnect(ReasonCode::NotAuthorized);

        let mut client = broker.connect(accepted_at_once());
        client.send(&answer(AGAIN, b"from the start").packet());
        expect_challenge(&mut client);
        client.send(&answer(CONTINUE, b"wrong").packet());
        client.expect_disconnect(ReasonCode::NotAuthorized);
    }

    fn mqtt5_4_12_1_1_other_packets_flow_during_re_authentication(broker: &mut Broker) {
        let mut client = broker.connect(accepted_at_once());
        client.subscribe("a", QoS::AtLeastOnce);
        client.send(&answer(AGAIN, b"from the start").packet());
        expect_challenge(&mut client);
        client.publish("a", "x", QoS::AtLeastOnce);
        assert_eq!(client.take(1)[0].payload, b"x");
        client.barrier();
        client.send(&answer(CONTINUE, b"response").packet());
        assert_eq!(client.expect_auth().reason, ReasonCode::Success);
    }

    fn mqtt5_s4_12_other_packets_before_the_end_are_protocol_errors(broker: &mut Broker) {
        let subscribe = subscribe(1).filter("a", QoS::AtMostOnce);
        let unsubscribe = unsubscribe(1).filter("a");
        let publish = publish("a").qos1(1);
        let ack = puback(1);
        let again = with_method();
        let packets = [
            subscribe.packet(),
            unsubscribe.packet(),
            publish.packet(),
            ack.packet(),
            again.packet(),
            Packet::PingReq,
        ];
        for packet in packets {
            let mut client = challenged(broker);
            client.send(&packet);
            client.send(&answer(CONTINUE, b"response").packet());
            expect_refused_among(&mut client, &[ReasonCode::ProtocolError]);
        }
    }

    fn mqtt5_s4_12_a_disconnect_may_end_the_exchange(broker: &mut Broker) {
        let mut client = challenged(broker);
        client.send(&disconnect(ReasonCode::NORMAL_DISCONNECTION).packet());
        client.expect_closed();
    }
}

statements! {
    fn mqtt5_4_12_0_1_a_server_without_methods_refuses_them_all(broker: &mut Broker) {
        let mut client = broker.open();
        client.send(&with_method().packet());
        expect_refused_among(&mut client, &[ReasonCode::BadAuthenticationMethod, ReasonCode::NotAuthorized]);
    }
}
