"""Text ingest over HTTP beside the bare embedder on the same texts."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.data import load_sentences, texts_of_length
from benchmarks.load import Generator, Load, generator, post
from benchmarks.measure import alternate, median, ratio, results
from benchmarks.process import miner
from benchmarks.scale import Scale
from engram.config import EmbedderSettings
from engram.embedding import open_embedder
from engram.embedding.interface import Embedder

CONNECTIONS = 16
SHORT, LONG = 28, 200  # word pieces


def run(scale: Scale, work: Path) -> dict[str, Any]:
    """Half short, half long texts; a fresh miner each time; the drained index is in the time."""
    embedder = open_embedder(EmbedderSettings())
    texts = mixed_texts(embedder, scale)
    requests = [post("/IngestSynapse", {"text": text}) for text in texts]
    folders = iter(work / f"text-{number}" for number in range(scale.runs))
    with generator() as load:
        ours, floor = alternate(
            scale.runs,
            lambda: _ingest(load, next(folders), requests),
            lambda: _bare_rate(embedder, texts),
        )
    loads = [run for run, _ in ours]
    gate = ratio(
        f"text ingest, {CONNECTIONS} connections, over the bare embedder's best batch rate",
        [rate for _, rate in ours],
        floor,
        "at least",
        0.75,
        "texts/s",
    )
    return results(
        [gate],
        {
            "texts": len(texts),
            "p50 ms": median([run.quantile_ms(0.5) for run in loads]),
            "p99 ms": median([run.quantile_ms(0.99) for run in loads]),
        },
    )


def mixed_texts(embedder: Embedder, scale: Scale) -> list[str]:
    """Short and long in turn."""
    half = scale.texts // 2
    sentences = load_sentences(scale)
    short = texts_of_length(embedder, sentences, SHORT, half)
    long = texts_of_length(embedder, sentences[::-1], LONG, half)
    return [text for pair in zip(short, long, strict=True) for text in pair]


def _ingest(load: Generator, folder: Path, requests: Sequence[bytes]) -> tuple[Load, float]:
    with miner(folder) as server:
        began = time.perf_counter()
        met = load.drive(server.port, requests, CONNECTIONS)
        server.wait_drained()
        return met, len(requests) / (time.perf_counter() - began)


def _bare_rate(embedder: Embedder, texts: Sequence[str]) -> float:
    began = time.perf_counter()
    embedder.embed(texts, threads=os.cpu_count() or 1)
    return len(texts) / (time.perf_counter() - began)
