//! What outlives a connection: Sessions and Wills.

use core::time::Duration;

use interop::Mosquitto;
use martlet_client::{ProtocolVersion, QoS, ReasonCode, State, Will};

use crate::client::{
    EACH_QOS, VERSIONS, connect, connect_to, next, next_text, options, play, publish, runtime, subscribe,
    within,
};

#[test]
fn a_lost_client_leaves_its_will() {
    play(|| async {
        let broker = Mosquitto::with("");
        for version in VERSIONS {
            let watcher = connect_to(&broker, version).await;
            for qos in EACH_QOS {
                let topic = format!("will/{version:?}/{qos:?}");
                let mut wills = subscribe(&watcher, &topic).await;
                let will = Will::new(&topic, "lost").qos(qos).retain(true);
                let doomed = runtime();
                let options = options(broker.port(), version).will(will);
                let client = within(doomed.spawn(connect(options))).await.unwrap();
                doomed.shutdown_background(); // the socket closes without a word
                let message = next(&mut wills).await;
                assert_eq!((message.text(), message.qos()), (Some("lost"), qos));
                let mut late = subscribe(&watcher, &format!("will/{version:?}/{qos:?}/#")).await;
                assert!(next(&mut late).await.retain());
                drop(client);
            }
        }
    });
}

#[test]
fn a_client_that_says_goodbye_leaves_no_will_unless_it_wants_to() {
    play(|| async {
        let broker = Mosquitto::with("");
        for version in VERSIONS {
            let watcher = connect_to(&broker, version).await;
            let mut wills = subscribe(&watcher, "will").await;
            let with_will = || options(broker.port(), version).will(Will::new("will", "lost"));
            let client = connect(with_will()).await;
            within(client.disconnect()).await.unwrap();
            publish(&watcher, "will", "marker", QoS::AtLeastOnce).await;
            assert_eq!(next_text(&mut wills).await, "marker");
        }
        let watcher = connect_to(&broker, ProtocolVersion::Mqtt5).await;
        let mut wills = subscribe(&watcher, "will").await;
        let options = options(broker.port(), ProtocolVersion::Mqtt5).will(Will::new("will", "wanted"));
        let client = connect(options).await;
        within(client.disconnect_with(ReasonCode::DisconnectWithWillMessage)).await.unwrap();
        assert_eq!(next_text(&mut wills).await, "wanted");
    });
}

#[test]
fn a_session_outlives_the_connection() {
    play(|| async {
        let broker = Mosquitto::with("");
        for version in VERSIONS {
            let kept = || {
                let hour = Duration::from_hours(1);
                options(broker.port(), version)
                    .client_identifier("kept")
                    .clean_start(false)
                    .session_expiry(hour)
            };
            let client = connect(kept()).await;
            let stream = subscribe(&client, "session/#").await;
            assert!(!client.connection().unwrap().session_present);
            within(client.disconnect()).await.unwrap();
            drop(stream);
            let sender = connect_to(&broker, version).await;
            for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
                publish(&sender, "session/x", &format!("{qos:?}"), qos).await;
            }
            let (client, mut rest) = within(martlet_client::Client::resume(kept())).await.unwrap();
            assert!(client.connection().unwrap().session_present);
            for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
                let message = next(&mut rest).await;
                assert_eq!((message.text(), message.qos()), (Some(&*format!("{qos:?}")), qos));
            }
            within(client.disconnect()).await.unwrap();
            let clean = options(broker.port(), version).client_identifier("kept");
            assert!(!connect(clean).await.connection().unwrap().session_present);
        }
    });
}

#[test]
fn a_session_outlives_the_broker() {
    play(|| async {
        for version in VERSIONS {
            let mut broker = Mosquitto::start(|place| {
                let folder = place.folder.display();
                let port = place.ports[0];
                format!(
                    "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
                )
            });
            let kept = |name| {
                let hour = Duration::from_hours(1);
                options(broker.port(), version)
                    .client_identifier(name)
                    .clean_start(false)
                    .session_expiry(hour)
            };
            let receiver = connect(kept("receiver")).await;
            let mut stream = subscribe(&receiver, "t").await;
            let sender = connect(kept("sender")).await;
            publish(&sender, "t", "before", QoS::ExactlyOnce).await;
            assert_eq!(next_text(&mut stream).await, "before");
            broker.restart();
            // Some are published while the broker is away.
            let mut completions = Vec::new();
            for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
                let completion = sender.publish("t", format!("{qos:?}")).qos(qos).enqueue().await.unwrap();
                completions.push(completion);
            }
            for completion in completions {
                within(completion).await.unwrap();
            }
            assert_eq!(next_text(&mut stream).await, "AtLeastOnce");
            assert_eq!(next_text(&mut stream).await, "ExactlyOnce");
            for client in [&receiver, &sender] {
                let state =
                    within(client.state().wait_for(|state| matches!(state, State::Connected(_)))).await;
                let State::Connected(connection) = state else { panic!("{state:?}") };
                assert!(connection.session_present);
            }
        }
    });
}
