"""Placement: a pure function of members and CID, and a small change moves little."""

from __future__ import annotations

import hashlib
import random
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import InvalidInput

Members = list[tuple[int, bytes]]

networks = st.lists(
    st.tuples(st.integers(0, 65_535), st.binary(min_size=32, max_size=32)),
    max_size=40,
    unique_by=lambda member: member[0],
)
cids = st.binary(min_size=32, max_size=32).map(lambda digest: f"v1::{digest.hex()}")


def by_definition(cid: str, members: Members) -> list[int]:
    key = int(cid[4:], 16)

    def distance(member: tuple[int, bytes]) -> int:
        uid, block_hash = member
        node_id = hashlib.sha256(block_hash + uid.to_bytes(2, "little")).digest()
        return int.from_bytes(node_id, "big") ^ key

    return [uid for uid, _ in sorted(members, key=distance)][:3]


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


def test_a_uid_twice_is_refused(rules: ModuleType) -> None:
    with pytest.raises(InvalidInput, match="member 1: UID 7"):
        rules.assign("v1::" + "0" * 64, [(7, bytes(32)), (7, bytes([1]) * 32)])
