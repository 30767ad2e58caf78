"""Which members hold a CID: the nearest by XOR distance."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Sequence
from typing import Any

from engram.core.limits import HASH_BYTES, MAX_UID, REPLICAS
from engram.core.twin.cid import parse_cid, parse_cids
from engram.core.twin.columns import column_of
from engram.errors import InvalidInput


def assign(cid: str, members: Sequence[tuple[int, bytes]]) -> list[int]:
    """UIDs of the up to three members that hold the CID, primary first.

    ``members`` lists pairs (UID 0..65535, the 32-byte hash of the block in which it registered).
    Raises InvalidCid, or InvalidInput for a bad member or a UID that is listed twice.
    """
    key = parse_cid(cid)
    return _nearest(key, _nodes(members))


def assign_many(cids: Sequence[str], members: Sequence[tuple[int, bytes]]) -> list[list[int]]:
    """``assign`` for each of many CIDs among the same members."""
    keys = parse_cids(column_of("cids", cids))
    nodes = _nodes(members)
    return [_nearest(key, nodes) for key in keys]


def _nearest(key: bytes, nodes: list[tuple[int, int]]) -> list[int]:
    target = int.from_bytes(key)
    nearest = heapq.nsmallest(REPLICAS, nodes, key=lambda node: node[0] ^ target)
    return [uid for _, uid in nearest]


def _nodes(members: Sequence[tuple[int, bytes]]) -> list[tuple[int, int]]:
    """(node id as a big-endian integer, UID) of each member."""
    nodes = {}
    for index, member in enumerate(column_of("members", members)):
        uid, block_hash = _require_member(index, member)
        if uid in nodes:
            raise InvalidInput(f"member {index}: UID {uid} is listed twice")
        nodes[uid] = hashlib.sha256(block_hash + uid.to_bytes(2, "little")).digest()
    return [(int.from_bytes(node_id), uid) for uid, node_id in nodes.items()]


def _require_member(index: int, member: Any) -> tuple[int, bytes]:
    if not isinstance(member, tuple) or len(member) != 2:
        raise InvalidInput(f"member {index} must be a pair (uid, registration block hash)")
    uid, block_hash = member
    if type(uid) is not int or not 0 <= uid <= MAX_UID:
        raise InvalidInput(f"member {index}: a UID is a whole number within 0..{MAX_UID}")
    if type(block_hash) is not bytes or len(block_hash) != HASH_BYTES:
        raise InvalidInput(f"member {index}: a block hash is {HASH_BYTES} bytes")
    return uid, block_hash
