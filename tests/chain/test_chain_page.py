"""docs/chain.md names every rule, code and fault that there is, and its program runs."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from engram.chain.dev import Fault, Rules
from engram.chain.subtensor.failures import CODES
from tests.repo.readme import blocks
from tests.repo.sources import ROOT, tracked

PAGE = ROOT / "docs" / "chain.md"


def table(heading: str) -> dict[str, str]:
    """First and second cells of the rows below a heading line, up to the table's end."""
    _, _, rest = PAGE.read_text().partition(heading)
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", rest.split("\n\n")[0], re.MULTILINE)
    return {name: cell.strip() for name, cell in rows}


def test_every_rule_is_there_with_its_default() -> None:
    written = {name: f"{value:g}" if value else "0" for name, value in numbers().items()}
    page = table("| rule | default | |\n")
    assert list(page) == list(asdict(Rules()))
    assert {name: f"{float(page[name]):g}" for name in written} == written
    assert page["commit_reveal"] == "false"


def numbers() -> dict[str, float]:
    rules = asdict(Rules())
    return {name: value for name, value in rules.items() if not isinstance(value, bool)}


def test_every_code_of_a_receipt_is_there() -> None:
    source = "".join(path.read_text() for path in tracked("engram/chain/dev/*.py"))
    refusals = set(re.findall(r'refused\(\s*"(\w+)"', source))
    successes = set(re.findall(r'done\([^)]*, "(\w+)"\)', source))
    assert len(refusals) >= 9
    told = refusals | successes | {"ok"} | set(CODES.values())
    assert set(table("| code | meaning | waiting helps |\n")) == told


def test_every_fault_is_there() -> None:
    assert set(table("| kind | what happens |\n")) == {*Fault, "none"}


def test_the_program_runs(tmp_path: Path) -> None:
    (program,) = blocks(PAGE, "python")
    ran = subprocess.run(
        [sys.executable, "-c", program.text],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.splitlines() == ["ok", "[0]"]
