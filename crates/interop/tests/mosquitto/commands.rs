//! Commands as people type them.

use interop::Process;

use crate::tools::{each_version, version_5};

#[test]
fn a_plus_stands_for_one_level() {
    each_version(|bench| {
        bench.publish(&["-t", "switches/hall/status", "-m", "retained", "-r"]);
        let mut subscriber = Process::start(&mut bench.tool("mosquitto_sub", &["-t", "switches/+/status"]));
        // A retained message is the sign that the subscription stands.
        assert_eq!(subscriber.line(), "retained");
        bench.publish(&["-t", "switches/hall/lamp/status", "-m", "too deep"]);
        bench.publish(&["-t", "switches/status", "-m", "too flat"]);
        bench.publish(&["-t", "switches/hall/state", "-m", "another"]);
        bench.publish(&["-t", "switches/hall/status", "-m", "on"]);
        bench.publish(&["-t", "switches//status", "-m", "an empty level is a level"]);
        assert_eq!(subscriber.line(), "on");
        assert_eq!(subscriber.line(), "an empty level is a level");
    });
}

#[test]
fn a_number_sign_stands_for_all_below_and_the_parent() {
    each_version(|bench| {
        bench.publish(&["-t", "sensors/attic", "-m", "retained", "-r"]);
        let mut subscriber = Process::start(&mut bench.tool("mosquitto_sub", &["-t", "sensors/#"]));
        assert_eq!(subscriber.line(), "retained");
        bench.publish(&["-t", "sensor", "-m", "another"]);
        for topic in ["sensors", "sensors/a", "sensors/a/b/c", "sensors/"] {
            bench.publish(&["-t", topic, "-m", topic]);
            assert_eq!(subscriber.line(), topic);
        }
    });
}

#[test]
fn each_line_of_the_input_is_a_message() {
    each_version(|bench| {
        let mut subscriber = bench.subscribe(&["-t", "test"]);
        let mut publisher = Process::start(&mut bench.tool("mosquitto_pub", &["-t", "test", "-l"]));
        for line in ["one", "two words", "ünïcödé"] {
            publisher.write_line(line);
            assert_eq!(subscriber.message(), line);
        }
        publisher.close_input();
        publisher.finish();
    });
}

#[test]
fn many_lines_arrive_in_their_order() {
    each_version(|bench| {
        for qos in ["0", "1", "2"] {
            let mut subscriber = bench.subscribe(&["-t", "test", "-q", qos]);
            let mut publisher =
                Process::start(&mut bench.tool("mosquitto_pub", &["-t", "test", "-l", "-q", qos]));
            for number in 0..200 {
                publisher.write_line(&format!("line {number}"));
            }
            for number in 0..200 {
                assert_eq!(subscriber.message(), format!("line {number}"));
            }
            publisher.finish();
        }
    });
}

#[test]
fn a_url_names_user_and_topic() {
    each_version(|bench| {
        let mut subscriber = bench.subscribe(&["-t", "home/#", "-v"]);
        bench.publish(&["-L", &bench.url("user:password", "home/door"), "-m", "open"]);
        assert_eq!(subscriber.message(), "home/door open");
    });
}

#[test]
fn the_exit_status_tells_how_it_ended() {
    version_5(|bench| {
        bench.publish(&["-t", "status", "-m", "kept", "-r"]);
        for (tool, arguments, status) in [
            ("mosquitto_sub", &["-t", "status", "-C", "1"][..], 0),
            ("mosquitto_sub", &["-t", "status", "-E"], 0),
            ("mosquitto_sub", &["-t", "silence", "-W", "1"], 27),
            ("mosquitto_rr", &["-t", "nobody", "-e", "silence", "-m", "x", "-W", "1"], 27),
            ("mosquitto_pub", &["-t", "a/#", "-m", "x"], 1),
            ("mosquitto_pub", &["-t", "a", "-m", "x", "-h", "host.invalid"], 1),
        ] {
            let ended = bench.tool(tool, arguments).output().expect("the tool runs");
            assert_eq!(ended.status.code(), Some(status), "{tool} {arguments:?}: {ended:?}");
        }
    });
}
