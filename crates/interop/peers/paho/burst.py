"""Many messages in a row, more than may be unfinished at once, stay in order."""

from common import connected, say

COUNT = 500
subscriber = connected("burst-subscriber")
subscriber.subscribe("burst/#", 2)
publisher = connected("burst-publisher")
for qos in (1, 2):
    for number in range(COUNT):
        publisher.client.publish(f"burst/{qos}", str(number), qos)
    received = [int(subscriber.message().payload) for _ in range(COUNT)]
    say("qos", qos, "in order" if received == list(range(COUNT)) else received)
