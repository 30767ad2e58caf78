"""The exact embedder spares the 0.2 s and the memory that importing onnxruntime takes."""

from __future__ import annotations

from tests.embedding.conftest import WITHOUT_RUST
from tests.embedding.fresh_python import opened_in_a_fresh_python

pytestmark = WITHOUT_RUST


def test_nothing_that_only_the_fallback_needs_is_imported() -> None:
    told, logged = opened_in_a_fresh_python()
    assert told["exact"] is True
    assert not {"onnxruntime", "onnx", "tokenizers", "safetensors"} & set(told["modules"])
    assert logged == ""
