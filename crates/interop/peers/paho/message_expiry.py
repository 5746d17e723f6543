"""A message that expires while it waits for a Client never reaches it; the time left of another one is told."""

import time

from common import connected, say

publisher = connected("expiry-publisher")
peer = connected("expiry", clean=False, expiry=60)
peer.subscribe("expiry/#", 1)
peer.disconnect()
publisher.publish("expiry/short", "short", MessageExpiryInterval=1)
publisher.publish("expiry/long", "long", MessageExpiryInterval=60)
time.sleep(2)  # What is tested is that this time passes.
peer = connected("expiry", clean=False, expiry=0)
message = peer.message()
say("got", message.payload.decode())
say("less", "true" if message.properties.MessageExpiryInterval <= 58 else "false")
