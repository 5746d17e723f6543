#!/usr/bin/env python3
"""Publishes a retained message to `example/basic` every two seconds, as beginners' tutorials do."""

import argparse
import time

import paho.mqtt.client as mqtt

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--host", default="localhost")
parser.add_argument("--port", type=int, default=1883)
parser.add_argument("--interval", type=float, default=2.0, help="seconds between two messages")
arguments = parser.parse_args()


def on_connect(client, userdata, flags, reason_code, properties):
    print(f"Connected: {reason_code}", flush=True)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.on_connect = on_connect
client.connect(arguments.host, arguments.port)
client.loop_start()

number = 0
while True:
    number += 1
    client.publish("example/basic", f"Message {number}", retain=True)
    time.sleep(arguments.interval)
