//! One set of scenarios, played with each library in each version. A scenario is a script in `peers/paho` and one in
//! `peers/mqttjs`; both print the same lines.

#![forbid(unsafe_code)]

use interop::{Broker, Peer, Process};

/// Plays the scenario against a broker of its own and compares what it prints.
fn play(peer: Peer, version: &str, scenario: &str, expected: &str) {
    if !peer.is_here() {
        return;
    }
    let broker = Broker::start();
    let mut script = peer.script(&format!("{}/{scenario}", peer.name()));
    let printed = Process::start(script.args([&broker.port().to_string(), version])).finish();
    assert_eq!(printed.join("\n"), expected.trim());
}

macro_rules! scenarios {
    ($version:literal: $($name:ident $expected:expr;)*) => {
        mod paho {
            $(#[test] fn $name() { crate::play(interop::Peer::Paho, $version, stringify!($name), $expected); })*
        }
        mod mqttjs {
            $(#[test] fn $name() { crate::play(interop::Peer::MqttJs, $version, stringify!($name), $expected); })*
        }
    };
}

mod mqtt311 {
    scenarios! {
        "4":
        burst crate::BURST;
        large_payload crate::LARGE_PAYLOAD;
        qos crate::QOS;
        retained crate::RETAINED;
        session_resume crate::SESSION_RESUME;
        take_over "ended closed\ngot still here";
        unsubscribe crate::UNSUBSCRIBE;
        will crate::WILL;
    }
}

mod mqtt5 {
    scenarios! {
        "5":
        burst crate::BURST;
        large_payload crate::LARGE_PAYLOAD;
        qos crate::QOS;
        retained crate::RETAINED;
        session_resume crate::SESSION_RESUME;
        take_over "ended told\ngot still here";
        unsubscribe crate::UNSUBSCRIBE;
        will crate::WILL;

        assigned_identifier "different 2 true";
        message_expiry "got long\nless true";
        properties_round_trip crate::PROPERTIES_ROUND_TRIP;
        shared crate::SHARED;
        subscription_options crate::SUBSCRIPTION_OPTIONS;
        topic_alias "got alias/a 1\ngot alias/a 2\ngot alias/b 3\ngot alias/b 4";
        will_delay "got stays-away\nwaited true\ngot back-in-time";
    }
}

const BURST: &str = "
qos 1 in order
qos 2 in order
";

const LARGE_PAYLOAD: &str = "
got 0 1048576 same
got 1 1048576 same
got 2 1048576 same
";

const QOS: &str = "
granted 0
granted 1
granted 2
granted 1
got qos/0 0 payload 0
got qos/1 1 payload 1
got qos/2 2 payload 2
got qos/lower 1 payload 2
";

const RETAINED: &str = "
present first 0
present second 0
later second 1
last retained/b marker 1
";

const SESSION_RESUME: &str = "
present 0
present 1
got resume/0 1 waiting 0
got resume/1 2 waiting 1
got resume/2 1 waiting 2
got live
present 0
";

const UNSUBSCRIBE: &str = "
got before
got marker
";

const WILL: &str = "
got will/lost 1 gone
retained will/lost 1 gone
";

const PROPERTIES_ROUND_TRIP: &str = "
granted 1
format 1
expiry true
type application/json
response answer/here
correlation 0001ff
user key one
user key two
user ключ значение
identifier 7
";

const SHARED: &str = "
plain 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19
together 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19
more 0
";

const SUBSCRIPTION_OPTIONS: &str = "
local other
published flag 1
handling 2 live 0
handling 1 again 0
handling 0 kept 1
";
