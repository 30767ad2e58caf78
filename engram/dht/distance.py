"""The space in which members and CIDs are near or far: 256-bit numbers, as in Kademlia."""

from __future__ import annotations

import hashlib

from engram.core import parse_cid

UID_BYTES = 2


def node_id_of(uid: int, registered_hash: bytes) -> bytes:
    """A member's 32-byte place in the space, docs/protocol.md section 3.

    ``uid`` is 0..65535, ``registered_hash`` the 32-byte hash of the block in which it registered.
    """
    return hashlib.sha256(registered_hash + uid.to_bytes(UID_BYTES, "little")).digest()


def key_of(cid: str) -> bytes:
    """A CID's 32-byte place in the same space. Raises InvalidCid."""
    return parse_cid(cid)


def xor_distance(one: bytes, other: bytes) -> int:
    """How far two places (32 bytes each) are apart, 0..2**256 - 1.

    Source: Maymounkov and Mazières, Kademlia, 2002, section 2.1.
    """
    return int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
