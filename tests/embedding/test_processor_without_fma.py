"""Where the processor has no fused multiply-add, the same bits come slowly, and the log says so."""

from __future__ import annotations

import pytest

from engram.embedding.files import ModelFiles
from tests.embedding.conftest import WITHOUT_RUST, opened

pytestmark = WITHOUT_RUST

TEXTS = ["", "a harbour", "word " * 40]


def test_it_works_and_warns(model: ModelFiles, caplog: pytest.LogCaptureFixture) -> None:
    from engram.embedding.exact import ExactEmbedder

    slow = ExactEmbedder(model, kernel="portable")
    assert slow.name.endswith("(portable)")
    [line] = [record for record in caplog.records if record.name == "engram.embedding"]
    assert line.levelname == "WARNING"
    assert "slow" in line.getMessage()
    fast = opened("exact").embed(TEXTS)
    for ours, theirs in zip(slow.embed(TEXTS, threads=2), fast, strict=True):
        assert ours.vector.tobytes() == theirs.vector.tobytes()


def test_a_faster_kernel_says_nothing(model: ModelFiles, caplog: pytest.LogCaptureFixture) -> None:
    import engram_core

    from engram.embedding.exact import ExactEmbedder

    best = engram_core.kernels()[0]
    if best == "portable":
        pytest.skip("this processor has no faster kernel")
    assert ExactEmbedder(model).name.endswith(f"({best})")
    assert not caplog.records


def test_a_kernel_that_is_not_there_is_refused_with_those_that_are(model: ModelFiles) -> None:
    from engram.embedding.exact import ExactEmbedder
    from engram.errors import InvalidInput

    with pytest.raises(InvalidInput, match="portable"):
        ExactEmbedder(model, kernel="abacus")
