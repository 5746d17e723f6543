"""A Session outlives its connection: subscriptions and messages of QoS 1 and 2 wait for the Client."""

from common import FIVE, Peer, connected, properties, say

publisher = connected("resume-publisher")
peer = Peer("resume", clean=False, expiry=60)
present, _ = peer.connect()
say("present", int(present))
peer.subscribe("resume/#", 2)
peer.disconnect()

for number in range(3):
    publisher.publish(f"resume/{number}", f"waiting {number}", qos=1 + number % 2)

peer = Peer("resume", clean=False, expiry=60)
present, _ = peer.connect()
say("present", int(present))
# Order is kept per Topic Name only, so sort them.
for message in sorted((peer.message() for _ in range(3)), key=lambda message: message.topic):
    say("got", message.topic, message.qos, message.payload.decode())
publisher.publish("resume/live", "live")
say("got", peer.message().payload.decode())

if FIVE:
    peer.disconnect(properties=properties("DISCONNECT", SessionExpiryInterval=0))
else:
    peer.disconnect()
    connected("resume", clean=True).disconnect()
peer = Peer("resume", clean=False, expiry=0)
present, _ = peer.connect()
say("present", int(present))
