//! Reason Strings: failures explain themselves to people, where the client lets them.

use conformance::prelude::*;

statements! {
    fn a_disconnect_says_what_was_wrong(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send(&connect5("a").packet());
        let disconnect = client.expect_disconnect(ReasonCode::ProtocolError);
        let text = disconnect.properties.reason_string();
        assert_eq!(text.as_deref(), Some("a second CONNECT on the connection"));
    }

    /// Covers: MQTT-3.14.2-3
    fn a_disconnect_leaves_out_what_does_not_fit(broker: &mut Broker) {
        let mut client = broker.connect_tight(connect5("a")).0;
        client.send(&connect5("a").packet());
        assert_eq!(client.expect_disconnect(ReasonCode::ProtocolError).properties.reason_string(), None);
    }

    fn a_refused_publish_is_explained(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send(&publish("$SYS/mine").qos(QoS::AtLeastOnce, 1).packet());
        let ack = client.expect_puback(1);
        assert_eq!(ack.reason, ReasonCode::NotAuthorized);
        assert!(ack.properties.reason_string().is_some());
    }

    /// Covers: MQTT-3.1.2-29
    fn without_request_problem_information_only_the_code_comes(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").property(Property::RequestProblemInformation(false)));
        client.send(&publish("$SYS/mine").qos(QoS::AtLeastOnce, 1).packet());
        let ack = client.expect_puback(1);
        assert_eq!((ack.reason, ack.properties.reason_string()), (ReasonCode::NotAuthorized, None));
    }

    /// Covers: MQTT-3.4.2-2
    fn an_acknowledgement_leaves_out_what_does_not_fit(broker: &mut Broker) {
        let mut client = broker.connect_tight(connect5("a")).0;
        client.send(&publish("$SYS/mine").qos(QoS::AtLeastOnce, 1).packet());
        let ack = client.expect_puback(1);
        assert_eq!((ack.reason, ack.properties.reason_string()), (ReasonCode::NotAuthorized, None));
    }
}

statements_with! {
    |setup| { setup.limits.subscriptions_per_session_max = 0; }

    fn a_refused_subscription_is_explained(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send(&subscribe(1).filter("a", QoS::AtMostOnce).packet());
        let suback = client.expect_suback();
        assert_eq!(suback.codes, [ReasonCode::QuotaExceeded]);
        assert!(suback.properties.reason_string().is_some());
    }

    /// Covers: MQTT-3.1.2-29
    fn without_request_problem_information_a_suback_is_bare(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").property(Property::RequestProblemInformation(false)));
        client.send(&subscribe(1).filter("a", QoS::AtMostOnce).packet());
        assert_eq!(client.expect_suback().properties.reason_string(), None);
    }

    /// Covers: MQTT-3.9.2-1
    fn a_suback_leaves_out_what_does_not_fit(broker: &mut Broker) {
        let mut client = broker.connect_tight(connect5("a")).0;
        client.send(&subscribe(1).filter("a", QoS::AtMostOnce).packet());
        let suback = client.expect_suback();
        assert_eq!((suback.codes, suback.properties.reason_string()), (vec![ReasonCode::QuotaExceeded], None));
    }
}

statements_with! {
    |setup| { setup.features.reason_strings = false; }

    fn an_operator_can_turn_them_off(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.send(&publish("$SYS/mine").qos(QoS::AtLeastOnce, 1).packet());
        assert_eq!(client.expect_puback(1).properties.reason_string(), None);
        client.send(&connect5("a").packet());
        assert_eq!(client.expect_disconnect(ReasonCode::ProtocolError).properties.reason_string(), None);
    }
}
