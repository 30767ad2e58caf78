"""The exact embedder beside onnxruntime on the same texts, and beside the machine's sgemm."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bare_onnx import BareOnnx
from benchmarks.data import load_sentences, texts_of_length
from benchmarks.measure import Gate, alternate, median, ratio, results
from benchmarks.scale import Scale
from engram.config import EmbedderSettings
from engram.embedding.exact import ExactEmbedder
from engram.embedding.files import find_model
from engram.embedding.interface import MAX_TOKENS

SHORT, LONG = 28, MAX_TOKENS  # word pieces, within a tenth
BATCH = {SHORT: 96, LONG: 16}
ALONE = 20  # short texts, one after the other
THREADS = (1, 2)
MEMORY_MB, READY_S = 250.0, 0.5

PRODUCTS = 6 * (4 * 384 * 384 + 2 * 384 * 1536)  # multiply-adds a token in the linear layers
ATTENTION = 6 * 2 * 384  # and for each pair of tokens in attention

SGEMM = """
import time, numpy
a = numpy.random.rand(1536, 1536).astype("f4")
best = 1e9
for _ in range(12):
    began = time.perf_counter(); a @ a; best = min(best, time.perf_counter() - began)
print(2 * 1536**3 / best)
"""
FRESH = """
import time
from engram.config import EmbedderSettings
from engram.embedding import open_embedder
settings = EmbedderSettings(embedder="exact")
began = time.perf_counter()
embedder = open_embedder(settings)
ready = time.perf_counter() - began
embedder.embed(["A text of some length, again and again. " * 40] * 8, threads=2)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(ready, int(peak.split()[1]) * 1024)
"""


def run(scale: Scale, work: Path) -> dict[str, Any]:
    """Batches and lone texts, with one thread and two; then one start in a fresh process."""
    exact = ExactEmbedder(find_model(EmbedderSettings().model_dir))
    sentences = load_sentences(scale)
    gates: list[Gate] = []
    told: dict[str, Any] = {"kernel": exact.name}
    for threads in (t for t in THREADS if t <= (os.cpu_count() or 1)):
        onnx = BareOnnx(threads)
        for length in (SHORT, LONG):
            texts = texts_of_length(exact, sentences, length, BATCH[length])
            gate, shares = _batches(scale, exact, onnx, texts, threads, length)
            gates.append(gate)
            told[f"{length} tokens, {threads} threads: share of sgemm's peak"] = median(shares)
        lone = texts_of_length(exact, sentences, SHORT, ALONE)
        gates.append(_latency(scale, exact, onnx, lone, threads))
    return results([*gates, *_fresh(scale)], told)


def _batches(
    scale: Scale,
    exact: ExactEmbedder,
    onnx: BareOnnx,
    texts: Sequence[str],
    threads: int,
    length: int,
) -> tuple[Gate, list[float]]:
    """The gate on texts a second, and our arithmetic's shares of sgemm's in the same minute."""
    peaks: list[float] = []

    def ours() -> float:
        peaks.append(_sgemm(threads))
        return _rate(lambda: exact.embed(texts, threads=threads), len(texts))

    mine, theirs = alternate(
        scale.runs, ours, lambda: max(_rate(way, len(texts)) for way in onnx.ways(texts))
    )
    tokens = [min(exact.count_tokens(text), MAX_TOKENS) for text in texts]
    work = 2 * sum(t * PRODUCTS + t * t * ATTENTION for t in tokens) / len(texts)
    shares = [rate * work / peak for rate, peak in zip(mine, peaks, strict=True)]
    name = (
        f"batches of {len(texts)} texts of about {length} tokens, {threads} threads, over "
        "onnxruntime's best of padded and unpadded"
    )
    return ratio(name, mine, theirs, "at least", 1.2, "texts/s"), shares


def _latency(
    scale: Scale, exact: ExactEmbedder, onnx: BareOnnx, texts: Sequence[str], threads: int
) -> Gate:
    def seconds(embed: Callable[[str], object]) -> float:
        return min(1 / _rate(lambda: [embed(text) for text in texts], len(texts)) for _ in range(2))

    mine, theirs = alternate(
        scale.runs,
        lambda: seconds(lambda text: exact.embed([text], threads=threads)),
        lambda: seconds(onnx.alone),
    )
    name = f"one text of about {SHORT} tokens, {threads} threads, over onnxruntime's time"
    return ratio(name, mine, theirs, "at most", 1.0, "s")


def _rate(work: Callable[[], object], texts: int) -> float:
    """The better of two runs: what else the machine does only ever takes away."""
    times = []
    for _ in range(2):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return texts / min(times)


def _sgemm(threads: int) -> float:
    """Floating-point operations a second of numpy's own matrix product."""
    return float(_python(SGEMM, OPENBLAS_NUM_THREADS=str(threads)))


def _fresh(scale: Scale) -> list[Gate]:
    runs = [_python(FRESH).split() for _ in range(scale.runs)]
    ready = [float(seconds) for seconds, _ in runs]
    memory = [float(peak) / 1e6 for _, peak in runs]
    return [
        Gate("ready to embed, files in cache", READY_S, "at most", ready, "s"),
        Gate("peak memory of the whole process", MEMORY_MB, "at most", memory, "MB"),
    ]


def _python(program: str, **variables: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
