//! One set of scenarios, played with each library in each version. A scenario is a script in `peers/paho` and one in
//! `peers/mqttjs`; both print the same lines. Some are played again over TLS and WebSocket.

#![forbid(unsafe_code)]

use authority::Authority;
use interop::{Broker, Peer, Process};
use martlet_server::{Host, ListenerOptions, Options, Security, TlsOptions, WebSocketOptions};

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

/// Plays the scenario over TLS (`tls`), WebSocket (`ws`) or both (`wss`).
fn play_over(way: &str, peer: Peer, version: &str, scenario: &str, expected: &str) {
    if !peer.is_here() {
        return;
    }
    let has_tls = matches!(way, "tls" | "wss");
    let authority = Authority::new(&format!("interop-{way}-{version}-{scenario}-{}", peer.name()));
    let mut options = Options::listening_on(Host::Named("127.0.0.1".into()), 0);
    let server = authority.server();
    options.listeners[0].security =
        has_tls.then(|| Security::Tls(TlsOptions::new(server.certificate_file, server.key_file)));
    options.listeners[0].websocket =
        matches!(way, "ws" | "wss").then(|| WebSocketOptions::new(ListenerOptions::WEB_SOCKET_PROTOCOLS));
    let broker = martlet_server::Broker::start(options).expect("a broker starts on the loopback interface");
    let mut script = peer.script(&format!("{}/{scenario}", peer.name()));
    script.args([&broker.local_addrs()[0].port().to_string(), version, way]);
    if has_tls {
        script.arg(&authority.file);
    }
    let printed = Process::start(&mut script).finish();
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

macro_rules! scenarios_over {
    ($($module:ident $way:literal;)*) => {
        $(mod $module {
            scenarios_over! { @in $way: paho interop::Peer::Paho; mqttjs interop::Peer::MqttJs; }
        })*
    };
    (@in $way:literal: $($library:ident $peer:expr;)*) => {
        $(mod $library {
            #[test]
            fn large_payload_in_mqtt311() {
                crate::play_over($way, $peer, "4", "large_payload", crate::LARGE_PAYLOAD);
            }

            #[test]
            fn qos_in_mqtt5() {
                crate::play_over($way, $peer, "5", "qos", crate::QOS);
            }

            #[test]
            fn will_in_mqtt5() {
                crate::play_over($way, $peer, "5", "will", crate::WILL);
            }
        })*
    };
}

scenarios_over! {
    over_tls "tls";
    over_websocket "ws";
    over_websocket_and_tls "wss";
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
