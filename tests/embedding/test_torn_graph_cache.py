"""Nothing in the cache folder is trusted, needed, or left half-written."""

from __future__ import annotations

from pathlib import Path

import pytest

from engram.embedding.files import ModelFiles
from engram.embedding.graph_cache import load_graph


@pytest.fixture
def whole(model: ModelFiles, tmp_path: Path) -> bytes:
    return load_graph(model, tmp_path)


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_a_whole_one_is_used_and_not_written_again(
    model: ModelFiles, tmp_path: Path, whole: bytes
) -> None:
    before = only_file(tmp_path).stat()
    assert load_graph(model, tmp_path) == whole
    after = only_file(tmp_path).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("kept", [0, 1, 0.5, -1])
def test_a_torn_one_is_written_again(
    model: ModelFiles, tmp_path: Path, whole: bytes, kept: float
) -> None:
    path = only_file(tmp_path)
    path.write_bytes(whole[: int(len(whole) * kept) if 0 < kept < 1 else int(kept)])
    assert load_graph(model, tmp_path) == whole
    assert only_file(tmp_path).read_bytes() == whole


def test_a_flipped_bit_is_seen(model: ModelFiles, tmp_path: Path, whole: bytes) -> None:
    path = only_file(tmp_path)
    path.write_bytes(whole[:500] + bytes([whole[500] ^ 8]) + whole[501:])
    assert load_graph(model, tmp_path) == whole
    assert only_file(tmp_path).read_bytes() == whole


def test_an_interrupted_write_is_ignored(model: ModelFiles, tmp_path: Path, whole: bytes) -> None:
    only_file(tmp_path).rename(tmp_path / "tmpabc.tmp")
    assert load_graph(model, tmp_path) == whole


def test_a_missing_folder_is_made(model: ModelFiles, tmp_path: Path, whole: bytes) -> None:
    assert load_graph(model, tmp_path / "a" / "b") == whole
    assert only_file(tmp_path / "a" / "b").read_bytes() == whole


def test_a_folder_that_cannot_be_made_is_done_without(
    model: ModelFiles, tmp_path: Path, whole: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert load_graph(model, tmp_path / "file" / "cache") == whole
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_disk_that_is_full_leaves_no_temporary_file(
    model: ModelFiles,
    tmp_path: Path,
    whole: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    assert load_graph(model, tmp_path / "full") == whole
    assert "No space left" in caplog.text
    assert list((tmp_path / "full").iterdir()) == []
