"""A search over the network: whom it must ask, and what it misses, exactly."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Collection, Iterable
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.dht import Cover, Member, Membership
from engram.dht.cover import regions
from tests.dht.networks import block_hash

SMALL_BITS = 6


def member(uid: int, registered_at: int = 7) -> Member:
    return Member(
        uid, f"hotkey-{uid}", bytes(32), "http://x", registered_at, block_hash(registered_at)
    )


def members(low: int = 1, high: int = 12) -> st.SearchStrategy[tuple[Member, ...]]:
    each = st.builds(member, st.integers(0, 255), st.integers(0, 10**6))
    return st.lists(each, min_size=low, max_size=high, unique_by=lambda m: m.uid).map(
        lambda drawn: tuple(sorted(drawn, key=lambda m: m.uid))
    )


def holders_everywhere(listed: tuple[Member, ...]) -> Counter[frozenset[int]]:
    """By brute force: how many of all keys each set of holders has.

    Keys that agree as far down as two node ids still differ have the same holders.
    """
    ids = sorted(int.from_bytes(m.node_id) for m in listed)
    lowest = min((a ^ b for a, b in combinations(ids, 2)), default=1 << 255)
    depth = 257 - lowest.bit_length()
    digests = b"".join((head << 256 - depth).to_bytes(32) for head in range(1 << depth))
    rows = Membership(0, bytes(32), listed).holders_many(
        np.frombuffer(digests, np.uint8).reshape(-1, 32)
    )
    return Counter(frozenset(row) - {-1} for row in rows.tolist())


def missed(everywhere: Counter[frozenset[int]], answered: Collection[int]) -> float:
    without = sum(keys for holders, keys in everywhere.items() if not holders & set(answered))
    return without / everywhere.total()


def uids(listed: Iterable[Member]) -> set[int]:
    return {m.uid for m in listed}


some_uids = st.sets(st.integers(0, 255), max_size=200)
latencies = st.dictionaries(st.integers(0, 255), st.integers(0, 5).map(float), max_size=256)


@settings(deadline=None)
@given(st.sets(st.integers(0, 2**SMALL_BITS - 1), min_size=1), st.integers(1, 4))
def test_regions_are_those_of_every_key_of_a_small_space(places: set[int], copies: int) -> None:
    keys = range(2**SMALL_BITS)
    nearest = Counter(frozenset(sorted(places, key=lambda p: p ^ key)[:copies]) for key in keys)
    shares = Counter[frozenset[int]]()
    for near, branches in regions(sorted(places), copies):
        shares[frozenset(near)] += 2 ** (SMALL_BITS - branches)
    assert shares == nearest


@settings(deadline=None)
@given(members(), some_uids)
def test_the_missing_fraction_is_that_of_every_key(
    listed: tuple[Member, ...], answered: set[int]
) -> None:
    assert Cover(listed).missing_fraction(answered) == missed(holders_everywhere(listed), answered)


@settings(deadline=None)
@given(members())
def test_shares_are_those_of_every_key(listed: tuple[Member, ...]) -> None:
    everywhere = holders_everywhere(listed)
    assert Cover(listed).shares() == {
        uid: sum(n for holders, n in everywhere.items() if uid in holders) / everywhere.total()
        for uid in uids(listed)
    }


def test_nobody_covers_nothing() -> None:
    nobody = Cover(())
    assert nobody.missing_fraction([]) == 1.0
    assert nobody.covering([1, 2]) == ()
    assert Cover((member(1),)).missing_fraction([2]) == 1.0


@settings(deadline=None)
@given(members(high=256), some_uids, latencies)
def test_a_cover_misses_only_what_nobody_available_holds(
    listed: tuple[Member, ...], available: set[int], latency: dict[int, float]
) -> None:
    cover = Cover(listed)
    chosen = uids(cover.covering(available, latency))
    assert chosen <= available & uids(listed)
    assert cover.missing_fraction(chosen) == cover.missing_fraction(available)
    for one in chosen:
        assert cover.missing_fraction(chosen - {one}) > cover.missing_fraction(chosen)


@settings(deadline=None)
@given(members(high=8), latencies)
def test_no_cover_has_a_faster_slowest_member(
    listed: tuple[Member, ...], latency: dict[int, float]
) -> None:
    def slowest(some: Iterable[int]) -> float:
        return max(latency.get(uid, 0.0) for uid in some)

    cover, everywhere = Cover(listed), holders_everywhere(listed)
    sets = (set(s) for n in range(1, len(listed) + 1) for s in combinations(uids(listed), n))
    best = min(slowest(some) for some in sets if missed(everywhere, some) == 0)
    assert slowest(uids(cover.covering(uids(listed), latency))) == best


@settings(deadline=None)
@given(members(high=60), st.randoms(), latencies)
def test_replacements_make_good_for_silent_members(
    listed: tuple[Member, ...], rng: random.Random, latency: dict[int, float]
) -> None:
    cover = Cover(listed)
    asked = uids(cover.covering(uids(listed), latency))
    silent = {uid for uid in asked if rng.random() < 0.3}
    instead = uids(cover.replacements(silent, asked, uids(listed), latency))
    assert not instead & asked
    heard = asked - silent | instead
    assert cover.missing_fraction(heard) == cover.missing_fraction(uids(listed) - silent)
    for one in instead:
        assert cover.missing_fraction(heard - {one}) > cover.missing_fraction(heard)


def test_a_large_network_is_covered_by_less_than_half_of_it() -> None:
    """Each member holds 3/256 of the keys, so 86 is the least that any choice could do with."""
    cover = Cover(tuple(member(uid, uid) for uid in range(256)))
    assert 86 <= len(cover.covering(range(256))) < 128


@settings(deadline=None)
@given(members(), some_uids)
def test_a_single_answer_more_never_adds_to_what_is_missing(
    listed: tuple[Member, ...], answered: set[int]
) -> None:
    cover = Cover(listed)
    fraction = cover.missing_fraction(answered)
    assert 0 <= fraction <= 1
    assert all(cover.missing_fraction(answered | {m.uid}) <= fraction for m in listed)
    assert math.isclose(cover.missing_fraction([]), 1.0)


def test_stand_ins_count_where_the_absent_are_left_out() -> None:
    listed = tuple(member(uid) for uid in range(6))
    cid = "v1::" + "5" * 64
    gone = uids(Membership(0, bytes(32), listed).assigned(cid))
    left = tuple(m for m in listed if m.uid not in gone)
    assert Cover(listed).missing_fraction(uids(left)) > 0
    assert Cover(left).missing_fraction(uids(left)) == 0
