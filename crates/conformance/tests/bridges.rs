//! Connections of bridges: MQTT 3.1 and 3.1.1 with the bit 0x80 in the Protocol Level, as Mosquitto sends it.
//!
//! A bridge passes on what it hears. So it gets RETAIN as published, and not its own messages back.

use conformance::prelude::*;
use martlet_wire::Connect;

/// The versions that have such a bit.
const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::Mqtt31, ProtocolVersion::Mqtt311];

/// A CONNECT of this version.
fn connect(version: ProtocolVersion, id: &str) -> conformance::build::ConnectBuilder<'_> {
    if version == ProtocolVersion::Mqtt31 { connect31(id) } else { connect311(id) }
}

/// The same CONNECT with the bit of a bridge.
fn as_bridge(packet: Packet<'_>) -> Packet<'_> {
    match packet {
        Packet::Connect(connect) => Packet::Connect(Connect { bridge: true, ..connect }),
        other => other,
    }
}

/// A bridge that subscribed to everything below `t`, at QoS 2, in a Session that stays.
fn bridge(broker: &mut Broker, version: ProtocolVersion) -> Client {
    let mut client = broker.open();
    client.send(&as_bridge(connect(version, "bridge").clean_start(false).packet()));
    assert_eq!(client.expect_connack().reason, ReasonCode::Success);
    client.subscribe("t/#", QoS::ExactlyOnce);
    client
}

statements! {
    fn bridges_are_told_apart_by_a_bit_in_the_level(broker: &mut Broker) {
        for (level, name) in [(0x83, "MQIsdp"), (0x84, "MQTT")] {
            let body = [&raw::string(name)[..], &[level, 2, 0, 0], &raw::string("bridge")].concat();
            let mut client = broker.open();
            client.set_version(ProtocolVersion::Mqtt311);
            client.send_bytes(&raw::packet(0x10, &body));
            assert_eq!(client.receive_raw(), [0x20, 2, 0, 0]);
            client.barrier();
        }
    }

    fn bridges_get_retain_as_published(broker: &mut Broker) {
        for version in VERSIONS {
            let mut bridge = bridge(broker, version);
            let mut plain = broker.connect(connect(version, "plain"));
            plain.subscribe("t/#", QoS::ExactlyOnce);
            let mut publisher = broker.connect(connect311("publisher"));
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                publisher.publish_retained("t/a", "kept", qos);
                publisher.publish("t/b", "passing", qos);
                publisher.publish_retained("t/a", "", qos);
                for retain in [true, false, true] {
                    let (to_bridge, to_plain) = (bridge.expect_publish(), plain.expect_publish());
                    assert_eq!((to_bridge.retain, to_plain.retain), (retain, false), "{to_bridge:?}");
                    bridge.acknowledge(&to_bridge);
                    plain.acknowledge(&to_plain);
                }
            }
            bridge.disconnect();
        }
    }

    fn bridges_get_retain_as_published_also_after_a_queue(broker: &mut Broker) {
        let mut before = bridge(broker, ProtocolVersion::Mqtt311);
        before.disconnect();
        let mut publisher = broker.connect(connect311("publisher"));
        publisher.publish_retained("t/a", "kept", QoS::AtLeastOnce);
        publisher.publish("t/b", "passing", QoS::AtLeastOnce);
        broker.settle();
        let mut bridge = broker.open();
        bridge.send(&as_bridge(connect311("bridge").clean_start(false).packet()));
        assert!(bridge.expect_connack().session_present);
        assert!(bridge.expect_publish().retain);
        assert!(!bridge.expect_publish().retain);
    }

    fn bridges_get_no_messages_of_their_own(broker: &mut Broker) {
        for version in VERSIONS {
            let mut bridge = bridge(broker, version);
            let mut plain = broker.connect(connect(version, "plain"));
            plain.subscribe("t/#", QoS::ExactlyOnce);
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                bridge.publish("t/x", "out", qos);
                let message = plain.expect_publish();
                assert_eq!(message.payload, b"out");
                plain.acknowledge(&message);
            }
            broker.settle();
            bridge.expect_nothing();
            // Those of others come, also of others with the same words.
            plain.publish("t/x", "out", QoS::AtLeastOnce);
            let message = bridge.expect_publish();
            assert_eq!(message.payload, b"out");
            bridge.acknowledge(&message);
            bridge.disconnect();
        }
    }

    fn a_session_that_comes_back_without_the_bit_is_plain_again(broker: &mut Broker) {
        let mut client = bridge(broker, ProtocolVersion::Mqtt311);
        client.disconnect();
        let mut client = broker.connect(connect311("bridge").clean_start(false));
        client.subscribe("t/#", QoS::AtMostOnce);
        client.publish_retained("t/x", "m", QoS::AtMostOnce);
        let message = client.expect_publish();
        assert_eq!((&*message.payload, message.retain), (b"m".as_slice(), false));
    }
}
