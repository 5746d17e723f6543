"""After UNSUBACK nothing of that filter arrives."""

from common import connected, say

peer = connected("unsubscribe")
peer.subscribe("unsubscribe/one", 1)
peer.subscribe("unsubscribe/two", 1)
peer.publish("unsubscribe/one", "before")
say("got", peer.message().payload.decode())
peer.unsubscribe("unsubscribe/one")
peer.publish("unsubscribe/one", "after")
peer.publish("unsubscribe/two", "marker")
say("got", peer.message().payload.decode())
