"""The hand-written stub against the module that was compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_stub_is_that_of_the_module(both: object, tmp_path: Path) -> None:
    """stubtest compares names, parameters and defaults; it reads the stub that is installed."""
    inner = tmp_path / "allowed"
    inner.write_text("engram_core.engram_core\n")  # the shared library inside the package
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "engram_core", "--allowlist", str(inner)],
        cwd=tmp_path,
        env=os.environ | {"MYPY_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_installed_stub_is_the_committed_one(both: object) -> None:
    import engram_core

    assert engram_core.__file__ is not None
    installed = Path(engram_core.__file__).with_suffix(".pyi")
    assert installed.read_text() == (ROOT / "engram-core" / "engram_core.pyi").read_text()
    assert (installed.parent / "py.typed").exists()
