"""A snapshot's folder is renamed or removed while the size of the directory is being added up."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from engram.storage.state import disk_bytes


def test_sizes_are_added_up_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "records").write_bytes(b"x" * 1000)
    done = threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            for number in range(20):
                partial = tmp_path / "snapshots" / f"partial-{number}"
                partial.mkdir(parents=True)
                (partial / "index").write_bytes(b"y" * 10)
            shutil.rmtree(tmp_path / "snapshots")

    churn = threading.Thread(target=come_and_go)
    churn.start()
    try:
        sizes = [disk_bytes(tmp_path) for _ in range(500)]
    finally:
        done.set()
        churn.join()
    assert min(sizes) >= 1000
    assert max(sizes) <= 1200
