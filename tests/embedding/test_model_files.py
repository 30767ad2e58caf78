"""A missing or wrong model file is refused by name, with what to do."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engram.config import EmbedderSettings
from engram.embedding import open_embedder
from engram.embedding.files import (
    MODULE,
    TOKENIZER,
    WEIGHTS,
    ModelFiles,
    find_model,
    package_folder,
    verify_model,
)
from engram.errors import ModelError, ModelMismatch, ModelMissing
from tests.embedding.conftest import Kind


@pytest.fixture
def folder(model: ModelFiles, tmp_path: Path) -> Path:
    """A folder of one's own with the model in it, the weights by symbolic link."""
    own = tmp_path / "own model"
    own.mkdir()
    (own / WEIGHTS).symlink_to(model.weights)
    shutil.copy(model.tokenizer, own / TOKENIZER)
    return own


Settings = Callable[[Path], EmbedderSettings]


@pytest.fixture
def settings(kind: Kind, tmp_path: Path) -> Settings:
    """Each embedder reads the files itself, so each has to refuse them."""
    cache = tmp_path / "cache"
    return lambda folder: EmbedderSettings(embedder=kind, model_dir=folder, cache_dir=cache)


def test_the_package_is_found_without_importing_it() -> None:
    assert package_folder() is not None
    assert MODULE not in sys.modules


def test_a_folder_of_ones_own_works(folder: Path, settings: Settings) -> None:
    embedder = open_embedder(settings(folder))
    assert embedder.embed(["a harbour"])[0].vector.shape == (384,)


def test_weights_under_another_name(
    model: ModelFiles, folder: Path, tmp_path: Path, settings: Settings
) -> None:
    """A download cache keeps files under their hash and links to them."""
    blob = tmp_path / "53aa5117"
    shutil.copy(model.weights, blob)
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).symlink_to(blob)
    embedder = open_embedder(settings(folder))
    again = open_embedder(settings(model.weights.parent))
    assert embedder.embed(["x"])[0].vector.tobytes() == again.embed(["x"])[0].vector.tobytes()


def test_weights_with_two_hard_links(
    model: ModelFiles, folder: Path, tmp_path: Path, settings: Settings
) -> None:
    """Some installers link a package's files from their cache."""
    shutil.copy(model.weights, tmp_path / "cached")
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).hardlink_to(tmp_path / "cached")
    assert open_embedder(settings(folder)).embed(["x"])[0].vector.shape == (384,)


@pytest.mark.parametrize("name", [WEIGHTS, TOKENIZER])
def test_a_missing_file_is_named(folder: Path, settings: Settings, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelMissing, match=name) as raised:
        open_embedder(settings(folder))
    assert "engram model install" in raised.value.message
    assert "ENGRAM_MODEL_DIR" in raised.value.message


def test_no_package_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engram.embedding.files.MODULE", "no_such_package_anywhere")
    with pytest.raises(ModelMissing, match="engram model install"):
        find_model()


@pytest.mark.parametrize("name", [WEIGHTS, TOKENIZER])
@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty", "longer"])
def test_a_wrong_file_is_named(folder: Path, settings: Settings, name: str, damage: str) -> None:
    right = (folder / name).read_bytes()
    (folder / name).unlink()
    (folder / name).write_bytes(
        {
            "truncated": right[:-1],
            "one bit": right[:1000] + bytes([right[1000] ^ 1]) + right[1001:],
            "empty": b"",
            "longer": right + b"\0",
        }[damage]
    )
    with pytest.raises(ModelMismatch, match=name) as raised:
        open_embedder(settings(folder))
    assert str(folder / name) in raised.value.message
    assert "engram model install" in raised.value.message


def test_a_file_that_cannot_be_read(model: ModelFiles, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Cannot read"):
        verify_model(ModelFiles(tmp_path, model.tokenizer))  # a folder in the file's place
