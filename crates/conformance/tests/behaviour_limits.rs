//! The limits: what happens at each, and that nobody else suffers.

use conformance::Transport;
use conformance::extra::texts;
use conformance::prelude::*;

fn publish_numbers(broker: &mut Broker, topic: &str, count: u32) {
    let mut publisher = broker.connect(connect5("publisher"));
    for number in 0..count {
        assert!(!publisher.publish(topic, number.to_string(), QoS::AtLeastOnce).is_error());
    }
    publisher.disconnect();
}

statements_with! {
    |setup| { setup.limits.queued_messages_max = 5; }

    fn no_more_messages_wait_for_an_absent_session_than_allowed(broker: &mut Broker) {
        for name in ["absent", "away", "gone"] {
            let mut client = broker.connect(connect5(name).session_expiry(100));
            client.subscribe("a", QoS::ExactlyOnce);
            client.disconnect();
        }
        let mut online = broker.connect(connect5("online"));
        online.subscribe("a", QoS::AtMostOnce);
        publish_numbers(broker, "a", 8);
        assert_eq!(texts(&online.take(8)), ["0", "1", "2", "3", "4", "5", "6", "7"]);
        for name in ["absent", "away", "gone"] {
            let mut client = broker.connect(connect5(name).clean_start(false));
            assert_eq!(texts(&client.take(5)), ["0", "1", "2", "3", "4"], "the first ones are kept");
            client.expect_nothing();
        }
        publish_numbers(broker, "a", 1);
        assert_eq!(texts(&online.take(1)), ["0"]);
    }

    fn messages_in_flight_do_not_count_as_waiting(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").receive_maximum(2));
        client.subscribe("a", QoS::AtLeastOnce);
        publish_numbers(broker, "a", 10);
        broker.settle();
        assert_eq!(texts(&client.take(7)), ["0", "1", "2", "3", "4", "5", "6"]);
        client.expect_nothing();
        publish_numbers(broker, "a", 1);
        assert_eq!(texts(&client.take(1)), ["0"], "there is room again");
    }
}

statements_with! {
    |setup| { setup.limits.queued_bytes_max = 1000; }

    fn no_more_bytes_wait_for_a_session_than_allowed(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").session_expiry(100));
        client.subscribe("a", QoS::AtLeastOnce);
        client.disconnect();
        let mut publisher = broker.connect(connect5("publisher"));
        for length in [400, 400, 400, 100] {
            publisher.publish("a", vec![b'x'; length], QoS::AtLeastOnce);
        }
        let mut client = broker.connect(connect5("a").clean_start(false));
        let lengths: Vec<usize> = client.take(3).iter().map(|publish| publish.payload.len()).collect();
        assert_eq!(lengths, [400, 400, 100]);
        client.expect_nothing();
    }
}

statements_with! {
    |setup| { setup.limits.subscriptions_per_session_max = 2; }

    fn a_subscription_beyond_the_limit_gets_quota_exceeded(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").session_expiry(100));
        assert_eq!(client.subscribe("a", QoS::AtLeastOnce), [ReasonCode::GrantedQos1]);
        assert_eq!(client.subscribe("$share/group/b", QoS::AtLeastOnce), [ReasonCode::GrantedQos1]);
        assert_eq!(client.subscribe("c", QoS::AtLeastOnce), [ReasonCode::QuotaExceeded]);
        assert_eq!(client.subscribe("$share/group/c", QoS::AtLeastOnce), [ReasonCode::QuotaExceeded]);
        assert_eq!(client.subscribe("a", QoS::AtMostOnce), [ReasonCode::GRANTED_QOS_0], "that is no new one");
        broker.connect(connect5("b")).publish("c", "x", QoS::AtLeastOnce);
        broker.settle();
        client.expect_nothing();

        client.unsubscribe("a");
        client.unsubscribe("$share/group/b");
        client.send(&subscribe(1).filter("b", QoS::AtMostOnce).filter("b", QoS::AtMostOnce).packet());
        assert_eq!(client.expect_suback_of(1), [ReasonCode::GRANTED_QOS_0; 2], "that is one subscription");
        assert_eq!(client.subscribe("c", QoS::AtLeastOnce), [ReasonCode::GrantedQos1]);
        let mut other = broker.connect(connect311("b"));
        assert_eq!(other.subscribe("a", QoS::AtMostOnce), [ReasonCode::GRANTED_QOS_0]);
        assert_eq!(other.subscribe("b", QoS::AtMostOnce), [ReasonCode::GRANTED_QOS_0]);
        assert_eq!(other.subscribe("c", QoS::AtMostOnce), [ReasonCode::UnspecifiedError]);
        other.barrier();
    }

    fn the_limit_of_subscriptions_holds_for_packets_sent_without_waiting(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a").session_expiry(100));
        let bytes: Vec<u8> = (1..=4)
            .flat_map(|id| {
                let filter = format!("topic/{id}");
                raw::encode(ProtocolVersion::Mqtt5, &subscribe(id).filter(&filter, QoS::AtMostOnce).packet())
            })
            .collect();
        client.send_bytes(&bytes);
        let codes: Vec<ReasonCode> = (1..=4).flat_map(|id| client.expect_suback_of(id)).collect();
        let (granted, refused) = (ReasonCode::GRANTED_QOS_0, ReasonCode::QuotaExceeded);
        assert_eq!(codes, [granted, granted, refused, refused]);
    }
}

statements_with! {
    |setup| {
        setup.shards = 1;
        setup.limits.sessions_max = 3;
    }

    fn a_session_beyond_the_limit_gets_quota_exceeded(broker: &mut Broker) {
        broker.connect(connect5("absent").session_expiry(100)).disconnect();
        let online = broker.connect(connect5("online"));
        let leaving = broker.connect(connect5("leaving"));
        let mut refused = broker.open();
        refused.send(&connect5("one too many").packet());
        refused.expect_refused(ReasonCode::QuotaExceeded);
        let mut refused = broker.open();
        refused.send(&connect311("one too many").packet());
        refused.expect_ended();

        let (_, connack) = broker.connect_full(connect5("absent").session_expiry(100).clean_start(false));
        assert!(connack.session_present, "who has a Session may come back");
        drop(broker.connect(connect5("online")));
        drop(online);
        let mut leaving = leaving;
        leaving.disconnect();
        broker.connect(connect5("one too many")).barrier();
    }
}

statements_with! {
    |setup| {
        setup.shards = 1;
        setup.limits.connections_max = 2;
    }

    fn a_connection_beyond_the_limit_is_closed(broker: &mut Broker) {
        if broker.transport() == Transport::Memory {
            return; // what accepts connections counts them
        }
        let mut first = broker.connect(connect5("first"));
        let mut second = broker.connect(connect5("second"));
        let mut third = broker.open();
        third.send(&connect5("third").packet());
        third.expect_ended();
        first.barrier();
        second.barrier();
        first.disconnect();
        for _ in 0..200 {
            if broker.connections() < 2 {
                break; // until the broker has seen the client close its end, the place is taken
            }
            broker.advance(Duration::from_millis(10));
        }
        let mut third = broker.open();
        third.send(&connect5("third").packet());
        assert_eq!(third.expect_connack().reason, ReasonCode::Success, "there is room again");
    }
}

statements_with! {
    |setup| { setup.limits.topic_levels_max = 3; }

    fn topics_of_too_many_levels_are_refused(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("#", QoS::AtMostOnce);
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            assert_eq!(client.publish("1/2/3/4", "x", qos), ReasonCode::TopicNameInvalid);
            assert_eq!(client.publish("///", "x", qos), ReasonCode::TopicNameInvalid);
        }
        client.publish("1/2/3/4", "x", QoS::AtMostOnce);
        for filter in ["1/2/3/4", "+/+/+/+", "1/2/3/#", "///", "$share/group/1/2/3/4"] {
            assert_eq!(client.subscribe(filter, QoS::AtMostOnce), [ReasonCode::TopicFilterInvalid], "{filter}");
        }
        broker.settle();
        client.expect_nothing();
        assert_eq!(client.subscribe("$share/group/1/2/3", QoS::AtMostOnce), [ReasonCode::GRANTED_QOS_0]);
        assert_eq!(client.publish("1/2/3", "x", QoS::AtLeastOnce), ReasonCode::Success);
        assert_eq!(client.take(2).len(), 2);

        let mut refused = broker.open();
        refused.send(&connect5("b").will("1/2/3/4", b"x").packet());
        refused.expect_refused(ReasonCode::TopicNameInvalid);
    }

    fn topics_of_too_many_levels_are_refused_in_3_1_1(broker: &mut Broker) {
        let mut client = broker.connect(connect311("a"));
        client.subscribe("#", QoS::AtMostOnce);
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            client.publish("1/2/3/4", "x", qos);
        }
        assert_eq!(client.subscribe("1/2/3/4", QoS::AtMostOnce), [ReasonCode::UnspecifiedError]);
        broker.settle();
        client.expect_nothing();
    }
}

statements_with! {
    |setup| { setup.limits.packet_size_bytes_max = 1000; }

    fn packets_up_to_the_maximum_size_are_taken(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        client.subscribe("a", QoS::AtMostOnce);
        // Three bytes of fixed header, three of Topic Name, one of properties.
        client.publish("a", vec![b'x'; 1000 - 7], QoS::AtMostOnce);
        assert_eq!(client.expect_publish().payload.len(), 1000 - 7);
        client.publish("a", vec![b'x'; 1000 - 6], QoS::AtMostOnce);
        client.expect_disconnect(ReasonCode::PacketTooLarge);
    }
}

/// Payloads of this size fill every buffer on the way soon.
const LARGE: usize = 64 << 10;
const ROUNDS: u8 = 60;
/// As many as fit into the unsent bytes of one connection, so that none of QoS 0 has to be dropped.
const MESSAGES_A_ROUND: usize = 3;

statements! {
    fn a_client_that_does_not_read_hinders_nobody(broker: &mut Broker) {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
            let mut slow = broker.connect(connect5("slow"));
            slow.subscribe("a", qos);
            let mut readers: Vec<Client> = ["one", "two", "three"]
                .into_iter()
                .map(|name| {
                    let mut client = broker.connect(connect5(name));
                    client.subscribe("a", qos);
                    client
                })
                .collect();
            let mut publisher = broker.connect(connect5("publisher"));
            for round in 0..ROUNDS {
                let payload = vec![round; LARGE];
                for _ in 0..MESSAGES_A_ROUND {
                    publisher.publish("a", &payload, qos);
                }
                for reader in &mut readers {
                    assert!(reader.take(MESSAGES_A_ROUND).iter().all(|publish| publish.payload == payload));
                }
            }
            publisher.barrier();
            let late = slow.take_all();
            assert!(!late.is_empty() && late.len() <= usize::from(ROUNDS) * MESSAGES_A_ROUND);
            assert!(late.is_sorted_by_key(|publish| publish.payload[0]), "what came is in order");
            slow.disconnect();
        }
    }
}

statements_with! {
    |setup| {
        setup.limits.out_buffer_bytes_max = 64 << 10;
        setup.limits.inflight_messages_max = 5000;
        setup.limits.queued_messages_max = 5000;
        setup.limits.queued_bytes_max = 64 << 20;
    }

    fn a_client_that_does_not_read_gets_all_qos_1_messages_later(broker: &mut Broker) {
        let mut slow = broker.connect(connect5("slow"));
        slow.subscribe("a", QoS::AtLeastOnce);
        let mut publisher = broker.connect(connect5("publisher"));
        for number in 0..200_u8 {
            publisher.publish("a", vec![number; LARGE], QoS::AtLeastOnce);
        }
        let numbers: Vec<u8> = slow.take(200).iter().map(|publish| publish.payload[0]).collect();
        assert_eq!(numbers, (0..200).collect::<Vec<u8>>());
    }

    fn a_client_that_reads_slowly_gets_messages_in_order(broker: &mut Broker) {
        let mut slow = broker.connect(connect5("slow"));
        slow.subscribe("a", QoS::AtLeastOnce);
        let mut publisher = broker.connect(connect5("publisher"));
        let mut numbers = 0_u32..;
        let mut publish = |count| {
            for number in numbers.by_ref().take(count) {
                let payload = [number.to_be_bytes().to_vec(), vec![0; 16_000]].concat();
                publisher.publish("a", payload, QoS::AtLeastOnce);
            }
        };
        let mut received = vec![];
        publish(1200);
        for _ in 0..20 {
            publish(10);
            received.extend(slow.take(70));
        }
        let numbers = received.iter().map(|publish| {
            u32::from_be_bytes(publish.payload[..4].try_into().expect("four bytes"))
        });
        assert!(numbers.eq(0..1400));
    }
}
