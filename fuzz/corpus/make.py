#!/usr/bin/env python3
"""Writes the first files of the corpus: one packet each, conversations, and orders of operations."""
import pathlib

HERE = pathlib.Path(__file__).parent


def field(text):
    data = text.encode() if isinstance(text, str) else text
    return len(data).to_bytes(2, "big") + data


def packet(first, body):
    length, n = b"", len(body)
    while True:
        n, low = n >> 7, n & 0x7F
        length += bytes([low | (0x80 if n else 0)])
        if not n:
            return bytes([first]) + length + body


def connect(level, client, flags=2, properties=b"", rest=b""):
    name = field("MQIsdp" if level == 3 else "MQTT")
    head = name + bytes([level, flags]) + b"\0\x3c"
    if level == 5:
        head += bytes([len(properties)]) + properties
    return packet(0x10, head + field(client) + rest)


PACKETS = {
    "connect31": (0, connect(3, "a")),
    "connect311": (1, connect(4, "a", 0xC2, rest=field("user") + field("secret"))),
    "connect5": (2, connect(5, "a", 0x2E, b"\x11\0\0\0\x3c\x21\0\x0a\x22\0\x05\x27\0\1\0\0\x17\1", b"\x05\x18\0\0\0\1" + field("w") + field("gone"))),
    "connack5": (2, packet(0x20, b"\0\0\x03\x21\0\x14")),
    "publish0": (1, packet(0x30, field("a/b") + b"hello")),
    "publish1": (2, packet(0x32, field("a/b") + b"\0\1" + b"\x05\x02\0\0\0\x0a" + b"hello")),
    "publish2": (2, packet(0x3D, field("a") + b"\0\2" + b"\x0d\x23\0\1\x26" + field("k") + field("v") + b"\x01\1" + b"x")),
    "puback": (2, packet(0x40, b"\0\1\x10\0")),
    "pubrec": (1, packet(0x50, b"\0\1")),
    "pubrel": (1, packet(0x62, b"\0\1")),
    "pubcomp": (2, packet(0x70, b"\0\1\x92")),
    "subscribe5": (2, packet(0x82, b"\0\1\x02\x0b\x05" + field("a/#") + b"\x2d" + field("$share/g/+") + b"\1")),
    "subscribe311": (1, packet(0x82, b"\0\1" + field("a/+/c") + b"\2")),
    "suback": (2, packet(0x90, b"\0\1\0\0\1\x87")),
    "unsubscribe": (2, packet(0xA2, b"\0\1\0" + field("a/#"))),
    "unsuback": (2, packet(0xB0, b"\0\1\0\0\x11")),
    "pingreq": (1, b"\xc0\0"),
    "disconnect5": (2, packet(0xE0, b"\x04\x05\x11\0\0\0\1")),
    "auth": (2, packet(0xF0, b"\x18\x06\x15" + field("PLN"))),
}


def turn(place, data, kind=2):
    out = b""
    while True:
        part, data = data[:255], data[255:]
        out += bytes([kind * 4 + place, len(part)]) + part
        if not data:
            return out


def conversations():
    p = {name: data for name, (_, data) in PACKETS.items()}
    will = p["connect5"]
    yield "publish_subscribe", turn(0, connect(5, "s") + p["subscribe5"]) + turn(1, connect(4, "p")) + turn(1, p["publish0"] + packet(0x32, field("a/b") + b"\0\1x")) + turn(0, packet(0x40, b"\0\1"))
    yield "retained", turn(0, connect(4, "p") + packet(0x31, field("a/b") + b"kept")) + turn(1, connect(5, "s") + p["subscribe5"])
    yield "exactly_once", turn(0, connect(4, "s", 0) + packet(0x82, b"\0\1" + field("#") + b"\2")) + turn(1, connect(4, "p") + packet(0x34, field("t") + b"\0\7x") + packet(0x62, b"\0\7")) + turn(0, packet(0x50, b"\0\1") + packet(0x70, b"\0\1"))
    yield "will", turn(0, will) + turn(1, connect(4, "s") + packet(0x82, b"\0\1" + field("w") + b"\2")) + bytes([0, 0]) + bytes([4, 30])
    yield "take_over", turn(0, connect(5, "a")) + turn(1, connect(5, "a")) + turn(0, connect(4, "a", 0))
    yield "resume", turn(0, connect(4, "s", 0) + packet(0x82, b"\0\1" + field("t") + b"\2")) + bytes([0, 0]) + turn(1, connect(4, "p") + packet(0x32, field("t") + b"\0\1x")) + turn(0, connect(4, "s", 0))
    yield "aliases", turn(0, connect(5, "a") + packet(0x30, field("t") + b"\x03\x23\0\1x") + packet(0x30, field("") + b"\x03\x23\0\1y") + packet(0x30, field("") + b"\x03\x23\0\2z"))
    yield "unsubscribe", turn(0, connect(5, "a") + p["subscribe5"] + p["unsubscribe"] + p["pingreq"] + p["disconnect5"])


def shards():
    """The first byte chooses a segment, a checkpoint, or instructions; see crates/fuzzing/src/store_recovery.rs."""
    files = HERE.parent.parent / "crates" / "store" / "tests" / "format-1" / "shard-00003"
    yield "segment", bytes([0]) + (files / "log-00000000000000000001").read_bytes()
    yield "checkpoint", bytes([1]) + (files / "checkpoint-00000000000000000001").read_bytes()
    entry = lambda text, proof=True: bytes([8 if proof else 9]) + bytes([len(text)]) + text
    log = lambda ordinal, seq: bytes([0, 0, ordinal, seq, 0])
    checkpoint = lambda ordinal, seq: bytes([0, 1, ordinal, seq, 0])
    flip = lambda at: bytes([2]) + at.to_bytes(2, "big") + b"\1"
    mark, less, more = bytes([7]), bytes([4, 1]), bytes([4, 0])
    yield "entries", bytes([2]) + entry(b"one") + entry(b"two") + entry(b"three", False)
    yield "rot", bytes([2]) + entry(b"one") + entry(b"two") + entry(b"three") + flip(70) + mark
    yield "torn", bytes([2]) + entry(b"one") + entry(b"two", False) + entry(b"three", False) + bytes([3, 0, 120])
    yield "superseded", bytes([2]) + entry(b"one") + entry(b"refused") + log(2, 2) + entry(b"two") + log(4, 4) + entry(b"four")
    yield "checkpointed", bytes([2]) + entry(b"one") + entry(b"two") + checkpoint(1, 2) + entry(b"record") + mark
    yield "two_checkpoints", bytes([2]) + entry(b"one") + entry(b"two") + checkpoint(1, 1) + mark + checkpoint(2, 2) + entry(b"record") + mark + flip(66)
    yield "numbers", bytes([2]) + entry(b"one") + less + entry(b"again") + more + more + entry(b"later") + bytes([5, 0]) + entry(b"last")
    yield "length", bytes([2]) + entry(b"one") + bytes([6, 0x3F, 0xFF, 0xFF, 0xFF]) + entry(b"two")


def main():
    for name, data in shards():
        (HERE / "store_recovery" / name).write_bytes(data)
    for name, (version, data) in PACKETS.items():
        for target in ("decode", "roundtrip"):
            (HERE / target / name).write_bytes(bytes([version]) + data)
    for name, data in conversations():
        (HERE / "engine" / name).write_bytes(data)
    orders = {
        "qos1": bytes([0, 0, 4, 0, 0, 0, 0, 0, 4, 2, 4, 1]),
        "qos2": bytes([2, 0, 5, 0, 6, 0, 2, 0, 7, 0, 5, 1, 7, 0, 6, 1]),
        "mixed": bytes(range(256)) * 4,
        "held": bytes([0, 0]) + bytes(x for n in range(1, 255) for x in (0, 0, 4, n)),
    }
    for name, data in orders.items():
        (HERE / "delivery" / name).write_bytes(data)


if __name__ == "__main__":
    main()
