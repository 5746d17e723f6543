"""Each message goes to one member of a Shared Subscription, and to every other subscription besides."""

import queue

from common import DEADLINE_S, connected, say

COUNT = 20
members = [connected(f"shared-{number}") for number in range(3)]
plain = connected("shared-plain")
together = queue.Queue()
for member in members:
    member.client.on_message = lambda c, u, message: together.put(int(message.payload))
    member.subscribe("$share/group/shared/#", 1)
plain.subscribe("shared/#", 1)

publisher = connected("shared-publisher")
for number in range(COUNT):
    publisher.publish(f"shared/{number % 3}", str(number))
say("plain", *sorted(int(plain.message().payload) for _ in range(COUNT)))
say("together", *sorted(together.get(timeout=DEADLINE_S) for _ in range(COUNT)))
for member in members:
    member.unsubscribe("$share/group/shared/#")  # Its answer comes behind all messages.
say("more", together.qsize())
