//! Birth certificates of Sparkplug, which an option has the broker keep.

use conformance::prelude::*;

const NODE: &str = "spBv1.0/group/NBIRTH/node";
const CERTIFICATE: &str = "$sparkplug/certificates/spBv1.0/group/NBIRTH/node";

statements_with! {
    |setup| { setup.features.sparkplug_aware = true; }

    fn a_birth_is_kept_for_those_who_come_later(broker: &mut Broker) {
        let mut before = broker.connect(connect5("before"));
        before.subscribe("$sparkplug/certificates/#", QoS::AtLeastOnce);
        let mut plain = broker.connect(connect5("plain"));
        plain.subscribe("#", QoS::AtMostOnce);
        let mut node = broker.connect(connect5("node"));
        for (id, payload) in [(1, b"one"), (2, b"two")] {
            node.send(&publish(NODE).payload(payload).qos1(id).property(Property::ContentType("x")).packet());
            node.expect_puback(id);
            let message = before.expect_publish();
            assert_eq!((&*message.topic, &message.payload[..], message.retain), (CERTIFICATE, &payload[..], false));
            before.acknowledge(&message);
            let message = plain.expect_publish();
            assert_eq!((&*message.topic, &message.payload[..]), (NODE, &payload[..]));
        }
        plain.expect_nothing();
        let mut after = broker.connect(connect5("after"));
        after.subscribe("$sparkplug/#", QoS::AtMostOnce);
        let message = after.expect_publish();
        assert_eq!((&*message.topic, &message.payload[..], message.retain), (CERTIFICATE, &b"two"[..], true));
        after.subscribe("spBv1.0/#", QoS::AtMostOnce);
        after.expect_nothing();
    }

    fn what_is_no_birth_is_not_kept(broker: &mut Broker) {
        let mut host = broker.connect(connect5("host"));
        host.subscribe("$sparkplug/#", QoS::AtMostOnce);
        host.publish("spBv1.0/group/NDATA/node", "x", QoS::AtLeastOnce);
        host.publish("spBv1.0/group/DBIRTH/node", "x", QoS::AtLeastOnce);
        host.expect_nothing();
        host.publish("spBv1.0/group/DBIRTH/node/device", "x", QoS::AtLeastOnce);
        assert_eq!(&*host.expect_publish().topic, "$sparkplug/certificates/spBv1.0/group/DBIRTH/node/device");
    }
}

statements! {
    fn without_the_option_nothing_is_kept(broker: &mut Broker) {
        let mut host = broker.connect(connect5("host"));
        host.subscribe("$sparkplug/#", QoS::AtMostOnce);
        host.publish(NODE, "x", QoS::AtLeastOnce);
        host.expect_nothing();
    }
}
