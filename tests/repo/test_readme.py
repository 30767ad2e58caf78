"""The README's blocks, run in order against a real miner, print what the README says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repo.readme import CID, agrees, blocks, steps
from tests.repo.sources import ROOT

README = ROOT / "README.md"
DOCUMENTED_URL = "http://127.0.0.1:8091"
TIMEOUT_S = 120


class Reader:
    """Someone with a shell who types what the README says, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = DOCUMENTED_URL
        self.started = ""
        self.cids: dict[str, str] = {}

    def shell(self, command: str) -> str:
        for written, here in self.cids.items():
            command = command.replace(written, here)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            ["sh", "-c", command.replace(DOCUMENTED_URL, self.url)],
            cwd=self.folder,
            env=os.environ | {"PATH": path, "COLUMNS": "100"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout.replace(self.url, DOCUMENTED_URL)

    def start(self) -> None:
        """What `make up` runs once everything is installed."""
        shown = self.shell("engram up --port 0 --detach")
        found = re.search(r"^READY (\S+)$", shown, re.MULTILINE)
        assert found, shown
        self.url = found.group(1)
        self.started = shown.replace(self.url, DOCUMENTED_URL)

    def check(self, promised: str, real: str) -> None:
        """Compare, and learn which CID a record of the README has on this processor."""
        assert agrees(promised, real), real
        self.cids |= dict(zip(CID.findall(promised), CID.findall(real), strict=False))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    reader = Reader(tmp_path_factory.mktemp("reader"))
    reader.start()
    yield reader
    reader.shell("engram down")


def check_searches(promised: str, real: str) -> None:
    """Of `make up`, the README promises the searches and READY; the rest tells of one machine."""
    shown = [part for part in re.split(r"\n\n", promised) if "ms)" in part or "READY" in part]
    assert shown
    for part in shown:
        title = part.split("  (")[0]
        match = next((p for p in re.split(r"\n\n", real) if p.startswith(title)), "")
        assert agrees(f"{part}\n…", match), match


def test_the_blocks_do_what_they_say(reader: Reader) -> None:
    """In order, since each builds on the ones before."""
    typed = [step for block in blocks(README, "console") for step in steps(block)]
    assert len(typed) >= 6
    for step in typed:
        if step.command.startswith("make up"):
            check_searches(step.output, reader.started)
        else:
            reader.check(step.output, reader.shell(step.command))


def test_the_python_blocks_print_what_they_say(reader: Reader) -> None:
    found = blocks(README, "python", "text")
    assert [block.language for block in found][:2] == ["python", "text"]
    for program, printed in zip(found[::2], found[1::2], strict=True):
        script = reader.folder / "example.py"
        script.write_text(program.text.replace(DOCUMENTED_URL, reader.url))
        reader.check(printed.text, reader.shell("python example.py"))


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+): ##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [README, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    named = {t for p in pages for t in re.findall(r"`make ([a-z0-9-]+)", p.read_text())}
    assert named
    assert named <= targets


def test_links_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert not broken
