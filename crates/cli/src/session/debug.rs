//! `-d`: a line for each packet, as Mosquitto's tools print it.

use martlet_wire::{Ack, Delivery, Packet, ProtocolVersion, Publish, decode, fixed_header};

/// Follows the packets of a connection in both directions.
#[derive(Debug)]
pub(crate) struct Debug {
    version: ProtocolVersion,
    client_id: String,
    /// Mosquitto's tools give a number to QoS 0 messages too, which only these lines show.
    last_number: u16,
}

impl Debug {
    pub(crate) const fn new(version: ProtocolVersion, client_id: String) -> Self {
        Self { version, client_id, last_number: 0 }
    }

    /// The lines for packets that are sent.
    pub(crate) fn sent(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut rest = bytes;
        while let Ok(Some(header)) = fixed_header(Some(self.version), rest)
            && let Some((packet, following)) = rest.split_at_checked(header.packet_len())
        {
            rest = following;
            if let Ok(packet) = decode(self.version, packet) {
                lines.extend(self.of_sent(&packet));
            }
        }
        lines
    }

    fn of_sent(&mut self, packet: &Packet<'_>) -> Vec<String> {
        let what = match packet {
            Packet::Connect(_) => "CONNECT".to_owned(),
            Packet::Publish(publish) => {
                let number = self.number_of(publish);
                publish_words(publish, number)
            }
            Packet::PubAck(ack) => format!("PUBACK (m{}, rc{})", ack.id, ack.reason as u8),
            Packet::PubRec(ack) => format!("PUBREC (m{}, rc{})", ack.id, ack.reason as u8),
            Packet::PubRel(ack) => format!("PUBREL (m{})", ack.id),
            Packet::PubComp(ack) => format!("PUBCOMP (m{})", ack.id),
            Packet::Subscribe(subscribe) => {
                let id = subscribe.id;
                self.last_number = id.get();
                let line = |request: martlet_wire::SubscribeRequest<'_>| {
                    let (topic, options) = (request.filter.as_str(), request.options);
                    let (qos, rest) = (options.maximum_qos as u8, option_bits(options));
                    format!("SUBSCRIBE (Mid: {id}, Topic: {topic}, QoS: {qos}, Options: 0x{rest:02x})")
                };
                return subscribe.iter().map(line).map(|what| self.sending(&what)).collect();
            }
            Packet::Unsubscribe(unsubscribe) => {
                let id = unsubscribe.id;
                self.last_number = id.get();
                let line = |filter: martlet_wire::TopicFilter<'_>| {
                    format!("UNSUBSCRIBE (Mid: {id}, Topic: {})", filter.as_str())
                };
                return unsubscribe.iter().map(line).map(|what| self.sending(&what)).collect();
            }
            other => other.packet_type().name().to_owned(),
        };
        vec![self.sending(&what)]
    }

    fn sending(&self, what: &str) -> String {
        format!("Client {} sending {what}", self.name())
    }

    /// The line for a packet that came.
    pub(crate) fn received(&mut self, bytes: &[u8]) -> Option<String> {
        let packet = decode(self.version, bytes).ok()?;
        let what = match &packet {
            Packet::ConnAck(connack) => {
                if let Some(assigned) = connack.properties.assigned_client_identifier() {
                    assigned.clone_into(&mut self.client_id);
                }
                // The number of the version's own.
                format!("CONNACK ({})", bytes.get(3)?)
            }
            Packet::Publish(publish) => {
                publish_words(publish, publish.delivery.packet_id().map_or(0, martlet_wire::PacketId::get))
            }
            Packet::PubAck(ack) => acknowledgement("PUBACK", ack),
            Packet::PubComp(ack) => acknowledgement("PUBCOMP", ack),
            Packet::PubRec(ack) => format!("PUBREC (Mid: {})", ack.id),
            Packet::PubRel(ack) => format!("PUBREL (Mid: {})", ack.id),
            Packet::Disconnect(disconnect) => {
                return Some(format!("Received DISCONNECT ({})", disconnect.reason as u8));
            }
            other => other.packet_type().name().to_owned(),
        };
        Some(format!("Client {} received {what}", self.name()))
    }

    fn name(&self) -> &str {
        if self.client_id.is_empty() { "null" } else { &self.client_id }
    }

    fn number_of(&mut self, publish: &Publish<'_>) -> u16 {
        match publish.delivery {
            Delivery::AtMostOnce => self.last_number = self.last_number.checked_add(1).unwrap_or(1),
            delivery if delivery.dup() => return delivery.packet_id().map_or(0, martlet_wire::PacketId::get),
            delivery => self.last_number = delivery.packet_id().map_or(0, martlet_wire::PacketId::get),
        }
        self.last_number
    }
}

fn publish_words(publish: &Publish<'_>, number: u16) -> String {
    format!(
        "PUBLISH (d{}, q{}, r{}, m{number}, '{}', ... ({} bytes))",
        u8::from(publish.delivery.dup()),
        publish.delivery.qos() as u8,
        u8::from(publish.retain),
        publish.topic.map_or("(null)", |topic| topic.as_str()),
        publish.payload.len()
    )
}

fn acknowledgement(name: &str, ack: &Ack<'_>) -> String {
    format!("{name} (Mid: {}, RC:{})", ack.id, ack.reason as u8)
}

/// The options of a subscription besides the QoS, as they stand on the wire.
fn option_bits(options: martlet_wire::SubscriptionOptions) -> u8 {
    u8::from(options.no_local) << 2
        | u8::from(options.retain_as_published) << 3
        | (options.retain_handling as u8) << 4
}
