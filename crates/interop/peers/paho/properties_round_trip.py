"""Every property of a PUBLISH that the broker has to hand on, and the Subscription Identifier it adds."""

from common import connected, say

peer = connected("properties")
say("granted", peer.subscribe_as(7, "properties/#", 1))
peer.publish(
    "properties/a",
    "{}",
    PayloadFormatIndicator=1,
    MessageExpiryInterval=60,
    ContentType="application/json",
    ResponseTopic="answer/here",
    CorrelationData=b"\x00\x01\xff",
    UserProperty=[("key", "one"), ("key", "two"), ("ключ", "значение")],
)
section = peer.message().properties
say("format", section.PayloadFormatIndicator)
say("expiry", "true" if 55 <= section.MessageExpiryInterval <= 60 else "false")
say("type", section.ContentType)
say("response", section.ResponseTopic)
say("correlation", section.CorrelationData.hex())
for key, value in section.UserProperty:
    say("user", key, value)
say("identifier", *section.SubscriptionIdentifier)
