"""The same weights give the same graph, byte for byte, and it is a valid one."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from engram.embedding.files import ModelFiles
from engram.embedding.graph import build_graph, read_layout
from engram.embedding.graph_cache import GRAPH_VERSION, load_graph

KNOWN = {1: "5477ced16ec3479a9418b52fe0cd3a27145e52ab4c3f9fed37280ffde8fae3be"}


def digest(graph: bytes) -> str:
    return hashlib.sha256(graph).hexdigest()


@pytest.fixture(scope="module")
def graph(model: ModelFiles) -> bytes:
    return build_graph(read_layout(model.weights), "model.safetensors")


def test_the_bytes_are_known(graph: bytes) -> None:
    assert digest(graph) == KNOWN[GRAPH_VERSION], (
        f"The graph changed (onnx {onnx.__version__}; known since onnx 1.23.2). On purpose: "
        "raise GRAPH_VERSION and write the new hash beside it."
    )


def test_another_process_with_another_hash_seed(model: ModelFiles, graph: bytes) -> None:
    code = (
        "import sys, hashlib, pathlib; from engram.embedding.graph import *; "
        "layout = read_layout(pathlib.Path(sys.argv[1])); "
        "print(hashlib.sha256(build_graph(layout, 'model.safetensors')).hexdigest())"
    )
    command = [sys.executable, "-c", code, str(model.weights)]
    for seed in ("1", "2"):
        found = subprocess.run(
            command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == digest(graph)


def test_the_graph_follows_the_standard(model: ModelFiles, graph: bytes, tmp_path: Path) -> None:
    (tmp_path / "graph.onnx").write_bytes(graph)
    shutil.copy(model.weights, tmp_path / "model.safetensors")
    onnx.checker.check_model(tmp_path / "graph.onnx", full_check=True)
    parsed = onnx.load_model_from_string(graph)
    assert {node.domain for node in parsed.graph.node} == {
        ""
    }  # onnxruntime's own are "com.microsoft"


def test_no_weight_is_copied(model: ModelFiles, graph: bytes, tmp_path: Path) -> None:
    assert len(graph) < 100_000
    assert load_graph(model, tmp_path) == graph
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == len(graph)
