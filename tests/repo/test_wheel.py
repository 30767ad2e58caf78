"""The package as it is shipped: pure Python, complete, and enough by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.repo.sources import ROOT, tracked

PROGRAM = """
import sys
sys.modules["engram_core"] = None  # as if it were not installed
import engram, engram.core, engram.cli.corpus
from engram.errors import EngramError
assert engram.core.BACKEND == "python", engram.core.BACKEND
assert engram.Memory and engram.EngramClient
vector = [1.0] + [0.0] * 383
assert engram.core.verify_cid(engram.core.generate_cid(vector, {"a": "b"}), vector, {"a": "b"})
assert len(engram.cli.corpus.passages()) >= 100
print(engram.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_it_is_pure_python_and_complete(wheel: Path) -> None:
    assert wheel.name == "engram_network-0.1.0-py3-none-any.whl"
    packed = set(zipfile.ZipFile(wheel).namelist())
    sources = {path.relative_to(ROOT).as_posix() for path in tracked("engram/**", "engram/*")}
    assert sources <= packed
    assert {"engram/py.typed", "engram/cli/demo/passages.jsonl"} <= packed
    assert {name.split("/")[0] for name in packed} == {
        "engram",
        "engram_network-0.1.0.dist-info",
    }


def test_installed_alone_it_works(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(site / "engram" / "__init__.py")
