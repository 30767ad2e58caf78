"""The real model, loaded once for each test process, by each embedder that this machine has."""

from __future__ import annotations

from functools import cache
from typing import Literal

import pytest

from engram import core
from engram.config import EmbedderSettings
from engram.embedding import Embedder, open_embedder
from engram.embedding.files import ModelFiles, find_model, verify_model

Kind = Literal["exact", "onnx"]
WITHOUT_RUST = pytest.mark.skipif(
    core.BACKEND != "rust", reason="the exact embedder needs the compiled core, not in use here"
)
KINDS = [pytest.param("exact", marks=WITHOUT_RUST), "onnx"]


def kinds_here() -> list[Kind]:
    """The embedders that this machine has."""
    return ["exact", "onnx"] if core.BACKEND == "rust" else ["onnx"]


@cache
def opened(kind: Kind) -> Embedder:
    """That embedder over the installed model."""
    return open_embedder(EmbedderSettings(embedder=kind))


@pytest.fixture(scope="session")
def model() -> ModelFiles:
    found = find_model()
    verify_model(found)
    return found


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Which embedder: whatever takes this fixture is tested with both."""
    found: Kind = request.param
    return found


@pytest.fixture(scope="session")
def embedder(kind: Kind) -> Embedder:
    return opened(kind)
