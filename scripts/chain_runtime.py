#!/usr/bin/env python3
"""Fetch a real subtensor runtime's metadata for the tests: `python scripts/chain_runtime.py`.

Only the source distribution of Bittensor's SDK carries it, among its own tests. It is Apache-2.0,
1.5 MB, and not kept in this repository. The tests that need it are skipped without it.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

SDK = "bittensor==11.3.0"
MEMBER = "bittensor-11.3.0/tests/fixtures/golden.json"
PLACE = Path(sys.prefix) / ".engram-runtime" / "golden.json"
TIMEOUT_S = 120  # a registry that does not answer by then counts as unreachable


def download(folder: Path) -> Path:
    """The source distribution."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-q"]
    # Its build backend is ours too, so nothing else is fetched to read its name and version.
    how = ["--no-binary", "bittensor", "--no-deps", "--no-build-isolation", "-d", str(folder)]
    subprocess.run([*pip, *how, SDK], check=True, timeout=TIMEOUT_S)
    return next(folder.glob("*.tar.gz"))


def recorded(source: Path) -> bytes:
    """The file within the source distribution."""
    with tarfile.open(source) as archive:
        member = archive.extractfile(MEMBER)
        assert member is not None, MEMBER
        return member.read()


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        content = recorded(download(Path(folder)))
    PLACE.parent.mkdir(exist_ok=True)
    draft = PLACE.with_suffix(".part")
    draft.write_bytes(content)
    draft.replace(PLACE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
