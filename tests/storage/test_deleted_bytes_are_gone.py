"""What is deleted or forgotten is not in the database's files any more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.storage.conftest import Open
from tests.storage.records_for_tests import put, record, records, vectors

SECRET = "a sentence that nobody may read again"


def holding(folder: Path, needle: bytes) -> set[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.name for path in files if needle in path.read_bytes()}


@pytest.mark.parametrize("way", ["delete", "forget"])
def test_neither_embedding_nor_text_nor_metadata(opened: Open, tmp_path: Path, way: str) -> None:
    store, secret = opened(), record(vectors(1, seed=9)[0], {"secret": SECRET})
    beside = record(vectors(2, seed=9)[1], {}, text=SECRET[::-1])
    unchecked = replace(
        record(vectors(3, seed=9)[2], {}, text=SECRET.upper()), text_verified=False, deliver_to=(5,)
    )
    gone = [secret, beside, unchecked]
    put(store, *records(20), *gone, *records(20, seed=5))
    texts = (SECRET, SECRET[::-1], SECRET.upper())
    needles = [secret.embedding.tobytes(), *(text.encode() for text in texts)]
    for needle in needles:
        assert holding(tmp_path / "store", needle)
    if way == "forget":
        assert store.forget([one.cid for one in gone]) == 3
    else:
        assert all(store.delete(one.cid) for one in gone)
    store.close()
    for needle in needles:
        assert not holding(tmp_path / "store", needle)


def test_a_text_that_another_replaced_is_gone(opened: Open, tmp_path: Path) -> None:
    store, vector = opened(), vectors(1, seed=9)[0]
    put(store, *records(20), replace(record(vector, {}, text=SECRET), text_verified=False))
    assert holding(tmp_path / "store", SECRET.encode())
    put(store, record(vector, {}, text="the true one"))
    store.close()
    assert not holding(tmp_path / "store", SECRET.encode())
