"""The real model, loaded once for each test process."""

from __future__ import annotations

import pytest

from engram.config import EmbedderSettings
from engram.embedding import Embedder, open_embedder
from engram.embedding.files import ModelFiles, find_model, verify_model


@pytest.fixture(scope="session")
def model() -> ModelFiles:
    found = find_model()
    verify_model(found)
    return found


@pytest.fixture(scope="session")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return open_embedder(EmbedderSettings(cache_dir=tmp_path_factory.mktemp("cache")))
