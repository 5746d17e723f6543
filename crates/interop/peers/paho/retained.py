"""A retained message reaches later subscribers with RETAIN set, present ones without, until it is cleared."""

from common import connected, say

publisher = connected("retained-publisher")
present = connected("retained-present")
present.subscribe("retained/#", 1)
publisher.publish("retained/a", "first", retain=True)
publisher.publish("retained/a", "second", retain=True)
for _ in range(2):
    message = present.message()
    say("present", message.payload.decode(), int(message.retain))

later = connected("retained-later")
later.subscribe("retained/#", 1)
message = later.message()
say("later", message.payload.decode(), int(message.retain))

publisher.publish("retained/a", b"", retain=True)
publisher.publish("retained/b", "marker", retain=True)
last = connected("retained-last")
last.subscribe("retained/#", 1)
message = last.message()
say("last", message.topic, message.payload.decode(), int(message.retain))
publisher.publish("retained/b", b"", retain=True)
