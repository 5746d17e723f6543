//! What outlives a connection: Sessions and Wills.

use core::time::Duration;
use std::thread;

use crate::tools::{each_version, version_5};

#[test]
fn a_session_keeps_subscriptions_and_messages() {
    each_version(|bench| {
        let session = ["-i", "session", "-c", "-q", "2", "-t", "session/#", "-F", "%q %p"];
        bench.subscribe_and_leave(&session);
        for qos in ["1", "2"] {
            bench.publish(&["-t", "session/x", "-q", qos, "-m", "waiting"]);
        }
        let mut subscriber = bench.subscribe(&session);
        let mut received = [subscriber.message(), subscriber.message()];
        received.sort();
        assert_eq!(received, ["1 waiting", "2 waiting"]);
    });
}

#[test]
fn a_clean_session_forgets() {
    each_version(|bench| {
        let session = ["-i", "session", "-c", "-q", "1", "-t", "session"];
        bench.subscribe_and_leave(&session);
        bench.subscribe_and_leave(&["-i", "session", "-q", "1", "-t", "another"]);
        bench.publish(&["-t", "session", "-q", "1", "-m", "lost"]);
        let mut subscriber = bench.subscribe(&session);
        bench.publish(&["-t", "session", "-q", "1", "-m", "live"]);
        assert_eq!(subscriber.message(), "live");
    });
}

#[test]
fn a_session_ends_with_its_expiry_interval() {
    version_5(|bench| {
        bench.subscribe_and_leave(&["-i", "session", "-c", "-x", "1", "-q", "1", "-t", "session"]);
        bench.publish(&["-t", "session", "-q", "1", "-m", "lost"]);
        // What is tested is that this time passes.
        thread::sleep(Duration::from_secs(2));
        let mut subscriber = bench.subscribe(&["-i", "session", "-c", "-x", "1", "-q", "1", "-t", "session"]);
        bench.publish(&["-t", "session", "-q", "1", "-m", "live"]);
        assert_eq!(subscriber.message(), "live");
    });
}

#[test]
fn a_killed_client_leaves_its_will() {
    each_version(|bench| {
        let mut watcher = bench.subscribe(&["-t", "will", "-q", "2", "-F", "%q %r %p"]);
        let will = ["--will-topic", "will", "--will-payload", "gone", "--will-qos", "2", "--will-retain"];
        bench.subscribe(&[&["-t", "x"], &will[..]].concat()).kill();
        assert_eq!(watcher.message(), "2 0 gone");
        let mut late = bench.subscribe(&["-t", "will", "-q", "2", "-F", "%q %r %p"]);
        assert_eq!(late.message(), "2 1 gone");
    });
}

#[test]
fn a_client_that_says_goodbye_leaves_no_will() {
    each_version(|bench| {
        let mut watcher = bench.subscribe(&["-t", "will"]);
        bench.publish(&["-t", "x", "-m", "x", "--will-topic", "will", "--will-payload", "gone"]);
        bench.publish(&["-t", "will", "-m", "marker"]);
        assert_eq!(watcher.message(), "marker");
    });
}
