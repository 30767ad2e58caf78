"""Who stands in for whom, and how little moves when a member comes, goes or falls silent."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engram.dht import Member, Membership
from tests.dht.networks import block_hash, cids

RECORDS = 1_000
DIGESTS = np.frombuffer(random.Random(1).randbytes(32 * RECORDS), np.uint8).reshape(-1, 32)


def network(size: int, seed: int = 0) -> Membership:
    rng = random.Random(seed)
    listed = [(uid, rng.randrange(10**6)) for uid in sorted(rng.sample(range(256), size))]
    members = [
        Member(uid, f"hotkey-{uid}", bytes(32), "http://x", at, block_hash(at))
        for uid, at in listed
    ]
    return Membership(200, bytes(32), tuple(members))


networks = st.builds(network, st.integers(1, 256), st.integers(0, 2**32))
few = st.builds(network, st.integers(1, 12), st.integers(0, 2**32))


def without(found: Membership, uid: int) -> Membership:
    return replace(found, members=tuple(m for m in found.members if m.uid != uid))


def held_by(rows: NDArray[np.int32], uid: int) -> NDArray[np.bool_]:
    held: NDArray[np.bool_] = np.logical_or.reduce(rows == uid, axis=1)
    return held


@settings(deadline=None)
@given(networks | few, cids, st.sets(st.integers(0, 255), max_size=256))
def test_holders_are_the_first_three_in_order_that_are_not_absent(
    found: Membership, cid: str, absent: set[int]
) -> None:
    expected = [member for member in found.order(cid) if member.uid not in absent][:3]
    assert list(found.holders(cid, absent)) == expected
    assert found.holders(cid) == found.assigned(cid)


@settings(deadline=None)
@given(networks | few, st.sets(st.integers(0, 255), max_size=256))
def test_many_holders_are_those_of_each(found: Membership, absent: set[int]) -> None:
    rows = found.holders_many(DIGESTS[:20], absent)
    assert rows.dtype == np.int32 and rows.shape == (20, 3)
    for digest, row in zip(DIGESTS, rows, strict=False):
        holders = found.holders(f"v1::{digest.tobytes().hex()}", absent)
        assert row.tolist() == ([m.uid for m in holders] + [-1] * 3)[:3]
    assert not np.isin(rows, list(absent)).any()


@settings(deadline=None)
@given(networks | few, st.randoms(use_true_random=False))
def test_who_falls_silent_moves_what_it_held_as_if_it_had_left(
    found: Membership, rng: random.Random
) -> None:
    silent = rng.choice(found.members).uid
    stood_in = found.holders_many(DIGESTS, {silent})
    assert (stood_in == without(found, silent).holders_many(DIGESTS)).all()


@settings(deadline=None)
@given(st.builds(network, st.integers(4, 256), st.integers(0, 2**32)), st.randoms())
def test_only_the_share_of_whoever_leaves_moves(found: Membership, rng: random.Random) -> None:
    """And read backwards: only the share of whoever joins."""
    leaver = rng.choice(found.members).uid
    before = found.holders_many(DIGESTS)
    after = without(found, leaver).holders_many(DIGESTS)
    lost = held_by(before, leaver)
    assert (before[~lost] == after[~lost]).all()
    for old, new in zip(before[lost].tolist(), after[lost].tolist(), strict=True):
        others = [uid for uid in old if uid != leaver]
        assert new[:2] == others
        assert new[2] not in old


@pytest.mark.parametrize("size", [4, 16, 64, 256])
def test_on_the_average_three_records_in_n_change_one_holder(size: int) -> None:
    """Summed over everybody who might leave, each record changes exactly its three holders."""
    found = network(size)
    before = found.holders_many(DIGESTS)
    changes = 0
    for member in found.members:
        after = without(found, member.uid).holders_many(DIGESTS)
        gained = np.array([len(set(b) - set(a)) for a, b in zip(before, after, strict=True)])
        assert gained.max(initial=0) <= 1
        changes += int(gained.sum())
    assert changes == 3 * RECORDS


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_small_network_holds_everything(size: int) -> None:
    found = network(size)
    rows = np.sort(found.holders_many(DIGESTS), axis=1)
    assert (rows == sorted([m.uid for m in found.members] + [-1] * (3 - size))).all()
