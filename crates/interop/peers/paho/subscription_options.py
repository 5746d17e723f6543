"""No Local, Retain As Published and Retain Handling."""

from common import connected, say

publisher = connected("options-publisher")
publisher.publish("options/kept", "kept", retain=True)

peer = connected("options")
peer.subscribe("options/local", 1, noLocal=True)
peer.publish("options/local", "own")
publisher.publish("options/local", "other")
say("local", peer.message().payload.decode())

peer.subscribe("options/published", 1, retainAsPublished=True)
publisher.publish("options/published", "flag", retain=True)
message = peer.message()
say("published", message.payload.decode(), int(message.retain))

peer.subscribe("options/kept", 1, retainHandling=2)
publisher.publish("options/kept", "live")
message = peer.message()
say("handling 2", message.payload.decode(), int(message.retain))
peer.subscribe("options/kept", 1, retainHandling=1)
publisher.publish("options/kept", "again")
message = peer.message()
say("handling 1", message.payload.decode(), int(message.retain))
peer.subscribe("options/kept", 1, retainHandling=0)
message = peer.message()
say("handling 0", message.payload.decode(), int(message.retain))
for topic in ("options/kept", "options/published"):
    publisher.publish(topic, b"", retain=True)
