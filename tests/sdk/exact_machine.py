"""Whether the real exact embedder runs on this machine, for tests that need it."""

from __future__ import annotations

import pytest

from engram.config import EmbedderSettings
from engram.errors import CoreMissing
from engram.sdk.own_embedder import shared_embedder


def exact_here() -> bool:
    """False where engram-core is missing or ruled out; whatever else is wrong fails the test."""
    try:
        return shared_embedder(EmbedderSettings(embedder="exact")).exact
    except CoreMissing:
        return False


def need_exact() -> None:
    if not exact_here():
        pytest.skip("the exact embedder needs engram-core")
