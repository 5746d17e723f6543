"""A Will is published when the network fails, and not after a DISCONNECT."""

from common import connected, say

watcher = connected("will-watcher")
watcher.subscribe("will/#", 1)

polite = connected("will-polite", will={"topic": "will/polite", "payload": "never", "qos": 1})
polite.disconnect()
lost = connected("will-lost", will={"topic": "will/lost", "payload": "gone", "qos": 1, "retain": True})
lost.vanish()

message = watcher.message()
say("got", message.topic, message.qos, message.payload.decode())
late = connected("will-late")
late.subscribe("will/lost", 1)
message = late.message()
say("retained", message.topic, int(message.retain), message.payload.decode())
watcher.publish("will/lost", b"", retain=True)
