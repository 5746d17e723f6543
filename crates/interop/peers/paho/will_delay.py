"""A Will waits for its Will Delay Interval, a Client that is back in time takes it back, and a DISCONNECT with Will
Message sends it.
"""

import time

from common import connected, properties, say
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

DELAY_S = 1


def client(name):
    section = properties("WILLMESSAGE", WillDelayInterval=DELAY_S)
    will = {"topic": f"will/{name}", "payload": name, "qos": 1, "properties": section}
    return connected(name, clean=False, expiry=60, will=will)


watcher = connected("delay-watcher")
watcher.subscribe("will/#", 1)
client("back-in-time").vanish()
back = client("back-in-time")
began = time.monotonic()
client("stays-away").vanish()
say("got", watcher.message().payload.decode())
say("waited", "true" if time.monotonic() - began >= DELAY_S else "false")

back.disconnect(reasoncode=ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))
say("got", watcher.message().payload.decode())
