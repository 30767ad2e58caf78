"""The command line, run in this process: the same code as the command, without its start-up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from engram.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Runs ``engram`` with arguments."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: object) -> Ran:
        """The outcome, whatever it is."""
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(one) for one in arguments])
        out, err = self._capture.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 0, out, err)

    def ok(self, *arguments: object) -> Ran:
        """The outcome of a command that must succeed."""
        ran = self(*arguments)
        assert ran.code == 0, ran
        return ran
