"""Two sets of digests compared by ranges: the difference is exact, and agreeing costs nothing."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.core.ranges import Digests, DigestSet, Span, Verdict, digests_of
from engram.core.reconcile import Reconciliation
from engram.errors import InvalidInput

# Digests that differ early, late and only in zeros: whatever an order could get wrong.
digests = st.one_of(
    st.binary(min_size=32, max_size=32),
    st.integers(0, 300).map(lambda n: n.to_bytes(32)),
    st.integers(0, 300).map(lambda n: n.to_bytes(2).ljust(32, b"\0")),
    st.integers(0, 300).map(lambda n: n.to_bytes(2).rjust(32, b"\xff")),
)
sets = st.sets(digests, max_size=300)


def set_of(values: set[bytes]) -> DigestSet:
    return DigestSet(digests_of(sorted(values)))


def as_set(found: Digests) -> set[bytes]:
    rows = [row.tobytes() for row in found]
    assert len(rows) == len(set(rows)), "a digest was named twice"
    return set(rows)


def reconciled(
    mine: DigestSet, theirs: DigestSet, *, parts: int = 16, listed: int = 64, at_once: int = 64
) -> tuple[Reconciliation, int]:
    """Ask until nothing is open; how many rounds it took."""
    search, rounds = Reconciliation(mine), 0
    while not search.done:
        rounds += 1
        for asked in search.ask(at_once):
            search.learn(asked, theirs.answer(asked, parts=parts, listed=listed))
    return search, rounds


@given(sets, sets, sets, st.integers(2, 16), st.integers(0, 70), st.integers(1, 64))
def test_two_sets_end_with_exactly_what_each_lacks(
    common: set[bytes], one: set[bytes], other: set[bytes], parts: int, listed: int, at_once: int
) -> None:
    mine, theirs = common | one, common | other
    search, _ = reconciled(
        set_of(mine), set_of(theirs), parts=parts, listed=listed, at_once=at_once
    )
    assert as_set(search.only_mine()) == mine - theirs
    assert as_set(search.only_theirs()) == theirs - mine


@given(sets, digests, digests)
def test_a_range_is_described_by_its_sum_and_count(
    values: set[bytes], low: bytes, high: bytes
) -> None:
    found = set_of(values).span(low, high)
    inside = [value for value in values if low <= value < high]
    total = sum(int.from_bytes(value) for value in inside) % 2**256
    described = total.to_bytes(32) + len(inside).to_bytes(8)
    assert found == Span(low, high, len(inside), hashlib.sha256(described).digest())


@given(sets)
def test_the_whole_is_described_without_bounds(values: set[bytes]) -> None:
    found = set_of(values).span()
    assert (found.low, found.high, found.count) == (bytes(32), None, len(values))


@given(st.integers(100, 5_000), st.integers(0, 2**32))
def test_sums_over_many_blocks_are_those_of_single_digests(count: int, seed: int) -> None:
    rows = np.unique(np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8), axis=0)
    here = DigestSet(rows)
    low, high = rows[len(rows) // 3].tobytes(), rows[-2].tobytes()
    total = sum(int.from_bytes(row.tobytes()) for row in rows[len(rows) // 3 : -2]) % 2**256
    size = len(rows) - 2 - len(rows) // 3
    expected = hashlib.sha256(total.to_bytes(32) + size.to_bytes(8)).digest()
    assert here.span(low, high).fingerprint == expected


@given(sets)
def test_equal_sets_take_one_question(values: set[bytes]) -> None:
    search, rounds = reconciled(set_of(values), set_of(values))
    assert (rounds, search.found, len(search.only_theirs())) == (1, 0, 0)


@given(st.sets(digests, min_size=100, max_size=300))
def test_an_empty_side_takes_one_question(values: set[bytes]) -> None:
    search, rounds = reconciled(set_of(values), set_of(set()))
    assert (rounds, as_set(search.only_mine())) == (1, values)


@given(st.sets(digests, min_size=100, max_size=300), st.integers(0, 50))
def test_a_side_with_nothing_leaves_the_listing_to_the_other(
    values: set[bytes], unlisted: int
) -> None:
    search = Reconciliation(set_of(set()), unlisted=unlisted, chance=random.Random(1))
    theirs, asked = set_of(values), 0
    while not search.done:
        for span in search.ask(64):
            asked += 1
            search.learn(span, theirs.answer(span, parts=2, listed=1))
    assert search.left_out
    assert asked < len(values) // 2 + 2


def test_answers_that_cannot_be_are_refused() -> None:
    mine = set_of({n.to_bytes(32) for n in range(200)})
    whole = mine.span()
    half = (100).to_bytes(32)
    lower, upper = mine.span(bytes(32), half), mine.span(half, None)
    for parts in [
        (),
        (whole,),
        (lower,),
        (upper,),
        (upper, lower),
        (lower, mine.span((101).to_bytes(32), None)),
        (lower, mine.span(half, half), mine.span(half, None)),
        (mine.span(bytes(32), bytes(32)), whole),
    ]:
        with pytest.raises(InvalidInput):
            Reconciliation(mine).learn(whole, Verdict(same=False, parts=parts))
    twice = np.repeat(mine.digests[:1], 2, axis=0)
    for held in [mine.digests[::-1], twice]:
        with pytest.raises(InvalidInput):
            Reconciliation(mine).learn(whole, Verdict(same=False, held=held))
    with pytest.raises(InvalidInput):
        Reconciliation(mine).learn(lower, Verdict(same=False, held=mine.digests[99:101]))
