"""A Topic Alias stands for the Topic Name after its first use, until it is set anew."""

from common import connected, say

subscriber = connected("alias-subscriber")
subscriber.subscribe("alias/#", 1)
publisher = connected("alias-publisher")
publisher.publish("alias/a", "1", TopicAlias=1)
publisher.publish("", "2", TopicAlias=1)
publisher.publish("alias/b", "3", TopicAlias=1)
publisher.publish("", "4", TopicAlias=1)
for _ in range(4):
    message = subscriber.message()
    say("got", message.topic, message.payload.decode())
