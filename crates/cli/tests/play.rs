//! `martlet play` as it is run, against our own broker.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use core::fmt::Write as _;
use core::time::Duration;
use std::time::Instant;

use common::{DEADLINE, Done, Folder, broker, broker_options, client, port, run, run_with};
use martlet_client::blocking::Subscription;
use martlet_client::{Message, QoS};
use martlet_server::Broker;

const HEAD: &str = "{\"martlet-record\":1}\n";

fn next(messages: &mut Subscription) -> Message {
    messages.recv_timeout(DEADLINE).expect("a message")
}

/// The first line of what was printed, without its numbers of time.
fn summary(done: &Done) -> String {
    let (count, rest) = done.out.trim_end().split_once(" message").unwrap_or_else(|| panic!("{done:?}"));
    let (_, rest) = rest.split_once(" a second").unwrap_or_else(|| panic!("{done:?}"));
    format!("{count}{rest}")
}

#[test]
fn messages_are_published_as_they_were_recorded() {
    let broker = broker();
    let client = client(&broker);
    let mut messages = client.subscribe_with("#", |it| it.retain_as_published(true)).unwrap();
    let record = format!(
        "{HEAD}\
         {{\"time_us\":5000000,\"topic\":\"a/b\",\"qos\":0,\"retain\":false,\"payload\":\"21.5\"}}\n\
         {{\"time_us\":5000001,\"topic\":\"c\",\"qos\":2,\"retain\":true,\"payload_base64\":\"/wA=\",\"properties\":[\
         {{\"content-type\":\"x/y\"}},{{\"topic-alias\":7}},{{\"subscription-identifier\":3}},\
         {{\"message-expiry-interval\":60}},{{\"correlation-data\":\"/wA=\"}},{{\"user-property\":[\"k\",\"v\"]}}]}}\n\
         \n# a comment\n{{\"time_us\":0,\"topic\":\"d\",\"qos\":1}}\n"
    );
    let folder = Folder::new("play");
    let path = folder.file_of("messages", &record);
    let done = run(&format!("play {path} -h 127.0.0.1 -p {}", port(&broker)));
    assert_eq!((done.status, done.err.as_str(), summary(&done)), (Some(0), "", "3".to_owned()));

    let first = next(&mut messages);
    assert_eq!(
        (first.topic(), first.text(), first.qos(), first.retain()),
        ("a/b", Some("21.5"), QoS::AtMostOnce, false)
    );
    let second = next(&mut messages);
    assert_eq!((second.topic(), second.payload()), ("c", &[0xff, 0][..]));
    assert_eq!((second.qos(), second.retain()), (QoS::ExactlyOnce, true));
    let properties = second.properties();
    assert_eq!((properties.content_type(), second.correlation_data()), (Some("x/y"), Some(&[0xff, 0][..])));
    assert_eq!(second.user_properties().collect::<Vec<_>>(), [("k", "v")]);
    assert!(
        properties.iter().any(|it| matches!(it, martlet_client::Property::MessageExpiryInterval(50..=60)))
    );
    let third = next(&mut messages);
    assert_eq!((third.topic(), third.payload(), third.qos()), ("d", &[][..], QoS::AtLeastOnce));
}

#[test]
fn the_pace_is_that_of_the_record_times_the_speed() {
    let broker = broker();
    let client = client(&broker);
    let mut messages = client.subscribe("#").unwrap();
    let record = |gap_us: u64| {
        format!("{HEAD}{{\"time_us\":0,\"topic\":\"a\"}}\n{{\"time_us\":{gap_us},\"topic\":\"b\"}}\n")
    };
    let flags = format!("play - -h 127.0.0.1 -p {}", port(&broker));
    let started = Instant::now();
    let done = run_with(&format!("{flags} --speed 2"), &record(800_000));
    assert_eq!((done.status, summary(&done)), (Some(0), "2".to_owned()));
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
    // An hour, as fast as it goes.
    let done = run_with(&format!("{flags} --speed 0"), &record(3_600_000_000));
    assert_eq!((done.status, summary(&done)), (Some(0), "2".to_owned()));
    for topic in ["a", "b", "a", "b"] {
        assert_eq!(next(&mut messages).topic(), topic);
    }
}

#[test]
fn many_messages_arrive_in_their_order() {
    let mut options = broker_options();
    // A reader that is slower than the publisher loses nothing.
    options.engine.limits.queued_messages_max = 3_000;
    let broker = Broker::start(options).unwrap();
    let client = client(&broker);
    let mut messages = client.subscribe("#").unwrap();
    let mut record = HEAD.to_owned();
    for number in 0..3_000 {
        let qos = number % 2 + 1;
        let _ = writeln!(record, r#"{{"time_us":{number},"topic":"t","qos":{qos},"payload":"{number}"}}"#);
    }
    let reader = std::thread::spawn(move || {
        for number in 0..3_000 {
            assert_eq!(next(&mut messages).text(), Some(number.to_string().as_str()));
        }
    });
    let done = run_with(&format!("play - --speed 0 -h 127.0.0.1 -p {}", port(&broker)), &record);
    assert_eq!((done.status, done.err.as_str(), summary(&done)), (Some(0), "", "3000".to_owned()));
    reader.join().unwrap();
}

#[test]
fn a_damaged_line_is_named_and_can_be_passed_over() {
    let broker = broker();
    let folder = Folder::new("play-damaged");
    let good = "{\"time_us\":0,\"topic\":\"a\"}\n";
    let path =
        folder.file_of("record", &format!("{HEAD}{good}{{\"time_us\":0,\"top\n{good}{{\"topic\":\"a\"}}\n"));
    let flags = format!("play {path} -h 127.0.0.1 -p {}", port(&broker));
    let done = run(&flags);
    assert_eq!((done.status, summary(&done)), (Some(1), "1; stopped before the end".to_owned()));
    let first = format!("Error: {path}: line 3: no JSON object.\n");
    assert_eq!(done.err, format!("{first}--skip-damaged passes over such lines.\n"));
    let done = run(&format!("{flags} --skip-damaged"));
    assert_eq!((done.status, summary(&done)), (Some(0), "2; 2 damaged lines passed over".to_owned()));
    assert_eq!(done.err, format!("{first}Error: {path}: line 5: \"time_us\" is missing or wrong.\n"));

    let path = folder.file_of("other", "{\"martlet-record\":2}\n");
    let done = run(&format!("play {path} --skip-damaged -h 127.0.0.1 -p {}", port(&broker)));
    assert_eq!((done.status, summary(&done)), (Some(1), "0; stopped before the end".to_owned()));
    assert_eq!(done.err, format!("Error: {path}: line 1: the record has another version or none.\n"));
}

#[test]
fn what_the_broker_does_not_take_is_told() {
    let broker = broker();
    let flags = format!("play - -h 127.0.0.1 -p {}", port(&broker));
    let record = format!(
        "{HEAD}{{\"time_us\":0,\"topic\":\"a/#\"}}\n{{\"time_us\":0,\"topic\":\"b\"}}\n\
         {{\"time_us\":0,\"topic\":\"c\",\"properties\":[{{\"payload-format-indicator\":2}}]}}\n\
         {{\"time_us\":0,\"topic\":\"$SYS/x\",\"qos\":1}}\n"
    );
    let done = run_with(&flags, &record);
    assert_eq!((done.status, summary(&done)), (Some(1), "1; 3 not published".to_owned()));
    let lines: Vec<_> = done.err.lines().collect();
    assert!(lines[0].starts_with("Error: -: line 2: the Topic Name is wrong"), "{done:?}");
    assert!(
        lines[1].starts_with("Error: -: line 4: the property payload-format-indicator cannot"),
        "{done:?}"
    );
    assert_eq!(lines[2], "Error: -: line 5: the server refuses the message: Not authorized (0x87).");
    let done = run_with(&format!("{flags} --quiet"), &record);
    assert_eq!((done.status, done.err.as_str()), (Some(1), ""));
}

#[test]
fn without_a_file_or_a_broker_nothing_is_played() {
    let missing = run("play /nonexistent");
    assert_eq!(
        (missing.status, missing.err.as_str()),
        (Some(1), "Error: /nonexistent: No such file or directory.\n")
    );
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = run_with(&format!("play - -h 127.0.0.1 -p {closed}"), HEAD);
    assert_eq!((refused.status, refused.err.as_str()), (Some(1), "Error: Connection refused.\n"));
    let usage = run("play");
    assert_eq!(usage.status, Some(1));
    assert!(usage.err.starts_with("Error: No file to play given.\n"), "{usage:?}");
    let help = run("play --help");
    assert!(help.status == Some(0) && help.out.contains("--skip-damaged"), "{help:?}");
}
