"""Placement: a pure function of members and CID, and a small change moves little."""

from __future__ import annotations

import hashlib
import random
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.core.twin import placement as twin
from engram.errors import InvalidInput

Members = list[tuple[int, bytes]]

networks = st.lists(
    st.tuples(st.integers(0, 65_535), st.binary(min_size=32, max_size=32)),
    max_size=40,
    unique_by=lambda member: member[0],
)
cids = st.binary(min_size=32, max_size=32).map(lambda digest: f"v1::{digest.hex()}")


def by_definition(cid: str, members: Members, count: int = 3) -> list[int]:
    key = int(cid[4:], 16)

    def distance(member: tuple[int, bytes]) -> int:
        uid, block_hash = member
        node_id = hashlib.sha256(block_hash + uid.to_bytes(2, "little")).digest()
        return int.from_bytes(node_id, "big") ^ key

    return [uid for uid, _ in sorted(members, key=distance)][:count]


@given(cids, networks)
def test_the_three_nearest(rules: ModuleType, cid: str, members: Members) -> None:
    assert rules.assign(cid, members) == by_definition(cid, members)


@given(cids, networks, st.randoms())
def test_the_order_of_members_does_not_matter(
    rules: ModuleType, cid: str, members: Members, rng: random.Random
) -> None:
    shuffled = rng.sample(members, len(members))
    assert rules.assign(cid, shuffled) == rules.assign(cid, members)


@given(st.lists(cids, max_size=5), networks)
def test_many_are_each_one(rules: ModuleType, several: list[str], members: Members) -> None:
    assert rules.assign_many(several, members) == [rules.assign(cid, members) for cid in several]


@given(cids, networks.filter(lambda members: len(members) > 3))
def test_a_member_that_leaves_moves_only_its_own_records(
    rules: ModuleType, cid: str, members: Members
) -> None:
    before = rules.assign(cid, members)
    others = [member for member in members if member[0] not in before]
    kept = [member for member in members if member != others[0]]
    assert rules.assign(cid, kept) == before


@given(st.lists(cids, max_size=5), networks, st.integers(1, 45))
def test_digests_in_bulk_are_ranked_as_one_by_one(
    rules: ModuleType, several: list[str], members: Members, count: int
) -> None:
    digests = b"".join(bytes.fromhex(cid[4:]) for cid in several)
    packed = np.frombuffer(rules.nearest_many(digests, members, count), "<u2")
    ranks = packed.reshape(len(several), min(count, len(members)))
    assert ranks.tolist() == [by_definition(cid, members, count) for cid in several]


def test_more_digests_than_are_ranked_in_one_step(rules: ModuleType) -> None:
    members = [(uid, bytes([uid]) * 32) for uid in range(256)]
    digests = [hashlib.sha256(number.to_bytes(4)).digest() for number in range(9_000)]
    packed = rules.nearest_many(b"".join(digests), members, 3)
    cids = [f"v1::{digest.hex()}" for digest in digests]
    assert np.frombuffer(packed, "<u2").reshape(-1, 3).tolist() == rules.assign_many(cids, members)


def test_node_ids_that_begin_alike_are_told_apart_by_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No hash is known to do this, so the twin is given ids; the crate has a test of its own."""
    nodes = [(7 << 248 | uid, uid) for uid in range(5)]
    monkeypatch.setattr(twin, "_nodes", lambda members: nodes)
    packed = twin.nearest_many(bytes([7]) + bytes(30) + bytes([7]), [], 3)
    assert np.frombuffer(packed, "<u2").tolist() == [4, 3, 2]  # 7 ^ 4 = 3, 7 ^ 3 = 4, 7 ^ 2 = 5


def test_a_uid_twice_is_refused(rules: ModuleType) -> None:
    with pytest.raises(InvalidInput, match="member 1: UID 7"):
        rules.assign("v1::" + "0" * 64, [(7, bytes(32)), (7, bytes([1]) * 32)])
