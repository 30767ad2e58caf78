"""Someone who types what a page says, in a folder of their own, against a running node."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.repo.readme import CID, agrees
from tests.sdk.miner_process import RunningMiner

DOCUMENTED_URL = "http://127.0.0.1:8091"


class Reader:
    """Runs commands and programs; learns which CID a record of the page has on this processor."""

    def __init__(self, folder: Path, miner: RunningMiner) -> None:
        self._folder = folder
        self._miner = miner
        self._cids: dict[str, str] = {}

    def check_command(self, command: str, promised: str) -> None:
        """Run it with ``sh``; it must succeed and print what was promised."""
        for written, here in self._cids.items():
            command = command.replace(written, here)
        self._check(promised, ["sh", "-c", command])

    def check_program(self, program: str, promised: str) -> None:
        """Run it as a script of its own."""
        self._check(
            promised, [sys.executable, "-c", program.replace(DOCUMENTED_URL, self._miner.url)]
        )

    def _check(self, promised: str, command: list[str]) -> None:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        surroundings = {
            "PATH": path,
            "ENGRAM_URL": self._miner.url,
            "ENGRAM_DATA_DIR": str(self._miner.data_dir),
        }
        ran = subprocess.run(
            command,
            cwd=self._folder,
            env=os.environ | surroundings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
        if promised.strip() != "…":
            assert agrees(promised, ran.stdout.strip()), f"{command}\n{ran.stdout}"
        self._cids |= dict(zip(CID.findall(promised), CID.findall(ran.stdout), strict=False))
