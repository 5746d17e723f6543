//! Who is let in: the versions of MQTT, TLS, clients without a user name.

use std::time::Instant;

use martlet_client::{ConnectError, ProtocolVersion, ReasonCode};
use martlet_tools::json::Json;

use super::bench::Bench;
use super::report::{Finding, Latency, Report};
use crate::connect::{self, Obstacle};

/// The versions, the best first, each with its name for machines and a letter for its client.
const VERSIONS: [(ProtocolVersion, &str, &str); 3] = [
    (ProtocolVersion::Mqtt5, "mqtt-5.0", "a"),
    (ProtocolVersion::Mqtt311, "mqtt-3.1.1", "b"),
    (ProtocolVersion::Mqtt31, "mqtt-3.1", "c"),
];

/// Connects in each version; answers whether there is a connection for further probes, of the best version that works.
pub(super) fn probe(bench: &mut Bench, report: &mut Report) -> bool {
    report.section("Connection");
    let mut tls = None;
    for (version, id, who) in VERSIONS {
        let started = Instant::now();
        match bench.connect(bench.options_of(version, who)) {
            Ok(client) => {
                let took = Latency::of(&[started.elapsed()]);
                report.optional(id, version.to_string(), took.map_or_else(Finding::works, Finding::takes));
                tls = Some(Finding::with("the certificate is trusted"));
                if bench.client().is_none() {
                    bench.adopt(client, version);
                } else {
                    bench.disconnect(&client);
                }
            }
            Err(error) => {
                if tls.is_none() && connect::obstacle(&error) == Obstacle::Tls {
                    tls = Some(Finding::Fails(connect::why(&error)));
                }
                report.optional(id, version.to_string(), refused(&error));
            }
        }
    }
    let is_connected = bench.client().is_some();
    if bench.is_encrypted()
        && let Some(finding) = tls
    {
        report.essential("tls", "TLS", finding);
    }
    let connected =
        if is_connected { Finding::works() } else { Finding::Fails("no version of MQTT".to_owned()) };
    report.essential("connection", "at least one version", connected);
    if is_connected {
        report.fact("anonymous", "clients without a user name", anonymous(bench));
    }
    is_connected
}

/// Why there is no connection: the broker does not speak the version, or something is wrong.
fn refused(error: &ConnectError) -> Finding {
    match error {
        ConnectError::Refused(reason) if reason.code == ReasonCode::UnsupportedProtocolVersion => {
            Finding::Absent(reason.to_string())
        }
        error => Finding::Fails(connect::why(error)),
    }
}

/// Whether someone is let in without a user name.
fn anonymous(bench: &Bench) -> Json {
    if !bench.has_credentials() {
        // The other connections came about without one.
        return Json::from("let in");
    }
    match bench.connect(bench.anonymous_options()) {
        Ok(client) => {
            bench.disconnect(&client);
            Json::from("let in")
        }
        Err(ConnectError::Refused(reason)) => Json::from(format!("refused: {reason}").as_str()),
        Err(error) => Json::from(format!("refused: {}", connect::why(&error)).as_str()),
    }
}
