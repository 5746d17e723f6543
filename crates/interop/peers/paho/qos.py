"""Each QoS end to end, and the lower one where the subscription asks for less."""

from common import connected, say

subscriber = connected("qos-subscriber")
publisher = connected("qos-publisher")
for qos in range(3):
    say("granted", subscriber.subscribe(f"qos/{qos}", qos))
say("granted", subscriber.subscribe("qos/lower", 1))

for qos in range(3):
    publisher.publish(f"qos/{qos}", f"payload {qos}", qos)
    message = subscriber.message()
    say("got", message.topic, message.qos, message.payload.decode())

publisher.publish("qos/lower", "payload 2", 2)
message = subscriber.message()
say("got", message.topic, message.qos, message.payload.decode())
