//! What the broker grants: the properties of CONNACK, and its version.

use core::time::Duration;

use martlet_client::{Properties, Property, ProtocolVersion};
use martlet_tools::json::Json;

use super::bench::Bench;
use super::report::Report;

/// What a client asks for, to see what it is granted.
const SESSION_EXPIRY_ASKED: Duration = Duration::from_hours(24);
/// The broker's version is a retained message if there is one.
const VERSION_PATIENCE: Duration = Duration::from_secs(2);

/// Tells what the broker says about itself.
pub(super) fn probe(bench: &Bench, report: &mut Report) {
    report.fact("version", "version ($SYS)", version(bench));
    if bench.version() != ProtocolVersion::Mqtt5 {
        return;
    }
    // A client without a name, to see whether it gets one. Its Session ends with it: see Bench::disconnect.
    let options = bench.options("e").client_identifier("").session_expiry(SESSION_EXPIRY_ASKED);
    let named = bench.options("e").session_expiry(SESSION_EXPIRY_ASKED);
    let Ok(client) = bench.connect(options).or_else(|_| bench.connect(named)) else { return };
    if let Some(connection) = client.connection() {
        report.section("Granted in CONNACK of MQTT 5.0");
        granted(&connection.properties(), report);
    }
    bench.disconnect(&client);
}

/// What is told, in this order: the property's name for machines and for people, and what it means if it is missing.
fn rows() -> [(&'static str, &'static str, Json); 11] {
    [
        ("receive-maximum", "Receive Maximum", Json::from(65_535_u32)),
        ("maximum-packet-size", "Maximum Packet Size, bytes", Json::Null),
        ("topic-alias-maximum", "Topic Alias Maximum", Json::from(0_u32)),
        ("maximum-qos", "Maximum QoS", Json::from(2_u32)),
        ("retain-available", "retained messages", Json::Bool(true)),
        ("wildcard-subscription-available", "wildcard subscriptions", Json::Bool(true)),
        ("shared-subscription-available", "Shared Subscriptions", Json::Bool(true)),
        ("subscription-identifier-available", "Subscription Identifiers", Json::Bool(true)),
        ("server-keep-alive", "Server Keep Alive, s (60 asked)", Json::Null),
        ("session-expiry-interval", "Session Expiry, s (86400 asked)", Json::from(86_400_u32)),
        ("assigned-client-identifier", "Assigned Client Identifier", Json::Null),
    ]
}

/// A property's name for machines, and its value.
fn value(property: &Property<'_>) -> Option<(&'static str, Json)> {
    Some(match *property {
        Property::ReceiveMaximum(number) => ("receive-maximum", Json::from(u32::from(number.get()))),
        Property::MaximumPacketSize(bytes) => ("maximum-packet-size", Json::from(bytes.get())),
        Property::TopicAliasMaximum(number) => ("topic-alias-maximum", Json::from(u32::from(number))),
        Property::MaximumQos(qos) => ("maximum-qos", Json::from(u32::from(qos as u8))),
        Property::RetainAvailable(truth) => ("retain-available", Json::Bool(truth)),
        Property::WildcardSubscriptionAvailable(truth) => {
            ("wildcard-subscription-available", Json::Bool(truth))
        }
        Property::SharedSubscriptionAvailable(truth) => ("shared-subscription-available", Json::Bool(truth)),
        Property::SubscriptionIdentifierAvailable(truth) => {
            ("subscription-identifier-available", Json::Bool(truth))
        }
        Property::ServerKeepAlive(seconds) => ("server-keep-alive", Json::from(u32::from(seconds))),
        Property::SessionExpiryInterval(seconds) => ("session-expiry-interval", Json::from(seconds)),
        Property::AssignedClientIdentifier(name) => ("assigned-client-identifier", Json::from(name)),
        _ => return None,
    })
}

fn granted(properties: &Properties<'_>, report: &mut Report) {
    let told: Vec<_> = properties.iter().filter_map(|property| value(&property)).collect();
    for (id, name, missing) in rows() {
        let value = told.iter().find(|(other, _)| *other == id).map(|(_, value)| value.clone());
        report.fact(id, name, value.unwrap_or(missing));
    }
}

fn version(bench: &Bench) -> Json {
    let Some(client) = bench.client() else { return Json::Null };
    let told = bench.wait_at_most(VERSION_PATIENCE, async {
        let mut versions = client.subscribe("$SYS/broker/version").await.ok()?;
        versions.recv().await
    });
    told.flatten().and_then(|message| message.text().map(Json::from)).unwrap_or(Json::Null)
}
