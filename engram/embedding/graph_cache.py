"""The graph on disk, so that a start does not need the onnx package (0.2 s to import)."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from engram.embedding.files import SHA256, WEIGHTS, ModelFiles

GRAPH_VERSION = 1  # raise it whenever build_graph returns other bytes; a test knows them

log = logging.getLogger("engram.embedding")


def load_graph(model: ModelFiles, cache_dir: Path) -> bytes:
    """The graph for these weights, from the cache if it is whole there, else built and kept.

    A folder that cannot be written costs time at the next start, nothing else.
    """
    cached = _read(model, cache_dir)
    if cached is not None:
        return cached
    from engram.embedding.graph import build_graph, read_layout

    graph = build_graph(read_layout(model.weights), model.weights.name)
    try:
        _write(cache_dir, _prefix(model), graph)
    except OSError as error:
        log.warning("the model's graph is not cached in %s: %s", cache_dir, error)
    return graph


def _prefix(model: ModelFiles) -> str:
    """Start of the cached file's name: everything that the graph is a function of."""
    source = f"{GRAPH_VERSION}:{SHA256[WEIGHTS]}:{model.weights.name}"
    return f"minilm-{hashlib.sha256(source.encode()).hexdigest()[:16]}."


def _read(model: ModelFiles, cache_dir: Path) -> bytes | None:
    """A cached graph whose bytes have the hash in its name; torn ones are removed."""
    for path in sorted(cache_dir.glob(_prefix(model) + "*.onnx")):
        with suppress(OSError):  # removed or replaced by another process: as if never there
            graph = path.read_bytes()
            if path.name == _prefix(model) + _digest(graph):
                return graph
            path.unlink()
    return None


def _digest(graph: bytes) -> str:
    return hashlib.sha256(graph).hexdigest() + ".onnx"


def _write(cache_dir: Path, prefix: str, graph: bytes) -> None:
    """Appear whole or not at all, whatever other processes do at the same time."""
    cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=cache_dir, suffix=".tmp", delete=False) as file:
        try:
            file.write(graph)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(cache_dir / (prefix + _digest(graph)))
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
