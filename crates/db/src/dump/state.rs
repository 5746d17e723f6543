//! What all records together make.

use martlet_engine::Engine;
use martlet_engine::kept::{
    Kept, KeptDelivery, KeptInFlight, KeptIncoming, KeptOwed, KeptSession, KeptSubscription, KeptWill,
};
use martlet_wire::{QoS, SubscriptionIdentifier};

use super::{Lines, Payload};
use crate::line::{Line, Value};
use crate::{load, message};

/// Sessions by Client Identifier, each with all that it has, then Wills, retained messages by topic, what shards owe.
pub(super) fn write(engines: &[Engine], payload: Payload, lines: &mut Lines<'_>) {
    for (shard, kept) in &load::kept(engines) {
        if lines.is_broken() {
            return;
        }
        match kept {
            Kept::Session(session) => write_session(session, payload, lines),
            Kept::Will(will) => lines.push(&of_will(will, payload)),
            Kept::Retained(retained) => {
                lines.push(&Line::new("retained").all(message::fields(retained, payload)));
            }
            Kept::Owed(owed) => lines.push(&of_owed(*shard, owed, payload)),
        }
    }
}

fn write_session(session: &KeptSession, payload: Payload, lines: &mut Lines<'_>) {
    let client = &session.client_identifier;
    let mut line = Line::new("session").text("client", client);
    if let Some(user_name) = &session.user_name {
        line = line.text("user-name", user_name);
    }
    line = line.number("expiry-interval", session.expiry_interval);
    lines.push(&match session.detached_at {
        Some(at) => line.with("detached-at", Value::Time(at)),
        None => line.flag("connected", true),
    });
    let first_owed = session.subscriptions.iter().position(|subscription| subscription.owes_retained);
    for (place, subscription) in session.subscriptions.iter().enumerate() {
        let line = of_subscription(client, subscription);
        let replayed_to = session.replayed_to.as_ref().filter(|_| first_owed == Some(place));
        lines.push(&match replayed_to {
            Some(topic) => line.text("sent-up-to", topic),
            None => line,
        });
    }
    for incoming in &session.incoming {
        lines.push(&of_incoming(client, incoming, payload));
    }
    for in_flight in &session.in_flight {
        lines.push(&of_in_flight(client, in_flight, payload));
    }
    for delivery in &session.queued {
        lines.push(&delivered(Line::new("queued").text("client", client), delivery, payload));
    }
}

fn of_subscription(client: &str, subscription: &KeptSubscription) -> Line {
    let options = subscription.options;
    let line = Line::new("subscription")
        .text("client", client)
        .text("filter", &subscription.filter)
        .number("qos", options.maximum_qos as u8)
        .flag("no-local", options.no_local)
        .flag("retain-as-published", options.retain_as_published)
        .number("retain-handling", options.retain_handling as u8);
    let line = with_identifiers(line, subscription.identifier.as_slice());
    if subscription.owes_retained { line.flag("owes-retained", true) } else { line }
}

fn of_incoming(client: &str, incoming: &KeptIncoming, payload: Payload) -> Line {
    let line = Line::new("incoming").text("client", client).number("packet-id", incoming.id.get());
    match &incoming.message {
        Some(message) => line.all(message::fields(message, payload)),
        None => line.flag("published", true),
    }
}

fn of_in_flight(client: &str, in_flight: &KeptInFlight, payload: Payload) -> Line {
    let line = Line::new("in-flight").text("client", client).number("packet-id", in_flight.id.get());
    match &in_flight.delivery {
        Some(delivery) => {
            let awaits = if delivery.qos == QoS::ExactlyOnce { "PUBREC" } else { "PUBACK" };
            delivered(line.text("awaits", awaits), delivery, payload)
        }
        None => line.text("awaits", "PUBCOMP"),
    }
}

fn delivered(line: Line, delivery: &KeptDelivery, payload: Payload) -> Line {
    let line = line.number("qos", delivery.qos as u8).flag("retain", delivery.retain);
    let line = with_identifiers(line, &delivery.identifiers);
    let line = match &delivery.group {
        Some(group) => line.text("group", group),
        None => line,
    };
    line.all(message::fields(&delivery.message, payload))
}

fn with_identifiers(line: Line, identifiers: &[SubscriptionIdentifier]) -> Line {
    if identifiers.is_empty() {
        return line;
    }
    let numbers = identifiers.iter().map(|identifier| Value::Number(identifier.get().into()));
    line.with("subscription-identifiers", Value::List(numbers.collect()))
}

fn of_will(will: &KeptWill, payload: Payload) -> Line {
    let mut line = Line::new("will").text("client", &will.client_identifier).number("delay", will.delay);
    if let Some(seconds) = will.expiry_interval {
        line = line.number("expiry-interval", seconds);
    }
    line.all(message::fields(&will.message, payload))
}

fn of_owed(from: u16, owed: &KeptOwed, payload: Payload) -> Line {
    let groups = owed.groups.iter().map(|group| Value::Text(group.clone())).collect();
    Line::new("owed")
        .number("from", from)
        .number("to", owed.to.0)
        .with("groups", Value::List(groups))
        .all(message::fields(&owed.message, payload))
}
