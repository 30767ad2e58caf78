"""Without engram-core onnxruntime embeds and says why; whoever insists gets an error instead."""

from __future__ import annotations

import pytest

from engram import core
from engram.config import EmbedderSettings
from engram.embedding import open_embedder
from engram.errors import CoreMissing
from tests.embedding.conftest import WITHOUT_RUST
from tests.embedding.fresh_python import WITHOUT_CORE, opened_in_a_fresh_python


@pytest.mark.parametrize(
    ("first", "variables", "reason"),
    [
        (WITHOUT_CORE, {}, "engram-core is not installed."),
        ("", {"ENGRAM_CORE": "python"}, "ENGRAM_CORE=python"),
    ],
    ids=["not installed", "ruled out"],
)
def test_onnxruntime_serves_and_says_why(
    first: str, variables: dict[str, str], reason: str
) -> None:
    told, logged = opened_in_a_fresh_python(first, **variables)
    assert told["name"].startswith("onnxruntime ")
    assert (told["exact"], reason in told["fallback"]) == (False, True)
    assert logged.count("\n") == 1
    assert logged.startswith("WARNING engram.embedding")
    assert reason in logged


def test_whoever_insists_is_told_the_way_out() -> None:
    told, logged = opened_in_a_fresh_python(WITHOUT_CORE, ENGRAM_EMBEDDER="exact")
    assert told["code"] == "core_missing"
    assert "engram-network[core]" in told["message"]
    assert "onnxruntime" not in told["modules"]
    assert logged == ""


def test_onnxruntime_that_was_asked_for_is_no_surprise() -> None:
    told, logged = opened_in_a_fresh_python(ENGRAM_EMBEDDER="onnx")
    assert told["exact"] is False
    assert "ENGRAM_EMBEDDER=onnx" in told["fallback"]
    assert logged == ""


@WITHOUT_RUST
def test_a_core_from_before_it_could_embed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert core.BACKEND == "rust"
    monkeypatch.delattr("engram_core.Embedder")
    embedder = open_embedder(EmbedderSettings(embedder="auto"))
    assert not embedder.exact
    assert "has no embedder" in (embedder.fallback or "")
    with pytest.raises(CoreMissing, match="has no embedder"):
        open_embedder(EmbedderSettings(embedder="exact"))
