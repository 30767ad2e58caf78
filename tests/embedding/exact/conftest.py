"""What the compiled core computes, beside the libraries that it must agree with."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest
from tokenizers import Tokenizer

from engram.embedding.files import ModelFiles


@pytest.fixture(scope="session")
def core() -> ModuleType:
    """The compiled module; skips where it is not installed or must not be used."""
    if os.environ.get("ENGRAM_CORE") == "python" or find_spec("engram_core") is None:
        pytest.skip("the exact embedder is part of the compiled core, which is not in use")
    return import_module("engram_core")


@pytest.fixture(scope="session")
def word_pieces(core: ModuleType, model: ModelFiles) -> Any:
    """``engram_core.WordPieces`` of the real file."""
    return core.WordPieces(model.tokenizer.read_bytes())


@pytest.fixture(scope="session")
def library(model: ModelFiles) -> Tokenizer:
    """The Hugging Face library on the same file, without the truncation and padding it asks for."""
    tokenizer = Tokenizer.from_file(str(model.tokenizer))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@pytest.fixture(scope="session")
def exact(core: ModuleType, model: ModelFiles) -> Any:
    """``engram_core.Embedder`` with the kernel that serves on this machine."""
    return core.Embedder(str(model.weights), str(model.tokenizer))
