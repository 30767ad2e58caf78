"""Which embedder runs: the exact one wherever it can, onnxruntime elsewhere, saying why."""

from __future__ import annotations

import logging
from importlib.util import find_spec

from engram import core
from engram.config import EmbedderSettings
from engram.embedding.files import find_model, verify_model
from engram.embedding.graph_cache import load_graph
from engram.embedding.interface import Embedder
from engram.errors import CoreMissing, SelfTestFailed

CHOSEN = "ENGRAM_EMBEDDER=onnx asks for it; unset it for the exact embedder."
BRINGS_IT = "`pip install engram-network[core]` brings it, and so does `make up` where Rust is."

log = logging.getLogger("engram.embedding")


def open_embedder(settings: EmbedderSettings) -> Embedder:
    """The embedder that the settings ask for, ready to use; takes about 0.3 s.

    ``auto`` is the exact one, or onnxruntime where engram-core is missing or fails its self-test:
    then the log says why, and so does the embedder's ``fallback``. Raises ModelMissing if the
    model's files are not there, ModelMismatch if one of them is not the pinned file; with
    ``exact`` also CoreMissing or SelfTestFailed.
    """
    if settings.embedder == "onnx":
        return _open_onnx(settings, CHOSEN)
    try:
        return _open_exact(settings)
    except (CoreMissing, SelfTestFailed) as error:
        if settings.embedder == "exact":
            raise
        log.warning("embedding by onnxruntime, which is not exact: %s", error.message)
        return _open_onnx(settings, error.message)


def _open_exact(settings: EmbedderSettings) -> Embedder:
    _require_core()
    from engram.embedding.exact import ExactEmbedder  # needs the compiled module

    return ExactEmbedder(find_model(settings.model_dir))


def _require_core() -> None:
    if core.BACKEND == "rust":
        import engram_core

        if not hasattr(engram_core, "Embedder"):
            raise CoreMissing(f"The engram-core here has no embedder yet. {BRINGS_IT}")
    elif find_spec("engram_core") is None:
        raise CoreMissing(f"engram-core is not installed. {BRINGS_IT}")
    else:
        raise CoreMissing("ENGRAM_CORE=python rules engram-core out; unset it.")


def _open_onnx(settings: EmbedderSettings, fallback: str) -> Embedder:
    from engram.embedding.onnx import OnnxEmbedder  # 0.2 s and 30 MB that the exact one saves

    model = find_model(settings.model_dir)
    verify_model(model)
    return OnnxEmbedder(model, load_graph(model, settings.cache_dir), fallback)
