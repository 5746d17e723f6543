//! Chapter 4.8 of MQTT 5.0: Shared Subscriptions.

use std::collections::BTreeMap;

use conformance::extra::texts;
use conformance::prelude::*;

const GROUP: &str = "$share/group/a";

/// Members of a group, each with a Session that lives on for 100 s.
fn members(broker: &mut Broker, names: &[&str], qos: QoS) -> Vec<Client> {
    names
        .iter()
        .map(|name| {
            let mut client = broker.connect(connect5(name).session_expiry(100));
            client.subscribe(GROUP, qos);
            client
        })
        .collect()
}

fn resume(broker: &mut Broker, client_identifier: &str) -> Client {
    let connect = connect5(client_identifier).session_expiry(100).clean_start(false);
    let (client, connack) = broker.connect_full(connect);
    assert!(connack.session_present);
    client
}

/// Two members `m0` and `m1`, and a message of `qos` that one of them has got: that member, its number, the PUBLISH,
/// and the other member.
fn one_of_two_is_served(broker: &mut Broker, qos: QoS) -> (Client, usize, OwnedPublish, Client) {
    let mut both = members(broker, &["m0", "m1"], qos);
    broker.connect(connect5("publisher")).publish("a", "x", qos);
    broker.settle();
    let received: Vec<Vec<OwnedPublish>> = both.iter_mut().map(Client::drain_publishes).collect();
    let chosen = usize::from(received[0].is_empty());
    let publish = received.concat();
    assert_eq!(publish.len(), 1, "one member gets the message: {publish:?}");
    let client = both.remove(chosen);
    let other = both.remove(0);
    (client, chosen, publish[0].clone(), other)
}

fn expect_refused(broker: &mut Broker, filter: &str) {
    let mut client = broker.connect(connect5("a"));
    client.send_bytes(&raw::packet(0x82, &[&[0, 1, 0][..], &raw::string(filter), &[1]].concat()));
    match client.receive() {
        OwnedPacket::SubAck(suback) => assert_eq!(suback.codes, [ReasonCode::TopicFilterInvalid], "{filter}"),
        OwnedPacket::Disconnect(end) => {
            let fitting =
                [ReasonCode::MalformedPacket, ReasonCode::ProtocolError, ReasonCode::TopicFilterInvalid];
            assert!(fitting.contains(&end.reason), "{filter}: {}", end.reason);
            client.expect_closed();
        }
        other => panic!("{filter}: {other:?}"),
    }
}

statements! {
    fn mqtt5_4_8_2_1_a_share_name_has_at_least_one_character(broker: &mut Broker) {
        for filter in ["$share/", "$share//", "$share//a", "$share//a/b"] {
            expect_refused(broker, filter);
        }
        let mut client = broker.connect(connect5("a"));
        assert_eq!(client.subscribe("$share/g/a", QoS::AtMostOnce), [ReasonCode::GRANTED_QOS_0]);
    }

    fn mqtt5_4_8_2_2_a_share_name_has_no_wildcards_and_a_filter_behind_it(broker: &mut Broker) {
        let filters = ["$share/g", "$share/g/", "$share/+/a", "$share/#", "$share/#/a", "$share/g+/a", "$share/g#/a"];
        for filter in filters {
            expect_refused(broker, filter);
        }
        let mut client = broker.connect(connect5("a"));
        for filter in ["$share/g//", "$share/g/#", "$share/g/+/a", "$share/\u{e9} $/a"] {
            assert_eq!(client.subscribe(filter, QoS::AtMostOnce), [ReasonCode::GRANTED_QOS_0], "{filter}");
        }
    }

    fn mqtt5_4_8_2_3_each_member_is_served_at_its_own_granted_qos(broker: &mut Broker) {
        let all = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
        let mut clients: Vec<Client> = all
            .iter()
            .map(|qos| {
                let mut client = broker.connect(connect5(&format!("client-{qos:?}")));
                client.subscribe(GROUP, *qos);
                client
            })
            .collect();
        let mut publisher = broker.connect(connect5("publisher"));
        let mut served = BTreeMap::new();
        for number in 0..30 {
            publisher.publish("a", number.to_string(), all[2 - number / 5 % 2]);
            broker.settle();
            for (client, granted) in clients.iter_mut().zip(all) {
                for publish in client.drain_publishes() {
                    assert_eq!(publish.qos, granted.min(all[2 - number / 5 % 2]));
                    client.acknowledge(&publish);
                    *served.entry(granted).or_insert(0) += 1;
                }
            }
        }
        assert_eq!(served.values().sum::<u32>(), 30);
        assert_eq!(served.len(), 3, "each was served: {served:?}");
    }

    fn mqtt5_4_8_2_4_a_qos_2_delivery_cut_off_before_pubrec_is_finished_with_its_member(broker: &mut Broker) {
        let (mut chosen, number, first, mut other) = one_of_two_is_served(broker, QoS::ExactlyOnce);
        chosen.drop_connection();
        broker.settle();
        other.expect_nothing();
        let mut chosen = resume(broker, &format!("m{number}"));
        let again = chosen.expect_publish();
        assert_eq!((again.id, again.dup, &again.payload), (first.id, true, &first.payload));
        chosen.acknowledge(&again);
        chosen.barrier();
        broker.settle();
        other.expect_nothing();
    }

    fn mqtt5_4_8_2_4_a_qos_2_delivery_cut_off_before_pubcomp_is_finished_with_its_member(broker: &mut Broker) {
        let (mut chosen, number, first, mut other) = one_of_two_is_served(broker, QoS::ExactlyOnce);
        chosen.send(&pubrec(first.id).packet());
        chosen.expect_pubrel(first.id);
        chosen.drop_connection();
        let mut chosen = resume(broker, &format!("m{number}"));
        chosen.expect_pubrel(first.id);
        chosen.send(&pubcomp(first.id).packet());
        chosen.expect_nothing();
        broker.settle();
        other.expect_nothing();
    }

    fn mqtt5_4_8_2_5_if_that_members_session_ends_the_qos_2_message_goes_to_nobody(broker: &mut Broker) {
        for ending in 0..3 {
            let (mut chosen, number, first, mut other) = one_of_two_is_served(broker, QoS::ExactlyOnce);
            if ending == 0 {
                chosen.send(&pubrec(first.id).packet());
                chosen.expect_pubrel(first.id);
            }
            if ending == 2 {
                let end = disconnect(ReasonCode::Success).property(Property::SessionExpiryInterval(0));
                chosen.send(&end.packet());
                chosen.expect_closed();
            } else {
                chosen.drop_connection();
            }
            let name = format!("m{number}");
            let mut anew = broker.connect(connect5(&name));
            broker.settle();
            anew.expect_nothing();
            other.expect_nothing();
            other.disconnect();
        }
    }

    fn mqtt5_4_8_2_6_a_refusing_puback_or_pubrec_discards_the_message(broker: &mut Broker) {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let (mut chosen, number, first, mut other) = one_of_two_is_served(broker, qos);
            let refusal = if qos == QoS::AtLeastOnce { puback(first.id) } else { pubrec(first.id) };
            chosen.send(&refusal.reason(ReasonCode::ImplementationSpecificError).packet());
            chosen.expect_nothing();
            broker.settle();
            other.expect_nothing();
            chosen.drop_connection();
            resume(broker, &format!("m{number}")).expect_nothing();
            broker.settle();
            other.expect_nothing();
            other.disconnect();
        }
    }

    fn mqtt5_s4_8_2_each_message_goes_to_one_member_of_each_group(broker: &mut Broker) {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let filters =
            ["$share/one/t/+", "$share/one/t/+", "$share/two/t/+", "$share/two/t/+", "$share/one/t/#", "t/+", "#"];
        let mut clients: Vec<Client> = names
            .iter()
            .zip(filters)
            .map(|(name, filter)| {
                let mut client = broker.connect(connect5(name));
                client.subscribe(filter, QoS::AtMostOnce);
                client
            })
            .collect();
        let mut publisher = broker.connect(connect5("publisher"));
        let sent: Vec<String> = (0..40).map(|number| format!("{number:02}")).collect();
        for payload in &sent {
            publisher.publish("t/x", payload, QoS::AtLeastOnce);
        }
        broker.settle();
        let mut received: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (client, filter) in clients.iter_mut().zip(filters) {
            received.entry(filter).or_default().extend(texts(&client.drain_publishes()));
        }
        for (filter, mut payloads) in received {
            payloads.sort();
            assert_eq!(payloads, sent, "each message once for {filter}");
        }
    }

    fn mqtt5_s4_8_2_a_plain_and_a_shared_subscription_of_a_client_each_get_the_message(broker: &mut Broker) {
        let mut client = broker.connect(connect5("a"));
        for (filter, identifier) in [("t", 1), ("$share/one/t", 2), ("$share/two/t", 3)] {
            client.send(&subscribe(1).filter(filter, QoS::AtLeastOnce).identifier(identifier).packet());
            client.expect_suback_of(1);
        }
        broker.connect(connect5("b")).publish("t", "x", QoS::AtLeastOnce);
        let mut identifiers: Vec<Vec<u32>> =
            client.take(3).iter().map(|publish| publish.properties.subscription_identifiers()).collect();
        identifiers.sort();
        assert_eq!(identifiers, [[1], [2], [3]]);
        client.unsubscribe("t");
        broker.connect(connect5("b")).publish("t", "x", QoS::AtLeastOnce);
        client.take(2);
        broker.settle();
        client.expect_nothing();
    }
}
