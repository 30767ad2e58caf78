"""Batching, order and threads never change a bit of a vector."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.embedding import Embedder
from engram.embedding.batcher import Batcher
from tests.embedding.conftest import KINDS, Kind, opened
from tests.embedding.varied_texts import VARIED

WORDS = ["cat", "harbour", "seven", "blue", "river", "and"]  # one piece each: lengths coincide

texts = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join),
    st.text(max_size=60),
)


@cache
def alone(kind: Kind, text: str) -> bytes:
    return opened(kind).embed([text])[0].vector.tobytes()


@pytest.mark.parametrize("kind", KINDS)
@given(many=st.lists(texts, min_size=2, max_size=12), threads=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_together_as_alone(kind: Kind, many: list[str], threads: int) -> None:
    together = opened(kind).embed(many, threads=threads)
    assert [e.vector.tobytes() for e in together] == [alone(kind, text) for text in many]


@pytest.mark.parametrize("kind", KINDS)
@given(many=st.lists(texts, min_size=2, max_size=12))
@settings(max_examples=20, deadline=None)
def test_through_the_batcher_as_alone(kind: Kind, many: list[str]) -> None:
    batcher = Batcher(opened(kind), threads=2, queue=64)
    try:
        futures = [batcher.submit(text, urgent=bool(n % 3)) for n, text in enumerate(many)]
        found = [future.result().vector.tobytes() for future in futures]
    finally:
        batcher.close()
    assert found == [alone(kind, text) for text in many]


@pytest.mark.parametrize("length", [1, 2, 3, 5, 6, 8, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65, 126])
@pytest.mark.parametrize("company", [2, 3, 7])
def test_groups_of_one_length(embedder: Embedder, length: int, company: int) -> None:
    """Lengths around the multiples of vector registers and kernel rows."""
    random = np.random.default_rng(length)
    many = [" ".join(random.choice(WORDS, length)) for _ in range(company)]
    together = embedder.embed(many)
    for text, embedded in zip(many, together, strict=True):
        assert embedded.vector.tobytes() == embedder.embed([text])[0].vector.tobytes()


def test_two_threads_at_once(embedder: Embedder) -> None:
    once = [embedded.vector.tobytes() for embedded in embedder.embed(VARIED)]
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(embedder.embed, [VARIED, VARIED[::-1], VARIED, VARIED[::-1]]))
    assert [e.vector.tobytes() for e in runs[0]] == once
    assert [e.vector.tobytes() for e in reversed(runs[3])] == once


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_call_on_many_threads_keeps_bits_and_order(embedder: Embedder, threads: int) -> None:
    many = [*VARIED, *VARIED[:10]]
    found = embedder.embed(many, threads=threads)
    for ours, theirs in zip(found, embedder.embed(many), strict=True):
        assert ours.vector.tobytes() == theirs.vector.tobytes()
        assert ours.truncated == theirs.truncated
    assert embedder.embed([], threads=threads) == []
