"""Who is next, and with whom: by model, whatever comes in whatever order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from engram.embedding.interface import MAX_TOKENS
from engram.embedding.waiting import LOOK_AHEAD, URGENT_RUN, Waiting, WaitingRoom

arrivals = st.lists(
    st.tuples(st.booleans(), st.sampled_from([None, 0, 2, 2, 28, 28, 128, 200, 256])), max_size=120
)


def filled(
    items: Sequence[tuple[bool, int | None]],
    *,
    any_lengths: bool = False,
    call_tokens: int = MAX_TOKENS,
) -> WaitingRoom:
    room = WaitingRoom(1000, any_lengths=any_lengths, call_tokens=call_tokens)
    for number, (urgent, tokens) in enumerate(items):
        room.line(urgent).append(Waiting(str(number), 0.0, tokens))
    return room


def emptied(room: WaitingRoom) -> list[list[Waiting]]:
    groups = []
    while room:
        groups.append(room.take(free=1))
    return groups


@given(arrivals)
def test_everybody_is_taken_once(items: list[tuple[bool, int | None]]) -> None:
    room = filled(items)
    taken = [waiting.text for group in emptied(room) for waiting in group]
    assert sorted(taken, key=int) == [str(number) for number in range(len(items))]
    assert room.take(free=1) == []


@given(arrivals)
def test_company_has_one_length_and_a_bound(items: list[tuple[bool, int | None]]) -> None:
    for group in emptied(filled(items, call_tokens=512)):
        assert len({waiting.tokens for waiting in group}) == 1
        if len(group) > 1:
            assert sum(waiting.tokens or MAX_TOKENS + 1 for waiting in group) <= MAX_TOKENS


@given(arrivals, st.sampled_from([1, 60, 256]))
def test_where_lengths_may_differ_only_the_bound_counts(
    items: list[tuple[bool, int | None]], call_tokens: int
) -> None:
    room = filled(items, any_lengths=True, call_tokens=call_tokens)
    groups = emptied(room)
    for group in groups:
        if len(group) > 1:
            assert sum(waiting.tokens or MAX_TOKENS + 1 for waiting in group) <= call_tokens
    taken = [waiting.text for group in groups for waiting in group]
    assert sorted(taken, key=int) == [str(number) for number in range(len(items))]


def test_short_and_long_go_together_where_they_may() -> None:
    sizes = [28, 200, 2, 56, 28, 2]
    room = filled([(False, size) for size in sizes], any_lengths=True)
    groups = [[waiting.tokens for waiting in group] for group in emptied(room)]
    assert groups == [[28, 200, 2, 2], [56, 28]]


def test_where_lengths_may_differ_nobody_need_be_counted() -> None:
    room = WaitingRoom(10, any_lengths=True)
    for text in ("a cat", "漢" * 20, "word " * 5000):
        room.add(text, urgent=False, arrived=0.0)
    assert room.uncounted(free=1) == []
    assert [waiting.tokens for waiting in room.ingests] == [3, 22, MAX_TOKENS]


@given(arrivals)
def test_nobody_is_overtaken_by_more_than_the_look_ahead(
    items: list[tuple[bool, int | None]],
) -> None:
    """The first of each group is the oldest of its line."""
    room = filled(items)
    while room:
        oldest = {id(line[0]) for line in (room.queries, room.ingests) if line}
        group = room.take(free=1)
        assert id(group[0]) in oldest
        assert all(int(w.text) >= int(group[0].text) for w in group)


@given(arrivals)
def test_lines_keep_their_order(items: list[tuple[bool, int | None]]) -> None:
    room = filled(items)
    while room:
        room.take(free=1)
        for line in (room.queries, room.ingests):
            numbers = [int(waiting.text) for waiting in line]
            assert numbers == sorted(numbers)


@given(st.integers(1, 60), st.integers(1, 5))
def test_queries_go_first_and_ingests_do_not_starve(queries: int, ingests: int) -> None:
    room = filled([(True, None)] * queries + [(False, None)] * ingests)
    kinds = [int(group[0].text) < queries for group in emptied(room)]
    runs, run = [], 0
    for urgent in kinds:
        if urgent:
            run += 1
        else:
            runs.append(run)
            run = 0
    assert all(length <= URGENT_RUN for length in runs)
    expected = iter(min(URGENT_RUN, max(0, queries - URGENT_RUN * turn)) for turn in count())
    assert runs == [next(expected) for _ in range(ingests)]


def test_a_run_of_queries_without_ingests_is_not_held_against_them() -> None:
    room = filled([(True, None)] * 20)
    for _ in range(20):
        room.take(free=1)
    room.ingests.append(Waiting("ingest", 0.0))
    room.queries.append(Waiting("query", 0.0))
    assert [group[0].text for group in emptied(room)] == ["query", "ingest"]


def test_a_lone_text_is_not_counted() -> None:
    assert filled([(False, None)]).uncounted(free=1) == []
    assert filled([(True, None), (False, None)]).uncounted(free=1) == []  # no company in its line


def test_only_the_nearest_are_counted() -> None:
    room = filled([(False, None)] * (LOOK_AHEAD + 5))
    assert [w.text for w in room.uncounted(free=1)] == [str(n) for n in range(LOOK_AHEAD)]


@given(arrivals, st.integers(1, 8))
def test_texts_are_left_for_the_other_free_threads(
    items: list[tuple[bool, int | None]], free: int
) -> None:
    room = filled(items)
    waiting = len(room)
    groups = [room.take(threads) for threads in range(free, 0, -1)]
    assert sum(bool(group) for group in groups) == min(free, waiting)


def test_with_a_thread_for_everybody_nobody_is_counted() -> None:
    assert filled([(False, None)] * 4).uncounted(free=4) == []
    assert len(filled([(False, None)] * 5).uncounted(free=4)) == 5


def test_clearing_empties_both_lines() -> None:
    room = filled([(True, None), (False, None), (True, 3)])
    assert {waiting.text for waiting in room.clear()} == {"0", "1", "2"}
    assert len(room) == 0
