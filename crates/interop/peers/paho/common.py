"""What the Paho scenarios share: a client whose every step waits for the broker's answer, with a deadline.

A scenario is called with the port, the protocol version (4 is MQTT 3.1.1, 5 is MQTT 5.0) and, if it is not `tcp`, the
way to the broker: `tls`, `ws` or `wss`. With TLS the file of the authority follows that is to be trusted.
"""

import queue
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

DEADLINE_S = 20
HOST = "127.0.0.1"
PORT = int(sys.argv[1])
VERSION = int(sys.argv[2])
FIVE = VERSION == 5
WAY = sys.argv[3] if len(sys.argv) > 3 else "tcp"
AUTHORITY = sys.argv[4] if len(sys.argv) > 4 else None


def say(*words):
    print(*words, flush=True)


def properties(packet, **values):
    """The property section of a packet; None in MQTT 3.1.1, which has none."""
    if not FIVE:
        return None
    section = Properties(getattr(PacketTypes, packet))
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            setattr(section, name, one)
    return section


class Peer:
    def __init__(self, name, clean=True, expiry=0, will=None, **connect_properties):
        """`clean` and `expiry` (seconds) are Clean Start and Session Expiry Interval; in 3.1.1 Clean Session."""
        old = {} if FIVE else {"clean_session": clean}
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=name,
            protocol=VERSION,
            transport="websockets" if WAY in ("ws", "wss") else "tcp",
            reconnect_on_failure=False,
            **old,
        )
        if AUTHORITY:
            self.client.tls_set(ca_certs=AUTHORITY)
        self.clean = clean
        self.connect_properties = properties("CONNECT", SessionExpiryInterval=expiry, **connect_properties)
        self.messages = queue.Queue()
        self.answers = queue.Queue()
        self.ends = queue.Queue()
        self.client.on_connect = lambda c, u, flags, reason, section: self.answers.put((flags, reason, section))
        self.client.on_subscribe = lambda c, u, mid, codes, section: self.answers.put(codes)
        self.client.on_unsubscribe = lambda c, u, mid, codes, section: self.answers.put(codes)
        self.client.on_publish = lambda c, u, mid, reason, section: self.answers.put(reason)
        self.client.on_message = lambda c, u, message: self.messages.put(message)
        self.client.on_disconnect = lambda c, u, flags, reason, section: self.ends.put(flags)
        if will:
            self.client.will_set(**will)

    def connect(self):
        """Returns whether the Session was present, and the properties of CONNACK."""
        fresh = {"clean_start": self.clean} if FIVE else {}
        self.client.connect(HOST, PORT, properties=self.connect_properties, **fresh)
        self.client.loop_start()
        flags, reason, section = self.answers.get(timeout=DEADLINE_S)
        if reason != 0:
            sys.exit(f"refused: {reason}")
        return flags.session_present, section

    def subscribe(self, topic_filter, qos=0, **options):
        """Returns the granted QoS, or the failure."""
        if options:
            self.client.subscribe(topic_filter, options=mqtt.SubscribeOptions(qos, **options))
        else:
            self.client.subscribe(topic_filter, qos)
        return self.answers.get(timeout=DEADLINE_S)[0].value

    def subscribe_as(self, identifier, topic_filter, qos=0):
        """Subscribes with a Subscription Identifier."""
        section = properties("SUBSCRIBE", SubscriptionIdentifier=identifier)
        self.client.subscribe(topic_filter, options=mqtt.SubscribeOptions(qos), properties=section)
        return self.answers.get(timeout=DEADLINE_S)[0].value

    def unsubscribe(self, topic_filter):
        self.client.unsubscribe(topic_filter)
        self.answers.get(timeout=DEADLINE_S)

    def publish(self, topic, payload, qos=1, retain=False, **publish_properties):
        """Returns when the handshake of the QoS is over."""
        section = properties("PUBLISH", **publish_properties) if publish_properties else None
        self.client.publish(topic, payload, qos, retain, properties=section)
        self.answers.get(timeout=DEADLINE_S)

    def message(self):
        return self.messages.get(timeout=DEADLINE_S)

    def disconnect(self, **arguments):
        self.client.disconnect(**arguments)
        self.ended()

    def ended(self):
        """Waits for the end of the connection and returns whether a DISCONNECT of the broker told of it."""
        flags = self.ends.get(timeout=DEADLINE_S)
        self.client.loop_stop()
        return flags.is_disconnect_packet_from_server

    def vanish(self):
        """Closes the socket without a DISCONNECT, as a failing network does."""
        self.client.loop_stop()
        self.client.socket().close()


def connected(name, **arguments):
    peer = Peer(name, **arguments)
    peer.connect()
    return peer
