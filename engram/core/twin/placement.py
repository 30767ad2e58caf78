"""Which members hold a CID: the nearest by XOR distance."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engram.core.limits import HASH_BYTES, MAX_NEAREST, MAX_UID, REPLICAS
from engram.core.twin.cid import parse_cid, parse_cids
from engram.core.twin.columns import column_of
from engram.errors import InvalidInput

HEAD_BYTES = 8  # of a distance: they decide, save for two node ids that begin alike
KEYS_AT_ONCE = 4_096  # times 256 members times 8 bytes: 8 MB


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


def nearest_many(digests: bytes, members: Sequence[tuple[int, bytes]], count: int) -> bytes:
    """The nearest members to each of many digests, as bytes in and bytes out.

    ``digests`` are 32 bytes each, one after the other. Returns UIDs as little-endian 16-bit
    numbers, min(``count``, members) for each digest, nearest first. ``count`` is within 1..256.
    Raises InvalidInput.
    """
    if type(digests) is not bytes or len(digests) % HASH_BYTES:
        raise InvalidInput(f"digests are bytes, {HASH_BYTES} each")
    nodes = _nodes(members)
    if type(count) is not int or not 1 <= count <= MAX_NEAREST:
        raise InvalidInput(f"count is a whole number within 1..{MAX_NEAREST}")
    heads = {node_id >> 8 * (HASH_BYTES - HEAD_BYTES) for node_id, _ in nodes}
    place = _by_heads if len(heads) == len(nodes) else _by_whole_ids
    return place(np.frombuffer(digests, np.uint8).reshape(-1, HASH_BYTES), nodes, count)


def _by_heads(digests: NDArray[np.uint8], nodes: list[tuple[int, int]], count: int) -> bytes:
    """No two ids begin alike, so no two distances to one key do, and their heads decide."""
    ids = b"".join(node_id.to_bytes(HASH_BYTES) for node_id, _ in nodes)
    heads = _heads(np.frombuffer(ids, np.uint8).reshape(-1, HASH_BYTES))
    uids = np.array([uid for _, uid in nodes], "<u2")
    keys = _heads(digests)
    parts = [keys[at : at + KEYS_AT_ONCE] for at in range(0, len(keys), KEYS_AT_ONCE)]
    return b"".join(uids[_ranked(part[:, None] ^ heads, count)].tobytes() for part in parts)


def _heads(places: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return np.ascontiguousarray(places[:, :HEAD_BYTES]).view(">u8")[:, 0].astype(np.uint64)


def _ranked(distances: NDArray[np.uint64], count: int) -> NDArray[np.intp]:
    """Columns of the ``count`` least in each row, the least first."""
    if count >= distances.shape[1]:
        return distances.argsort(axis=1)
    some = distances.argpartition(count - 1, axis=1)[:, :count]
    rank = np.take_along_axis(distances, some, axis=1).argsort(axis=1)
    return np.take_along_axis(some, rank, axis=1)


def _by_whole_ids(digests: NDArray[np.uint8], nodes: list[tuple[int, int]], count: int) -> bytes:
    found = [_nearest(digest.tobytes(), nodes, count) for digest in digests]
    return np.array(found, "<u2").tobytes()


def _nearest(key: bytes, nodes: list[tuple[int, int]], count: int = REPLICAS) -> list[int]:
    target = int.from_bytes(key)
    nearest = heapq.nsmallest(count, nodes, key=lambda node: node[0] ^ target)
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
