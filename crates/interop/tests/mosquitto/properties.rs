//! The properties of MQTT 5.0 that the tools can send and print.

use core::time::Duration;
use std::thread;

use interop::Process;

use crate::tools::version_5;

#[test]
fn properties_of_a_publish_reach_the_subscriber() {
    version_5(|bench| {
        let format = "%p|%C|%D|%F|%R|%P|%E";
        let mut subscriber = bench.subscribe(&["-t", "properties", "-F", format]);
        #[rustfmt::skip]
        bench.publish(&[
            "-t", "properties", "-m", "payload",
            "-D", "publish", "content-type", "text/plain",
            "-D", "publish", "correlation-data", "request-7",
            "-D", "publish", "payload-format-indicator", "1",
            "-D", "publish", "response-topic", "answers/7",
            "-D", "publish", "user-property", "colour", "green",
            "-D", "publish", "user-property", "colour", "blue",
            "-D", "publish", "message-expiry-interval", "1000",
        ]);
        let message = subscriber.message();
        let (start, expiry) = message.rsplit_once('|').expect("the format has bars");
        assert_eq!(start, "payload|text/plain|request-7|1|answers/7|colour:green colour:blue");
        let expiry: u32 = expiry.parse().expect("the Message Expiry Interval is a number");
        assert!((990..=1000).contains(&expiry), "{expiry}");
    });
}

#[test]
fn each_matching_subscription_identifier_is_told() {
    version_5(|bench| {
        let subscription = ["-D", "subscribe", "subscription-identifier", "42"];
        let mut subscriber = bench.subscribe(&[&subscription[..], &["-t", "id/+", "-F", "%S %t"]].concat());
        bench.publish(&["-t", "id/a", "-m", "x"]);
        assert_eq!(subscriber.message(), "42 id/a");
    });
}

#[test]
fn a_message_that_expires_while_it_waits_is_not_delivered() {
    version_5(|bench| {
        let session = ["-i", "expiry", "-c", "-q", "1", "-t", "expiry"];
        bench.subscribe_and_leave(&session);
        let expiry = ["-D", "publish", "message-expiry-interval"];
        bench.publish(&[&["-t", "expiry", "-q", "1", "-m", "short"], &expiry[..], &["1"]].concat());
        bench.publish(&[&["-t", "expiry", "-q", "1", "-m", "long"], &expiry[..], &["60"]].concat());
        // What is tested is that this time passes.
        thread::sleep(Duration::from_secs(2));
        assert_eq!(bench.subscribe(&session).message(), "long");
    });
}

#[test]
fn a_request_finds_its_response() {
    version_5(|bench| {
        let mut service = bench.subscribe(&["-t", "service", "-F", "%R|%D|%p"]);
        let arguments =
            ["-t", "service", "-e", "answers", "-m", "question", "-D", "publish", "correlation-data", "9"];
        let mut request = Process::start(&mut bench.tool("mosquitto_rr", &arguments));
        assert_eq!(service.message(), "answers|9|question");
        bench.publish(&["-t", "answers", "-m", "answer", "-D", "publish", "correlation-data", "9"]);
        assert_eq!(request.line(), "answer");
        request.finish();
    });
}

#[test]
fn the_topic_alias_of_a_publisher_is_resolved() {
    version_5(|bench| {
        let mut subscriber = bench.subscribe(&["-t", "alias/#", "-v"]);
        // The tool sends the Topic Name with the first message alone.
        let arguments = ["-t", "alias/long/name", "-D", "publish", "topic-alias", "1"];
        let repeated = ["-m", "again", "--repeat", "3", "--repeat-delay", "0.01"];
        bench.publish(&[&arguments[..], &repeated[..]].concat());
        for _ in 0..3 {
            assert_eq!(subscriber.message(), "alias/long/name again");
        }
    });
}
