#!/usr/bin/env python3
"""Subscribes to `example/basic` and prints Topic Name and payload of each message."""

import argparse

import paho.mqtt.client as mqtt

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--host", default="localhost")
parser.add_argument("--port", type=int, default=1883)
arguments = parser.parse_args()


def on_connect(client, userdata, flags, reason_code, properties):
    print(f"Connected: {reason_code}", flush=True)
    client.subscribe("example/basic")


def on_message(client, userdata, message):
    print(f"{message.topic} {message.payload.decode()}", flush=True)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.on_connect = on_connect
client.on_message = on_message
client.connect(arguments.host, arguments.port)
client.loop_forever()
