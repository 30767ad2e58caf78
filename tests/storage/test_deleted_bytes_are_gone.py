"""What the operator deletes is not in the database's files any more."""

from __future__ import annotations

from pathlib import Path

from tests.storage.conftest import Open
from tests.storage.records_for_tests import put, record, records, vectors

SECRET = "a sentence that nobody may read again"


def holding(folder: Path, needle: bytes) -> set[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.name for path in files if needle in path.read_bytes()}


def test_neither_embedding_nor_text_nor_metadata(opened: Open, tmp_path: Path) -> None:
    store, secret = opened(), record(vectors(1, seed=9)[0], {"secret": SECRET})
    beside = record(vectors(2, seed=9)[1], {}, text=SECRET[::-1])
    put(store, *records(20), secret, beside, *records(20, seed=5))
    needles = [secret.embedding.tobytes(), SECRET.encode(), SECRET[::-1].encode()]
    for needle in needles:
        assert holding(tmp_path / "store", needle)
    store.delete(secret.cid)
    store.delete(beside.cid)
    store.close()
    for needle in needles:
        assert not holding(tmp_path / "store", needle)
