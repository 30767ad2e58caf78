"""docs/cli.md does what it says, and says what there is."""

from __future__ import annotations

import re
from pathlib import Path

from engram import errors
from engram.cli.app import COMMANDS
from tests.cli.pages import Reader
from tests.repo.readme import blocks, steps
from tests.repo.sources import ROOT
from tests.sdk.miner_process import running_miner

PAGE = ROOT / "docs" / "cli.md"


def test_every_command_prints_what_the_page_says(tmp_path: Path) -> None:
    typed = [step for block in blocks(PAGE, "console") for step in steps(block)]
    assert len(typed) >= 15
    with running_miner(tmp_path / "records") as miner:
        reader = Reader(tmp_path, miner)
        for step in typed:
            reader.check_command(step.command, step.output)


def test_the_page_names_every_command() -> None:
    text = PAGE.read_text()
    assert [name for name in COMMANDS if f"`{name}`" not in text] == []


def test_the_page_names_every_exit_code() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE)}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    used = {kind.exit_code for kind in kinds if issubclass(kind, errors.EngramError)}
    assert codes == used | {0}
