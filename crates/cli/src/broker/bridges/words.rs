//! What the log says of bridges.

use std::sync::Arc;

use martlet_bridge::{Log, Notice, Refusal};
use martlet_client::TlsError;
use martlet_server::config::{BridgeSettings, Dialect};
use martlet_server::logging::NOTICE;
use martlet_wire::{ProtocolVersion, ReasonCode};

use crate::connect;

/// What writes the notices of bridges into the log.
pub(super) fn log(dialect: Dialect) -> Log {
    Arc::new(move |bridge, notice| match dialect {
        Dialect::Martlet => say(bridge, notice),
        Dialect::Mosquitto => say_as_mosquitto(bridge, notice),
    })
}

/// Says that a bridge cannot be started, or goes on as it was.
pub(super) fn say_unusable(dialect: Dialect, bridge: &BridgeSettings, error: &TlsError) {
    match dialect {
        Dialect::Martlet => {
            tracing::error!(bridge = bridge.name, %error, "the bridge cannot be used as configured");
        }
        Dialect::Mosquitto => {
            tracing::error!("Error: {error}.");
            tracing::warn!("Warning: Unable to connect bridge {}.", bridge.name);
        }
    }
}

fn say(bridge: &str, notice: &Notice) {
    match notice {
        Notice::Connecting { host, port } => {
            tracing::debug!(bridge, host, port, "the bridge connects");
        }
        Notice::Connected { version, session_present } => {
            tracing::info!(target: NOTICE, bridge, ?version, session_present, "the bridge is connected");
        }
        Notice::Unreachable { cause } => {
            tracing::warn!(bridge, cause, "the other broker cannot be reached");
        }
        Notice::Refused { reason, version, remedy } => {
            let remedy = remedy.map(next_time);
            tracing::error!(
                bridge,
                reason = reason.name(),
                ?version,
                remedy,
                "the other broker refuses the bridge"
            );
        }
        Notice::Lost { cause } => tracing::warn!(bridge, cause, "the connection of the bridge has ended"),
        Notice::Waiting { time } => tracing::debug!(bridge, ?time, "the bridge connects again after a while"),
        Notice::SubscriptionRefused { filter, by_far, reason } => {
            let by = if *by_far { "the other broker" } else { "this broker" };
            tracing::warn!(
                bridge,
                filter,
                by,
                reason = reason.name(),
                "a subscription of the bridge is refused"
            );
        }
        Notice::Dropped { topic, cause } => {
            tracing::debug!(bridge, topic, cause, "a message does not go over the bridge");
        }
    }
}

const fn next_time(remedy: Refusal) -> &'static str {
    match remedy {
        Refusal::WithoutBridgeBit => "it will not say any more that it is a bridge",
        Refusal::WithMqtt311 => "it will speak MQTT 3.1.1",
        Refusal::WithoutRetain => "it will retain nothing there",
        Refusal::WithLowerQos => "it will use a lower QoS there",
    }
}

fn say_as_mosquitto(bridge: &str, notice: &Notice) {
    match notice {
        Notice::Connecting { host, port } => {
            for step in [1, 2] {
                tracing::info!(target: NOTICE, "Connecting bridge (step {step}) {bridge} ({host}:{port})");
            }
        }
        Notice::Connected { .. } => tracing::debug!("Received CONNACK on connection {bridge}."),
        Notice::Unreachable { cause } => {
            tracing::error!("Error creating bridge: {cause}.");
            tracing::warn!("Warning: Unable to connect bridge {bridge}.");
        }
        Notice::Refused { remedy: Some(Refusal::WithMqtt311), .. } => tracing::warn!(
            "Warning: Remote bridge {bridge} does not support MQTT v5.0, reconnecting using MQTT v3.1.1."
        ),
        Notice::Refused { reason, version, remedy } => {
            tracing::error!("{}", refusal(*reason, *version, *remedy));
        }
        Notice::Lost { cause } => {
            tracing::info!(target: NOTICE, "Bridge {bridge} disconnected: {cause}.");
        }
        Notice::Waiting { time } => {
            tracing::info!("Bridge {bridge} next backoff will be {} ms", time.as_millis());
        }
        Notice::SubscriptionRefused { filter, .. } => {
            tracing::warn!(
                "Warning: The subscription of bridge {bridge} to {} is refused.",
                filter.escape_debug()
            );
        }
        Notice::Dropped { topic, cause } => {
            tracing::debug!("Bridge {bridge} drops a message on {}: {cause}", topic.escape_debug());
        }
    }
}

fn refusal(reason: ReasonCode, version: ProtocolVersion, remedy: Option<Refusal>) -> String {
    match remedy {
        Some(Refusal::WithoutRetain) => "Connection Refused: retain not available (will retry)".to_owned(),
        Some(Refusal::WithLowerQos) => "Connection Refused: QoS not supported (will retry)".to_owned(),
        _ if version == ProtocolVersion::Mqtt5 => format!("Connection Refused: {reason}"),
        _ => connect::refusal(reason, version),
    }
}
