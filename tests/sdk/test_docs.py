"""docs/sdk.md: each program prints what the page says."""

from __future__ import annotations

from pathlib import Path

from tests.cli.pages import Reader
from tests.repo.readme import blocks
from tests.repo.sources import ROOT
from tests.sdk.miner_process import RunningMiner

PAGE = ROOT / "docs" / "sdk.md"


def test_every_program_prints_what_the_page_says(miner: RunningMiner, tmp_path: Path) -> None:
    found = blocks(PAGE, "python", "text")
    assert len(found) >= 16
    reader = Reader(tmp_path, miner)
    for program, printed in zip(found[::2], found[1::2], strict=True):
        assert (program.language, printed.language) == ("python", "text")
        reader.check_program(program.text, printed.text)
