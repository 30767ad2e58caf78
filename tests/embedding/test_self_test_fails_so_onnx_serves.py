"""An embedder that gives other bits than it must is not used, and everybody can read why."""

from __future__ import annotations

import pytest

from engram.config import EmbedderSettings
from engram.embedding import open_embedder
from engram.errors import SelfTestFailed
from tests.embedding.broken_core import SENTENCE, break_self_test
from tests.embedding.conftest import WITHOUT_RUST

pytestmark = WITHOUT_RUST


@pytest.fixture
def broken_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    break_self_test(monkeypatch)


@pytest.mark.usefixtures("broken_arithmetic")
def test_onnxruntime_serves_and_the_reason_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    embedder = open_embedder(EmbedderSettings(embedder="auto"))
    assert embedder.name.startswith("onnxruntime ")
    assert not embedder.exact
    assert SENTENCE in (embedder.fallback or "")
    [line] = [record for record in caplog.records if record.name == "engram.embedding"]
    assert line.levelname == "WARNING"
    assert SENTENCE in line.getMessage()
    assert len(embedder.embed(["a harbour"])) == 1


@pytest.mark.usefixtures("broken_arithmetic")
def test_whoever_insists_on_exact_gets_an_error_and_no_other_embedder() -> None:
    with pytest.raises(SelfTestFailed, match=SENTENCE):
        open_embedder(EmbedderSettings(embedder="exact"))


def test_a_sound_machine_passes() -> None:
    embedder = open_embedder(EmbedderSettings(embedder="auto"))
    assert embedder.exact
    assert embedder.fallback is None
