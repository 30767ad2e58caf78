"""The batcher with an embedder that stands still until it is told to go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from engram.embedding import Embedded
from engram.embedding.batcher import Batcher, usable_cores
from engram.errors import InvalidText, NotReady, Overloaded
from tests.embedding.gated_embedder import PATIENCE_S, GatedEmbedder

Start = Callable[..., Batcher]


@pytest.fixture
def start() -> Iterator[Start]:
    """Batchers that are closed, and whose gates are opened, when the test ends."""
    started: list[tuple[Batcher, GatedEmbedder]] = []

    def _start(embedder: GatedEmbedder, threads: int = 1, queue: int = 64) -> Batcher:
        batcher = Batcher(embedder, threads=threads, queue=queue)
        started.append((batcher, embedder))
        return batcher

    yield _start
    for batcher, embedder in started:
        embedder.let_through(10_000)
        batcher.close()


@pytest.fixture
def held() -> GatedEmbedder:
    return GatedEmbedder(open_gate=False)


def vectors(futures: list[Future[Embedded]]) -> list[float]:
    return [float(future.result(PATIENCE_S).vector[0]) for future in futures]


def test_each_text_gets_its_own_vector(start: Start) -> None:
    batcher = start(GatedEmbedder(), threads=3, queue=300)
    texts = [" ".join("w" * (n % 7) for _ in range(n % 5)) for n in range(300)]
    futures = [batcher.submit(text, urgent=n % 4 == 0) for n, text in enumerate(texts)]
    assert vectors(futures) == [len(text) for text in texts]


def test_a_lone_text_starts_at_once_and_uncounted(start: Start, held: GatedEmbedder) -> None:
    batcher = start(held)
    batcher.submit("alone here", urgent=False)
    assert held.next_call() == ["alone here"]
    assert held.counted == []


def test_texts_of_one_length_that_wait_together_share_a_call(
    start: Start, held: GatedEmbedder
) -> None:
    batcher = start(held)
    batcher.submit("first", urgent=False)
    held.next_call()
    texts = ["a b", "one two three", "c d", "e f", "four five six"]
    futures = [batcher.submit(text, urgent=False) for text in texts]
    held.let_through(3)
    assert held.next_call() == ["a b", "c d", "e f"]
    assert held.next_call() == ["one two three", "four five six"]
    assert vectors(futures) == [len(text) for text in texts]
    assert sorted(held.counted) == sorted(texts)


def test_a_free_thread_leaves_no_text_waiting_for_company(
    start: Start, held: GatedEmbedder
) -> None:
    batcher = start(held, threads=2)
    batcher.submit("one", urgent=False)
    batcher.submit("two", urgent=False)
    assert [held.next_call(), held.next_call()] == [["one"], ["two"]]
    assert batcher.stats().running == 2


def test_texts_of_any_length_share_a_call_where_they_may_and_nobody_counts(start: Start) -> None:
    held = GatedEmbedder(open_gate=False, any_lengths=True)
    batcher = start(held)
    batcher.submit("first", urgent=False)
    held.next_call()
    texts = ["a b", "one two three", "c", "bad d"]
    good = [batcher.submit(text, urgent=False) for text in texts[:3]]
    failing = batcher.submit(texts[3], urgent=False)
    held.let_through(10)
    assert held.next_call() == texts
    assert vectors(good) == [len(text) for text in texts[:3]]
    with pytest.raises(InvalidText):
        failing.result(PATIENCE_S)
    assert held.counted == []


def test_a_lone_text_has_every_idle_thread(start: Start, held: GatedEmbedder) -> None:
    batcher = start(held, threads=4)
    batcher.submit("alone", urgent=True)
    held.next_call()
    assert held.threads == [4]
    batcher.submit("meanwhile", urgent=True)  # comes to a thread that was lent as a helper
    held.next_call()
    assert held.threads == [4, 1]
    futures = [batcher.submit("later", urgent=True)]
    held.let_through(3)
    assert vectors(futures) == [5]


def test_threads_are_shared_among_those_who_are_there(start: Start) -> None:
    """Two texts for five threads: both are worked on at once, and no thread is lent twice."""
    held = GatedEmbedder(open_gate=False)
    batcher = start(held, threads=5)
    with batcher._changed:  # both arrive before any thread looks
        first = batcher._room.add("one", urgent=False, arrived=0.0)
        second = batcher._room.add("two", urgent=False, arrived=0.0)
        batcher._changed.notify_all()
    assert sorted([held.next_call(), held.next_call()]) == [["one"], ["two"]]
    assert sorted(held.threads) == [1, 4]
    held.let_through(2)
    assert vectors([first.future, second.future]) == [3, 3]
    held.calls.clear()
    lone = batcher.submit("lone", urgent=False)
    held.let_through()
    assert vectors([lone]) == [4]
    assert held.threads[-1] == 5  # everything that was lent came back


def test_queries_go_first(start: Start, held: GatedEmbedder) -> None:
    batcher = start(held)
    batcher.submit("first", urgent=False)
    held.next_call()
    for text in ("a b c", "d e"):
        batcher.submit(text, urgent=False)
    batcher.submit("query", urgent=True)
    held.let_through(4)
    assert [held.next_call() for _ in range(3)] == [["query"], ["a b c"], ["d e"]]


def test_a_stream_of_queries_does_not_starve_an_ingest(start: Start, held: GatedEmbedder) -> None:
    batcher = start(held)
    batcher.submit("first", urgent=True)
    held.next_call()
    batcher.submit("the ingest", urgent=False)
    served = []
    for number in range(20):
        batcher.submit("w " * (number + 1), urgent=True)
        held.let_through()
        served.append(held.next_call())
    assert ["the ingest"] in served[:9]


def test_a_full_line_refuses_and_says_when_to_come_back(start: Start, held: GatedEmbedder) -> None:
    batcher = start(held, queue=3)
    batcher.submit("running", urgent=False)
    held.next_call()
    for _ in range(3):
        batcher.submit("waits", urgent=False)
    with pytest.raises(Overloaded) as refused:
        batcher.submit("one too many", urgent=False)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after > 0
    assert batcher.stats().refused == 1
    assert batcher.stats().waiting_ingests == 3


def test_a_flood_of_ingests_does_not_keep_queries_out(start: Start, held: GatedEmbedder) -> None:
    batcher = start(held, queue=2)
    batcher.submit("running", urgent=False)
    held.next_call()
    for text in ("a", "b c"):
        batcher.submit(text, urgent=False)
    query = batcher.submit("query", urgent=True)
    held.let_through(2)
    assert held.next_call() == ["query"]
    assert vectors([query]) == [5]


def test_a_place_that_is_free_again_can_be_taken(start: Start, held: GatedEmbedder) -> None:
    batcher = start(held, queue=1)
    batcher.submit("running", urgent=False)
    held.next_call()
    batcher.submit("waits", urgent=False)
    held.let_through()
    assert held.next_call() == ["waits"]
    held.let_through(2)
    assert vectors([batcher.submit("again", urgent=False)]) == [5]


def test_the_time_to_come_back_follows_the_measured_rate() -> None:
    seconds = iter(range(0, 100_000, 10))  # every look at the clock is ten seconds later
    slow = GatedEmbedder(open_gate=False)
    batcher = Batcher(slow, threads=1, queue=2, clock=lambda: next(seconds))
    try:
        slow.let_through(50)
        for _ in range(50):
            batcher.submit("x", urgent=False).result(PATIENCE_S)
            slow.next_call()
        batcher.submit("running", urgent=False)
        slow.next_call()
        batcher.submit("a", urgent=False)
        batcher.submit("b", urgent=False)
        with pytest.raises(Overloaded) as refused:
            batcher.submit("c", urgent=False)
        assert refused.value.retry_after == pytest.approx(2 * 10, rel=0.05)
    finally:
        slow.let_through(10)
        batcher.close()


@pytest.mark.parametrize("bad", ["bad d", "uncountable d", "panic d"])
def test_an_error_reaches_the_one_who_caused_it(
    start: Start, held: GatedEmbedder, bad: str
) -> None:
    batcher = start(held)
    first = batcher.submit("first", urgent=False)
    held.next_call()
    good = [batcher.submit("a b", urgent=False)]
    failing = batcher.submit(bad, urgent=False)
    good.append(batcher.submit("e f", urgent=False))
    held.let_through(10)
    assert vectors([first, *good]) == [5, 3, 3]
    with pytest.raises((InvalidText, SystemExit), match=bad):
        failing.result(PATIENCE_S)
    assert vectors([batcher.submit("still alive", urgent=False)]) == [11]


def test_a_text_that_was_given_up_is_not_embedded(start: Start, held: GatedEmbedder) -> None:
    batcher = start(held)
    batcher.submit("first", urgent=False)
    held.next_call()
    given_up = batcher.submit("given up", urgent=False)
    kept = batcher.submit("kept", urgent=False)
    assert given_up.cancel()
    held.let_through(5)
    assert vectors([kept]) == [4]
    assert held.calls == [["first"], ["kept"]]


def test_closing_finishes_what_runs_and_turns_the_rest_away(
    start: Start, held: GatedEmbedder
) -> None:
    batcher = start(held)
    running = batcher.submit("running", urgent=False)
    held.next_call()
    waiting = [batcher.submit("waits", urgent=urgent) for urgent in (True, False)]
    closer = threading.Thread(target=batcher.close)
    closer.start()
    for future in waiting:
        with pytest.raises(NotReady):
            future.result(PATIENCE_S)
    held.let_through()
    closer.join(PATIENCE_S)
    assert vectors([running]) == [7]
    assert held.calls == [["running"]]


def test_closing_with_drain_finishes_what_waits(start: Start, held: GatedEmbedder) -> None:
    batcher = start(held, threads=2)
    futures = [batcher.submit("w " * n, urgent=False) for n in range(1, 11)]
    held.let_through(20)
    batcher.close(drain=True)
    assert all(future.done() for future in futures)
    assert vectors(futures) == [2 * n for n in range(1, 11)]


def test_after_closing_nothing_is_taken_and_no_thread_is_left(start: Start) -> None:
    before = threading.active_count()
    batcher = start(GatedEmbedder(), threads=4)
    assert threading.active_count() == before + 4
    batcher.close()
    batcher.close()
    assert threading.active_count() == before
    with pytest.raises(NotReady):
        batcher.submit("late", urgent=True)


def test_one_thread_for_each_usable_core() -> None:
    before = threading.active_count()
    batcher = Batcher(GatedEmbedder())
    assert threading.active_count() == before + usable_cores()
    batcher.close()


def test_stats_add_up(start: Start, held: GatedEmbedder) -> None:
    batcher = start(held)
    futures = [batcher.submit("first", urgent=False)]
    held.next_call()
    futures += [batcher.submit("a b", urgent=False) for _ in range(3)]
    futures += [batcher.submit("query", urgent=True)]
    now = batcher.stats()
    assert (now.running, now.waiting_ingests, now.waiting_queries) == (1, 3, 1)
    held.let_through(3)
    vectors(futures)
    batcher.close()
    after = batcher.stats()
    assert (after.running, after.waiting_ingests, after.waiting_queries) == (0, 0, 0)
    assert (after.texts, after.calls, after.refused, after.capacity) == (5, 3, 0, 64)
    assert after.waited_s >= 0
    assert after.seconds_per_text > 0


def test_many_callers_at_once(start: Start) -> None:
    """Every caller gets its own answers, and none is lost between sleeping and waking."""
    batcher = start(GatedEmbedder(), threads=3, queue=10_000)
    wrong: list[str] = []

    def call(number: int) -> None:
        for turn in range(200):
            text = "w" * (number * 200 + turn + 1)
            if batcher.submit(text, urgent=turn % 2 == 0).result(PATIENCE_S).vector[0] != len(text):
                wrong.append(text)

    callers = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(PATIENCE_S)
    assert not wrong
    assert batcher.stats().texts == 8 * 200
