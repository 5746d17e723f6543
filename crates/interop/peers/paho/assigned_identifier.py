"""A Client without an identifier is given one, each a different one."""

from common import Peer, say

names = set()
peers = [Peer("") for _ in range(2)]
for peer in peers:
    _, section = peer.connect()
    names.add(section.AssignedClientIdentifier)
say("different", len(names), "true" if all(names) else "false")
