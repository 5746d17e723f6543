//! How a message travels: QoS, retained messages, wildcards, payloads.

use crate::tools::{each_version, gather, version_5};

#[test]
fn the_lower_qos_of_publisher_and_subscriber_counts() {
    each_version(|bench| {
        for subscribed in 0..3 {
            let mut subscriber =
                bench.subscribe(&["-t", "qos", "-q", &subscribed.to_string(), "-F", "%q %r %p"]);
            for published in 0..3 {
                let payload = format!("published with {published}");
                bench.publish(&["-t", "qos", "-q", &published.to_string(), "-m", &payload]);
                assert_eq!(subscriber.message(), format!("{} 0 {payload}", published.min(subscribed)));
            }
        }
    });
}

#[test]
fn a_retained_message_waits_until_it_is_cleared() {
    each_version(|bench| {
        bench.publish(&["-t", "kept/a", "-m", "old", "-r", "-q", "1"]);
        bench.publish(&["-t", "kept/a", "-m", "new", "-r", "-q", "1"]);
        let mut subscriber = bench.subscribe(&["-t", "kept/#", "-q", "1", "-F", "%t %q %r %p"]);
        assert_eq!(subscriber.message(), "kept/a 1 1 new");
        bench.publish(&["-t", "kept/a", "-m", "live", "-r"]);
        assert_eq!(subscriber.message(), "kept/a 0 0 live");

        bench.publish(&["-t", "kept/a", "-n", "-r"]);
        bench.publish(&["-t", "kept/b", "-m", "marker", "-r"]);
        let mut late = bench.subscribe(&["-t", "kept/#", "-F", "%t %r %p"]);
        assert_eq!(late.message(), "kept/b 1 marker");
    });
}

#[test]
fn retain_as_published_keeps_the_flag() {
    version_5(|bench| {
        let mut plain = bench.subscribe(&["-t", "flag", "-F", "%r %p"]);
        let mut asking = bench.subscribe(&["-t", "flag", "-F", "%r %p", "--retain-as-published"]);
        bench.publish(&["-t", "flag", "-m", "kept", "-r"]);
        bench.publish(&["-t", "flag", "-m", "passing"]);
        assert_eq!(plain.message(), "0 kept");
        assert_eq!(plain.message(), "0 passing");
        assert_eq!(asking.message(), "1 kept");
        assert_eq!(asking.message(), "0 passing");
    });
}

#[test]
fn json_output_describes_the_message() {
    version_5(|bench| {
        let mut subscriber = bench.subscribe(&["-t", "json/#", "-q", "2", "-F", "%j"]);
        let json = "{\"a\":1}";
        bench.publish(&["-t", "json/a", "-q", "2", "-m", json, "-D", "publish", "user-property", "k", "v"]);
        let line = subscriber.message();
        for part in [
            r#""topic":"json/a""#,
            r#""qos":2"#,
            r#""payloadlen":7"#,
            r#""payload":"{\"a\":1}""#,
            // Mosquitto has changed these two from 2.0 to 2.1; its tools are of either version.
            if line.contains("false") { r#""retain":false"# } else { r#""retain":0"# },
            if line.contains('[') {
                r#""user-properties":[{"k":"v"}]"#
            } else {
                r#""user-properties":{"k":"v"}"#
            },
        ] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    });
}

#[test]
fn dollar_topics_are_hidden_from_leading_wildcards() {
    each_version(|bench| {
        let mut subscriber = bench.subscribe(&["-t", "#", "-t", "+/x", "-F", "%t"]);
        bench.publish(&["-t", "$private/x", "-m", "hidden"]);
        bench.publish(&["-t", "public/y", "-m", "seen"]);
        assert_eq!(subscriber.message(), "public/y");
    });
}

#[test]
fn an_empty_payload_is_a_message() {
    each_version(|bench| {
        let mut subscriber = bench.subscribe(&["-t", "empty", "-F", "%t %l"]);
        bench.publish(&["-t", "empty", "-n"]);
        assert_eq!(subscriber.message(), "empty 0");
    });
}

#[test]
fn each_message_of_a_shared_subscription_goes_to_one_member() {
    version_5(|bench| {
        let mut members = [(); 2].map(|()| bench.subscribe(&["-t", "$share/g/x", "-q", "1"]));
        let mut plain = bench.subscribe(&["-t", "x", "-q", "1"]);
        let numbers: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        for number in &numbers {
            bench.publish(&["-t", "x", "-q", "1", "-m", number]);
            assert_eq!(plain.message(), *number);
        }
        let mut received = gather(&mut members, numbers.len());
        received.sort();
        assert_eq!(received, numbers);
    });
}
