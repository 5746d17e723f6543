//! What the broker does for Shared Subscriptions beyond the standard: who is served, and what becomes of the
//! messages of a member that goes.

use std::collections::BTreeMap;

use conformance::build::ConnectBuilder;
use conformance::extra::texts;
use conformance::prelude::*;

const GROUP: &str = "$share/group/a";

/// Several sets of Client Identifiers, so that members, publisher and shards meet in many ways.
const NAMES: [[&str; 3]; 5] =
    [["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"], ["one", "two", "three"], ["x0", "x1", "x2"]];

fn one_at_a_time(client_identifier: &str) -> ConnectBuilder<'_> {
    connect5(client_identifier).receive_maximum(1)
}

fn publish_numbers(broker: &mut Broker, count: u32, qos: QoS) -> Vec<String> {
    let mut publisher = broker.connect(connect5("publisher"));
    let sent: Vec<String> = (0..count).map(|number| format!("{number:02}")).collect();
    for payload in &sent {
        publisher.publish("a", payload, qos);
    }
    publisher.disconnect();
    broker.settle();
    sent
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

statements! {
    fn when_a_members_session_ends_its_unacknowledged_qos_1_messages_go_to_another(broker: &mut Broker) {
        for [leaving, staying, _] in NAMES {
            let mut leaving = broker.connect(connect5(leaving));
            let mut staying = broker.connect(connect5(staying));
            leaving.subscribe(GROUP, QoS::AtLeastOnce);
            staying.subscribe(GROUP, QoS::AtLeastOnce);
            let sent = publish_numbers(broker, 10, QoS::AtLeastOnce);
            let lost = leaving.drain_publishes();
            let kept = staying.drain_publishes();
            assert!(!lost.is_empty() && !kept.is_empty(), "both are served");
            leaving.send(&puback(lost[0].id).packet());
            leaving.barrier();
            leaving.drop_connection();
            for publish in &kept {
                staying.acknowledge(publish);
            }
            let handed_on = staying.take(lost.len() - 1);
            assert!(handed_on.iter().all(|publish| !publish.dup && publish.qos == QoS::AtLeastOnce));
            assert_eq!(texts(&handed_on), texts(&lost[1..]), "in their order, without the acknowledged one");
            assert_eq!(sorted([texts(&kept), texts(&lost)].concat()), sent);
            broker.settle();
            staying.expect_nothing();
            staying.disconnect();
        }
    }

    fn when_a_members_session_ends_its_waiting_messages_go_to_another(broker: &mut Broker) {
        for [leaving, staying, _] in NAMES {
            let mut leaving = broker.connect(one_at_a_time(leaving));
            leaving.subscribe(GROUP, QoS::ExactlyOnce);
            let sent = publish_numbers(broker, 6, QoS::ExactlyOnce);
            let begun = leaving.drain_publishes();
            assert_eq!(texts(&begun), sent[..1]);
            let mut staying = broker.connect(connect5(staying));
            staying.subscribe(GROUP, QoS::ExactlyOnce);
            leaving.drop_connection();
            assert_eq!(texts(&staying.take(5)), sent[1..], "the QoS 2 message that was begun goes to nobody else");
            broker.settle();
            staying.expect_nothing();
            staying.disconnect();
        }
    }

    fn a_member_that_leaves_the_group_gets_no_more_messages(broker: &mut Broker) {
        for [leaving, staying, _] in NAMES {
            let mut leaving = broker.connect(connect5(leaving));
            let mut staying = broker.connect(connect5(staying));
            leaving.subscribe(GROUP, QoS::AtMostOnce);
            staying.subscribe(GROUP, QoS::AtMostOnce);
            assert_eq!(leaving.unsubscribe(GROUP), [ReasonCode::Success]);
            let sent = publish_numbers(broker, 6, QoS::AtLeastOnce);
            assert_eq!(texts(&staying.drain_publishes()), sent);
            leaving.expect_nothing();
            leaving.disconnect();
            staying.disconnect();
        }
    }

    fn members_with_a_connection_are_preferred(broker: &mut Broker) {
        for [away, online, also_away] in NAMES {
            for name in [away, also_away] {
                let mut client = broker.connect(connect5(name).session_expiry(100));
                client.subscribe(GROUP, QoS::AtLeastOnce);
                client.disconnect();
            }
            let mut online = broker.connect(connect5(online));
            online.subscribe(GROUP, QoS::AtLeastOnce);
            let sent = publish_numbers(broker, 15, QoS::AtLeastOnce);
            assert_eq!(texts(&online.take(15)), sent);
            online.disconnect();
            for name in [away, also_away] {
                let mut client = broker.connect(connect5(name).clean_start(false));
                client.expect_nothing();
                client.disconnect();
            }
        }
    }

    fn without_any_connection_messages_wait_for_one_member_each(broker: &mut Broker) {
        for names in NAMES {
            for name in names {
                let mut client = broker.connect(connect5(name).session_expiry(100));
                client.subscribe(GROUP, QoS::AtLeastOnce);
                client.disconnect();
            }
            let sent = publish_numbers(broker, 12, QoS::AtLeastOnce);
            let mut received = vec![];
            for name in names {
                let mut client = broker.connect(connect5(name).clean_start(false));
                received.extend(texts(&client.take_all()));
                client.unsubscribe(GROUP);
                client.disconnect();
            }
            assert_eq!(sorted(received), sent);
        }
    }

    fn a_member_whose_receive_maximum_is_used_up_is_passed_over(broker: &mut Broker) {
        let [stuck, working, _] = NAMES[0];
        let mut stuck = broker.connect(one_at_a_time(stuck));
        let mut working = broker.connect(connect5(working));
        stuck.subscribe(GROUP, QoS::AtLeastOnce);
        working.subscribe(GROUP, QoS::AtLeastOnce);
        let sent = publish_numbers(broker, 10, QoS::AtLeastOnce);
        let mut received = texts(&stuck.drain_publishes());
        received.extend(texts(&working.drain_publishes()));
        stuck.drop_connection();
        broker.settle();
        received.extend(texts(&working.drain_publishes()));
        received.sort();
        received.dedup();
        assert_eq!(received, sent, "nothing is lost with the stuck member");
    }

    fn clients_of_3_1_1_share_as_well(broker: &mut Broker) {
        for [older, other, newer] in NAMES {
            let mut clients = [
                broker.connect(connect311(older)),
                broker.connect(connect311(other)),
                broker.connect(connect5(newer)),
            ];
            for client in &mut clients {
                assert!(!client.subscribe(GROUP, QoS::AtLeastOnce)[0].is_error());
            }
            let sent = publish_numbers(broker, 30, QoS::AtLeastOnce);
            let mut received = vec![];
            for client in &mut clients {
                let own = client.drain_publishes();
                assert!(!own.is_empty(), "each is served");
                received.extend(texts(&own));
            }
            assert_eq!(sorted(received), sent);
            for client in &mut clients {
                client.unsubscribe(GROUP);
                client.disconnect();
            }
        }
    }

    fn the_messages_are_spread_fairly_over_the_members(broker: &mut Broker) {
        for names in NAMES {
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
                let mut clients: Vec<Client> = names
                    .iter()
                    .map(|name| {
                        let mut client = broker.connect(connect5(name));
                        client.subscribe(GROUP, qos);
                        client
                    })
                    .collect();
                let mut shares: BTreeMap<&str, usize> = BTreeMap::new();
                for _ in 0..9 {
                    publish_numbers(broker, 10, QoS::AtLeastOnce);
                    for (client, name) in clients.iter_mut().zip(names) {
                        for publish in client.drain_publishes() {
                            client.acknowledge(&publish);
                            *shares.entry(name).or_default() += 1;
                        }
                    }
                }
                assert_eq!(shares.values().sum::<usize>(), 90);
                for name in names {
                    let share = shares.get(name).copied().unwrap_or(0);
                    assert!((20..=40).contains(&share), "of 90 messages: {shares:?}");
                }
                for mut client in clients {
                    client.disconnect();
                }
            }
        }
    }
}

statements_with! {
    |setup| { setup.shards = 4; }

    fn the_messages_are_spread_fairly_over_many_shards(broker: &mut Broker) {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let mut clients: Vec<Client> = names
            .iter()
            .map(|name| {
                let mut client = broker.connect(connect5(name));
                client.subscribe(GROUP, QoS::AtLeastOnce);
                client
            })
            .collect();
        let sent = publish_numbers(broker, 80, QoS::AtLeastOnce);
        let mut received = vec![];
        for client in &mut clients {
            let own = texts(&client.drain_publishes());
            assert!((5..=15).contains(&own.len()), "of 80 messages one of eight got {own:?}");
            received.extend(own);
        }
        assert_eq!(sorted(received), sent);
    }
}

statements_in_memory! {
    fn when_an_absent_members_session_expires_its_messages_go_to_another(broker: &mut Broker) {
        for [absent, staying, _] in NAMES {
            let mut client = broker.connect(connect5(absent).session_expiry(10));
            client.subscribe(GROUP, QoS::AtLeastOnce);
            let mut sent = publish_numbers(broker, 2, QoS::AtLeastOnce);
            client.disconnect();
            sent.extend(publish_numbers(broker, 2, QoS::ExactlyOnce));
            let mut staying = broker.connect(connect5(staying));
            staying.subscribe(GROUP, QoS::ExactlyOnce);
            broker.advance(Duration::from_secs(8));
            staying.expect_nothing();
            broker.advance(Duration::from_secs(4));
            assert_eq!(sorted(texts(&staying.take(4))), sorted(sent));
            staying.disconnect();
        }
    }

    fn expired_messages_of_an_ended_session_go_to_nobody(broker: &mut Broker) {
        for [absent, staying, _] in NAMES {
            let mut client = broker.connect(connect5(absent).session_expiry(20));
            client.subscribe(GROUP, QoS::AtLeastOnce);
            let mut publisher = broker.connect(connect5("publisher"));
            let expiring = || publish("a").property(Property::MessageExpiryInterval(10));
            publisher.publish_packet(expiring().payload(b"in flight"), QoS::AtLeastOnce);
            assert_eq!(texts(&[client.expect_publish()]), ["in flight"]);
            client.drop_connection();
            publisher.publish_packet(expiring().payload(b"waiting"), QoS::AtLeastOnce);
            publisher.publish("a", "lasting", QoS::AtLeastOnce);
            let mut staying = broker.connect(connect5(staying));
            staying.subscribe(GROUP, QoS::AtLeastOnce);
            broker.advance(Duration::from_secs(25));
            assert_eq!(texts(&staying.drain_publishes()), ["lasting"]);
            staying.disconnect();
        }
    }
}
