//! Packets that come and go, in the words of Mosquitto.

use martlet_engine::{PacketTrace, TraceDetails};
use martlet_wire::PacketType;

use super::Plain;

/// The line of a packet.
pub(super) fn words(trace: &PacketTrace) -> String {
    let PacketTrace { id, reason, goes_out, .. } = trace;
    let name = Plain(&trace.client);
    let packet = trace.packet_type;
    let start = if *goes_out {
        format!("Sending {packet} to {name}")
    } else {
        format!("Received {packet} from {name}")
    };
    match (&trace.details, packet) {
        (TraceDetails::Publish { dup, qos, retain, topic, payload_bytes }, _) => {
            let (dup, qos, retain) = (u8::from(*dup), *qos as u8, u8::from(*retain));
            format!(
                "{start} (d{dup}, q{qos}, r{retain}, m{id}, '{}', ... ({payload_bytes} bytes))",
                Plain(topic)
            )
        }
        (TraceDetails::ConnAck(session_present), _) => {
            format!("{start} ({}, {reason})", u8::from(*session_present))
        }
        (TraceDetails::Auth(method), _) => {
            format!("{start} (rc{reason}, {})", Plain(method.as_deref().unwrap_or("(null)")))
        }
        (_, PacketType::PubAck | PacketType::PubRec) if *goes_out => format!("{start} (m{id}, rc{reason})"),
        (_, PacketType::PubRel | PacketType::PubComp) if *goes_out => format!("{start} (m{id})"),
        (_, PacketType::PubAck | PacketType::PubComp) => format!("{start} (Mid: {id}, RC:{reason})"),
        (_, PacketType::PubRec | PacketType::PubRel) => format!("{start} (Mid: {id})"),
        (_, PacketType::Disconnect) if *goes_out => format!("{start} (rc{reason})"),
        _ => start,
    }
}

#[cfg(test)]
mod tests {
    use martlet_wire::QoS;

    use super::*;

    #[test]
    fn lines() {
        let publish = TraceDetails::Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: true,
            topic: "a/b".into(),
            payload_bytes: 7,
        };
        let none = TraceDetails::None;
        let method = TraceDetails::Auth(Some("m".into()));
        for (goes_out, packet_type, reason, details, line) in [
            (
                false,
                PacketType::Publish,
                0,
                publish,
                "Received PUBLISH from c (d0, q1, r1, m5, 'a/b', ... (7 bytes))",
            ),
            (true, PacketType::PubAck, 16, none.clone(), "Sending PUBACK to c (m5, rc16)"),
            (false, PacketType::PubAck, 0, none.clone(), "Received PUBACK from c (Mid: 5, RC:0)"),
            (true, PacketType::PubRec, 0, none.clone(), "Sending PUBREC to c (m5, rc0)"),
            (false, PacketType::PubRec, 0, none.clone(), "Received PUBREC from c (Mid: 5)"),
            (true, PacketType::PubRel, 0, none.clone(), "Sending PUBREL to c (m5)"),
            (false, PacketType::PubRel, 0, none.clone(), "Received PUBREL from c (Mid: 5)"),
            (true, PacketType::PubComp, 0, none.clone(), "Sending PUBCOMP to c (m5)"),
            (false, PacketType::PubComp, 0, none.clone(), "Received PUBCOMP from c (Mid: 5, RC:0)"),
            (true, PacketType::ConnAck, 135, TraceDetails::ConnAck(true), "Sending CONNACK to c (1, 135)"),
            (true, PacketType::SubAck, 0, none.clone(), "Sending SUBACK to c"),
            (false, PacketType::Subscribe, 0, none.clone(), "Received SUBSCRIBE from c"),
            (false, PacketType::PingReq, 0, none.clone(), "Received PINGREQ from c"),
            (true, PacketType::PingResp, 0, none.clone(), "Sending PINGRESP to c"),
            (false, PacketType::Disconnect, 0, none.clone(), "Received DISCONNECT from c"),
            (true, PacketType::Disconnect, 142, none, "Sending DISCONNECT to c (rc142)"),
            (true, PacketType::Auth, 24, method, "Sending AUTH to c (rc24, m)"),
        ] {
            let trace = PacketTrace { client: "c".into(), goes_out, packet_type, id: 5, reason, details };
            assert_eq!(words(&trace), line);
        }
    }
}
