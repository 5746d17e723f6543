"""A second connection of one Client Identifier ends the first one."""

from common import connected, say

first = connected("take-over")
first.subscribe("take-over", 1)
second = connected("take-over")
say("ended", "told" if first.ended() else "closed")
second.subscribe("take-over", 1)
second.publish("take-over", "still here")
say("got", second.message().payload.decode())
