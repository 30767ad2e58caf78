"""The compiled embedder on a processor that rounds otherwise: its self-test fails."""

from __future__ import annotations

from typing import Any

import pytest

SENTENCE = "text 3 of 8 has other bits than it must on this processor"


def break_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the self-test says what it would say there; all else is the real thing."""
    import engram_core

    real: Any = engram_core.Embedder

    class Broken:
        def __init__(self, *arguments: object) -> None:
            self._real = real(*arguments)

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

        def self_test(self) -> None:
            raise engram_core.CoreError("self_test_failed", SENTENCE)

    monkeypatch.setattr(engram_core, "Embedder", Broken)
