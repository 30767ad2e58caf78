"""Text to vector: all-MiniLM-L6-v2, 384 dimensions, unit length."""

from __future__ import annotations

from engram.config import EmbedderSettings
from engram.embedding.files import find_model, verify_model
from engram.embedding.graph_cache import load_graph
from engram.embedding.interface import Embedded, Embedder

__all__ = ["Embedded", "Embedder", "open_embedder"]


def open_embedder(settings: EmbedderSettings) -> Embedder:
    """The embedder that the settings ask for, ready to use; takes about 0.3 s.

    ``auto`` is onnxruntime, the only one so far. Raises ModelMissing if the model's files are
    not there, ModelMismatch if one of them is not the pinned file.
    """
    from engram.embedding.onnx import OnnxEmbedder  # 0.2 s that commands without a model save

    model = find_model(settings.model_dir)
    verify_model(model)
    return OnnxEmbedder(model, load_graph(model, settings.cache_dir))
