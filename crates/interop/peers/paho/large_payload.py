"""One MiB arrives as it was sent, with each QoS."""

import random

from common import connected, say

peer = connected("large")
peer.subscribe("large", 2)
payload = random.Random(1).randbytes(1 << 20)
for qos in range(3):
    peer.publish("large", payload, qos)
    message = peer.message()
    say("got", message.qos, len(message.payload), "same" if message.payload == payload else "different")
