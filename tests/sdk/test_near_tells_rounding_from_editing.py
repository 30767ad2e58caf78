"""``near`` lies between what another runtime's rounding does to a vector and what an edit does."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

from engram.cli.corpus import passages
from engram.config import EmbedderSettings
from engram.embedding.interface import Embedder
from engram.sdk.own_embedder import shared_embedder
from engram.sdk.verification import NEAR
from tests.sdk.exact_machine import exact_here, need_exact

MARGIN = 20  # on either side; measured were 500 below and 80 above


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Passages, and several of them joined: an edit shows least in 256 word pieces."""
    found = [passage["text"] for passage in passages()]
    return [*found[:12], *(" ".join(found[at : at + 4]) for at in range(0, 48, 4))]


def edits(text: str) -> Iterator[str]:
    words = text.split()
    yield f"{text}!"
    yield " ".join([*words[:9], *words[10:]])
    yield text.replace(",", " ;", 1)
    yield text.replace(". ", " . . ", 1)
    yield text.replace(" the ", " a ", 1)
    yield re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), text, count=1)


def distance(left: np.ndarray, right: np.ndarray) -> float:
    """1 - cosine, in binary64."""
    a, b = left.astype(np.float64), right.astype(np.float64)
    return float(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def opened(name: str) -> Embedder:
    return shared_embedder(EmbedderSettings.model_validate({"embedder": name}))


def test_two_runtimes_are_near(texts: list[str]) -> None:
    need_exact()
    pairs = zip(opened("exact").embed(texts), opened("onnx").embed(texts), strict=True)
    furthest = max(distance(a.vector, b.vector) for a, b in pairs)
    assert furthest * MARGIN < 1 - NEAR


def test_edits_are_not_near(texts: list[str]) -> None:
    embedder = opened("exact" if exact_here() else "onnx")
    least = 1.0
    for text in texts:
        original, *edited = embedder.embed([text, *(one for one in edits(text) if one != text)])
        apart = [distance(original.vector, one.vector) for one in edited]
        # An edit behind the 256th piece is none to the model.
        least = min([least, *(one for one in apart if one > 1e-12)])
    assert least > (1 - NEAR) * MARGIN
