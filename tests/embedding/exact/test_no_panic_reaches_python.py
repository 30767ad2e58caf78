"""Whatever the compiled embedder is given, it answers or raises an ordinary error.

A Rust panic would come as ``pyo3_runtime.PanicException``, which is no ``Exception``, so that
neither these tests nor any handler of errors would take it for one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.embedding.files import ModelFiles

NO_TEXTS: list[Any] = [
    None,
    7,
    b"bytes",
    ["a", None],
    ["a", b"b"],
    [["a"]],
    {"a": 1},
    "text",
    object(),
]
NO_COUNT: list[Any] = [0, -1, 2**64, 1.5, "2", None]


NO_MORE_THREADS = """
import resource, sys, threading
import engram_core, numpy

embedder = engram_core.Embedder(*sys.argv[1:])
rows, metadatas = numpy.ones((600, 384), numpy.float32), [{}] * 600  # for two threads
# One thread until now: the C library keeps the stacks of those that ended.
before = embedder.embed(["a river"], 1), engram_core.generate_cids(rows[:1], [{}]) * 600
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**20, used + 2**20))  # half a thread's stack
try:
    threading.Thread(target=print).start()
except RuntimeError:
    print("no thread")
print(before == (embedder.embed(["a river"], 2), engram_core.generate_cids(rows, metadatas)))
"""


class Text(str):
    """A str of somebody's own class."""


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=300), max_size=6), st.integers(1, 4))
def test_any_unicode_is_a_finite_unit_vector(exact: Any, texts: list[str], threads: int) -> None:
    embeddings, counts = exact.embed(texts, threads)
    rows = np.frombuffer(embeddings, "<f4").reshape(len(texts), 384)
    assert np.isfinite(rows).all()
    assert np.allclose(np.linalg.norm(rows.astype(np.float64), axis=1), 1, rtol=0, atol=1e-6)
    assert counts == [exact.count_tokens(text) for text in texts]


@settings(deadline=None)
@given(st.text(max_size=5), st.characters(categories=["Cs"]), st.text(max_size=5))
def test_lone_surrogates_are_named(
    exact: Any, core: ModuleType, before: str, surrogate: str, after: str
) -> None:
    text = before + surrogate + after
    with pytest.raises(core.CoreError) as refused:
        exact.embed(["good", text])
    code, sentence = refused.value.args
    assert code == "invalid_text"
    assert "1" in sentence


@pytest.mark.parametrize("texts", NO_TEXTS, ids=range(len(NO_TEXTS)))
def test_what_is_no_list_of_texts(exact: Any, texts: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        exact.embed(texts)


@pytest.mark.parametrize("threads", NO_COUNT, ids=range(len(NO_COUNT)))
def test_what_is_no_number_of_threads(exact: Any, threads: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        exact.embed(["a"], threads)


def test_more_threads_than_anyone_has(exact: Any) -> None:
    texts = ["one", "a river " * 100, ""]
    assert exact.embed(texts, 100_000) == exact.embed(texts, 1)
    assert exact.embed([], 2**63) == (b"", [])


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_a_system_that_gives_no_more_threads(core: ModuleType, model: ModelFiles) -> None:
    """What another thread would have embedded or hashed is done by the caller's."""
    program = [sys.executable, "-c", NO_MORE_THREADS, str(model.weights), str(model.tokenizer)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["no thread", "True"]


def test_sequences_and_strings_of_other_classes(exact: Any) -> None:
    wanted = exact.embed(["a", "b"])
    assert exact.embed((Text("a"), Text("b"))) == wanted


@pytest.mark.parametrize("kernel", ["", "AVX2", "cuda", "avx2\0", "\ud800", 7])
def test_kernels_that_nobody_has(core: ModuleType, model: ModelFiles, kernel: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        core.Embedder(str(model.weights), str(model.tokenizer), kernel)


@pytest.mark.parametrize("path", ["", "\0", "no/such/file", ".", "x" * 5000, os.devnull])
def test_paths_that_lead_nowhere(core: ModuleType, model: ModelFiles, path: str) -> None:
    for weights, tokenizer in ((path, model.tokenizer), (model.weights, path)):
        with pytest.raises((core.CoreError, OSError)):
            core.Embedder(str(weights), str(tokenizer))


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_weights_that_are_torn_or_flipped_are_refused_by_name(
    core: ModuleType,
    model: ModelFiles,
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    file = bytearray(model.weights.read_bytes()[: data.draw(st.sampled_from([2**12, 2**20]))])
    if data.draw(st.booleans()):
        del file[data.draw(st.integers(0, len(file))) :]
    else:
        file[data.draw(st.integers(0, len(file) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.getbasetemp() / "some.safetensors"
    path.write_bytes(file)
    refused_by_name(core, path, model.tokenizer)


def test_the_two_files_exchanged(core: ModuleType, model: ModelFiles) -> None:
    refused_by_name(core, model.tokenizer, model.weights)


def refused_by_name(core: ModuleType, weights: Path, tokenizer: Path) -> None:
    with pytest.raises(core.CoreError) as refused:
        core.Embedder(str(weights), str(tokenizer))
    code, sentence = refused.value.args
    assert code == "model_mismatch"
    assert str(weights) in sentence or str(tokenizer) in sentence
