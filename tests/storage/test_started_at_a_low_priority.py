"""A miner started under ``nice`` may not raise its priority, and must index all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from pathlib import Path
from engram.config import StoreSettings
from engram.storage import open_store
from tests.storage.records_for_tests import put, record, vectors

store = open_store(Path(sys.argv[1]), StoreSettings())
put(store, record(vectors(1)[0], {"n": 1}))
print(store.drain(60), store.stats().indexed, store.stats().detail["failures"])
store.close()
"""
UNPRIVILEGED = ["unshare", "-Ur"] if os.geteuid() == 0 else []  # root may raise any priority


@pytest.mark.skipif(sys.platform != "linux", reason="thread priorities are set on Linux only")
def test_the_index_is_filled(tmp_path: Path) -> None:
    if UNPRIVILEGED and subprocess.run([*UNPRIVILEGED, "true"], capture_output=True).returncode:
        pytest.skip("this is root and user namespaces are not allowed here")
    done = subprocess.run(
        [*UNPRIVILEGED, "nice", "-n", "12", sys.executable, "-c", PROGRAM, str(tmp_path / "store")],
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert (done.stdout.split(), done.stderr) == (["True", "1", "0"], "")
