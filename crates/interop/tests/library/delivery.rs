//! Messages on their way from one client of the library to another.

use interop::Mosquitto;
use martlet_client::{Overflow, Property, ProtocolVersion, QoS, ReasonCode};

use crate::client::{
    EACH_QOS, VERSIONS, connect_to, next, next_text, options, play, publish, subscribe, within,
};

#[test]
fn a_message_comes_with_the_lower_qos_of_publisher_and_subscriber() {
    play(|| async {
        let broker = Mosquitto::with("");
        for version in VERSIONS {
            let (receiver, sender) = (connect_to(&broker, version).await, connect_to(&broker, version).await);
            for granted in EACH_QOS {
                let topic = format!("qos/{granted:?}");
                let mut stream = within(receiver.subscribe(&topic).qos(granted)).await.unwrap();
                assert_eq!(stream.granted_qos(), granted);
                for qos in EACH_QOS {
                    publish(&sender, &topic, &format!("{qos:?}"), qos).await;
                    let message = next(&mut stream).await;
                    assert_eq!(message.text(), Some(&*format!("{qos:?}")));
                    assert_eq!((message.qos(), message.retain()), (qos.min(granted), false));
                }
            }
        }
    });
}

#[test]
fn many_messages_keep_their_order() {
    const MESSAGES: usize = 3000;
    play(|| async {
        let broker = Mosquitto::with("max_queued_messages 10000");
        for version in VERSIONS {
            let (receiver, sender) = (connect_to(&broker, version).await, connect_to(&broker, version).await);
            for qos in EACH_QOS {
                let topic = format!("many/{qos:?}");
                let mut stream = subscribe(&receiver, &topic).await;
                let sending = async {
                    let mut completions = Vec::new();
                    for number in 0..MESSAGES {
                        let publish = sender.publish(&topic, number.to_string()).qos(qos);
                        completions.push(publish.enqueue().await.unwrap());
                    }
                    for completion in completions {
                        completion.await.unwrap();
                    }
                };
                let receiving = async {
                    for number in 0..MESSAGES {
                        assert_eq!(next_text(&mut stream).await, number.to_string(), "{version:?} {qos:?}");
                    }
                };
                within(async { tokio::join!(sending, receiving) }).await;
            }
        }
    });
}

#[test]
fn a_retained_message_waits_for_subscribers() {
    play(|| async {
        for version in VERSIONS {
            let broker = Mosquitto::with("");
            let client = connect_to(&broker, version).await;
            for qos in EACH_QOS {
                let topic = format!("retained/{qos:?}");
                within(client.publish(&topic, "old").qos(qos).retain(true)).await.unwrap();
                within(client.publish(&topic, "kept").qos(qos).retain(true)).await.unwrap();
                let mut stream = subscribe(&client, &topic).await;
                let message = next(&mut stream).await;
                assert_eq!((message.text(), message.retain(), message.qos()), (Some("kept"), true, qos));
                within(client.publish(&topic, "").qos(qos).retain(true)).await.unwrap();
                assert!(!next(&mut stream).await.retain(), "to a subscriber it is a message as any other");
                let mut late = subscribe(&client, &format!("retained/+/{qos:?}")).await;
                publish(&client, &format!("retained/x/{qos:?}"), "end", qos).await;
                assert_eq!(next_text(&mut late).await, "end");
            }
        }
    });
}

#[test]
fn mqtt5_properties_arrive() {
    play(|| async {
        let broker = Mosquitto::with("");
        let client = connect_to(&broker, ProtocolVersion::Mqtt5).await;
        let mut stream = subscribe(&client, "properties/#").await;
        let publish = client.publish("properties/x", "payload").qos(QoS::AtLeastOnce);
        let publish = publish.property(&Property::ContentType("text/plain"));
        let publish = publish.property(&Property::UserProperty("key", "value"));
        within(publish).await.unwrap();
        let message = next(&mut stream).await;
        assert_eq!(message.properties().content_type(), Some("text/plain"));
        assert_eq!(message.user_properties().collect::<Vec<_>>(), [("key", "value")]);
        assert_eq!(message.properties().subscription_identifiers().count(), 1);
        // Nobody is subscribed, and the broker says so.
        let published = within(client.publish("nobody", "").qos(QoS::AtLeastOnce)).await.unwrap();
        assert_eq!(published.code, ReasonCode::NoMatchingSubscribers);
    });
}

#[test]
fn mqtt5_requests_have_answers() {
    play(|| async {
        let broker = Mosquitto::with("");
        let (service, client) = (
            connect_to(&broker, ProtocolVersion::Mqtt5).await,
            connect_to(&broker, ProtocolVersion::Mqtt5).await,
        );
        let mut requests = subscribe(&service, "upper").await;
        let serving = async {
            for _ in 0..3 {
                let request = next(&mut requests).await;
                let answer = request.text().unwrap().to_uppercase();
                within(service.reply(&request, answer).unwrap()).await.unwrap();
            }
        };
        let asking = async {
            let requester = within(client.requester()).await.unwrap();
            for word in ["one", "two", "three"] {
                let answer = within(requester.request("upper", word)).await.unwrap();
                assert_eq!(answer.text(), Some(&*word.to_uppercase()));
            }
        };
        within(async { tokio::join!(serving, asking) }).await;
    });
}

#[test]
fn the_aliases_and_the_quota_of_the_broker_are_kept_to() {
    play(|| async {
        let broker = Mosquitto::with("max_inflight_messages 3\nmax_topic_alias 2\nmax_packet_size 2000");
        let client = connect_to(&broker, ProtocolVersion::Mqtt5).await;
        let mut stream = within(client.subscribe("a/#").overflow(Overflow::Wait)).await.unwrap();
        for number in 0..200 {
            let topic = format!("a/{}", number % 5);
            let qos = EACH_QOS[number % 3];
            within(client.publish(topic, number.to_string()).qos(qos).enqueue()).await.unwrap();
        }
        for _ in 0..200 {
            next(&mut stream).await;
        }
        let error = within(client.publish("a/0", vec![0; 2000]).qos(QoS::AtLeastOnce)).await.unwrap_err();
        assert_eq!(error, martlet_client::PublishError::TooLarge);
        assert!(client.connection().is_some(), "the broker has no reason to complain");
    });
}

#[test]
fn the_broker_refuses_who_may_not_come_in() {
    play(|| async {
        let broker = Mosquitto::start(|place| {
            format!("listener {} 127.0.0.1\nallow_anonymous false\n", place.ports[0])
        });
        for version in VERSIONS {
            let options = options(broker.port(), version).credentials("nobody", "wrong");
            let error = within(martlet_client::Client::connect(options)).await.unwrap_err();
            let martlet_client::ConnectError::Refused(reason) = error else { panic!("{error:?}") };
            assert_eq!(reason.code, ReasonCode::NotAuthorized);
        }
    });
}
