"""Each of 1,000 texts has the embedding, to the last bit, whose hash is in the repository.

On every kernel of this machine, on one thread and on two, alone and in any company. The same on
aarch64: `make test-aarch64`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.embedding.files import ModelFiles
from tests.embedding.golden.hashes import golden, golden_texts, hash_of_texts, hashes
from tests.embedding.golden.texts import COUNT, texts

SHORT = [index for index, text in enumerate(texts()) if len(text) < 150]
SAMPLE = SHORT[::50]  # for the portable kernel, which reads some 60 pieces a second


def opened(core: ModuleType, model: ModelFiles, kernel: str) -> Any:
    return core.Embedder(str(model.weights), str(model.tokenizer), kernel)


def differing(embedder: Any, indices: list[int], threads: int) -> list[int]:
    """Those of the texts, embedded in one call, that have other bits than they should."""
    found, _ = embedder.embed([texts()[index] for index in indices], threads=threads)
    wanted = golden()
    return [i for i, digest in zip(indices, hashes(found), strict=True) if digest != wanted[i]]


def test_the_texts_are_the_ones_that_were_hashed() -> None:
    assert hash_of_texts() == golden_texts()
    assert len(golden()) == COUNT


@pytest.mark.slow
def test_all_texts_on_every_kernel_of_this_processor(core: ModuleType, model: ModelFiles) -> None:
    for kernel in core.kernels():
        indices = SAMPLE if kernel == "portable" else list(range(COUNT))
        assert differing(opened(core, model, kernel), indices, threads=2) == [], kernel


@pytest.mark.chaos
def test_all_texts_on_the_portable_kernel(core: ModuleType, model: ModelFiles) -> None:
    assert differing(opened(core, model, "portable"), list(range(COUNT)), threads=2) == []


@pytest.mark.slow
def test_each_text_alone_on_one_thread(exact: Any) -> None:
    wrong = [index for index in range(COUNT) if differing(exact, [index], threads=1)]
    assert wrong == []


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(SHORT), max_size=20), st.integers(1, 5))
def test_any_company_order_and_number_of_threads(
    exact: Any, indices: list[int], threads: int
) -> None:
    assert differing(exact, indices, threads) == []


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=3), st.integers(1, 5))
def test_long_texts_share_their_rows_among_threads(
    exact: Any, indices: list[int], threads: int
) -> None:
    assert differing(exact, indices, threads) == []
