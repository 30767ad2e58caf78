"""Holders of a million CIDs among 256 members on one core, beside hashing as many digests."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Gate, alternate, median, ratio, results
from benchmarks.scale import Scale
from benchmarks.scaling.world import World
from engram.dht import Cover, Membership

CIDS = 1_000_000
MEMBERS = 256
WITHIN_S = 1.0  # a core, for a million CIDs among 256 members
TWIN_SHARE = 10  # the twin places a tenth, and is told at the full number


def run(scale: Scale, work: Path) -> dict[str, Any]:
    """The floor is SHA-256 of each digest: a CID cannot be had for less than one such hash."""
    membership = World(MEMBERS, 0, seed=1).membership()
    packed = np.random.default_rng(0).bytes(32 * CIDS)
    digests = np.frombuffer(packed, np.uint8).reshape(CIDS, 32)
    with one_core():
        ours, floor = alternate(
            scale.runs,
            lambda: seconds_to_place(membership, digests),
            lambda: seconds_to_hash(packed),
        )
        reported = {
            "one CID in a call, µs": median([one_by_one_us(membership) for _ in range(scale.runs)]),
            "cover of 256 members: regions and choice, ms": median(
                [cover_ms(membership) for _ in range(scale.runs)]
            ),
            **sides(membership, packed),
        }
    gates = [
        Gate(
            f"holders of {CIDS:,} CIDs among {MEMBERS} members on one core",
            WITHIN_S,
            "at most",
            ours,
            "s",
        ),
        ratio("the same, over SHA-256 of as many digests", ours, floor, "at most", 1.0, "s"),
    ]
    return results(gates, reported)


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process on one core, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def seconds_to_place(membership: Membership, digests: np.ndarray[Any, np.dtype[np.uint8]]) -> float:
    began = time.perf_counter()
    membership.holders_many(digests)
    return time.perf_counter() - began


def seconds_to_hash(packed: bytes) -> float:
    view = memoryview(packed)
    began = time.perf_counter()
    for start in range(0, len(packed), 32):
        hashlib.sha256(view[start : start + 32]).digest()
    return time.perf_counter() - began


def one_by_one_us(membership: Membership) -> float:
    cids = [f"v1::{number:064x}" for number in range(1_000)]
    began = time.perf_counter()
    for cid in cids:
        membership.holders(cid)
    return (time.perf_counter() - began) / len(cids) * 1e6


def cover_ms(membership: Membership) -> float:
    everybody = {member.uid for member in membership.members}
    began = time.perf_counter()
    Cover(membership.members).covering(everybody)
    return (time.perf_counter() - began) * 1e3


def sides(membership: Membership, packed: bytes) -> dict[str, float]:
    """Seconds for all CIDs, for each side that is installed."""
    members = [(member.uid, member.registered_hash) for member in membership.members]
    found = {}
    for side in ("rust", "twin"):
        if side == "rust" and find_spec("engram_core") is None:
            continue
        share = TWIN_SHARE if side == "twin" else 1
        rank = import_module(f"engram.core.{side}").nearest_many
        began = time.perf_counter()
        rank(packed[: len(packed) // share], members, 3)
        found[f"{side}, s"] = median([(time.perf_counter() - began) * share])
    return found
