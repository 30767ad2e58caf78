"""The model as an ONNX graph: BERT, 6 layers, mean pooling, L2 norm.

The graph holds no weights. It points at the tensors inside model.safetensors, which onnxruntime
maps into memory itself, so nothing is copied or converted. Only standard operators are used: on
this model onnxruntime's own fused ones (Attention, SkipLayerNormalization, BiasGelu) were equal
or slower (docs/embedding.md).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engram.core.limits import DIMENSIONS

OPSET = 20  # the first with Gelu
IR_VERSION = 9  # what belongs to that opset; newer ones only shut out older runtimes

LAYERS = 6
HEADS = 12
HEAD_SIZE = DIMENSIONS // HEADS
LAYER_NORM_EPSILON = 1e-12

INPUT = "ids"
OUTPUT = "embeddings"


class Region(NamedTuple):
    """Where a float32 tensor lies in the weights file: shape, and offset and length in bytes."""

    shape: list[int]
    offset: int
    length: int


def read_layout(weights: Path) -> dict[str, Region]:
    """Name to place of every float32 tensor of a (verified) safetensors file."""
    with weights.open("rb") as file:
        header_size = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(header_size))
    data = 8 + header_size
    return {
        name: Region(entry["shape"], data + entry["data_offsets"][0], _length(entry))
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
    }


def _length(entry: dict[str, Any]) -> int:
    start, end = entry["data_offsets"]
    return int(end - start)


def build_graph(layout: dict[str, Region], weights_name: str) -> bytes:
    """The graph for weights that lie in a file of this name: the same bytes every time.

    Input ``ids``: int64 (texts, tokens), without padding, 2..512 tokens. Output ``embeddings``:
    float32 (texts, 384), unit L2 norm.
    """
    graph = _Graph(layout, weights_name)
    shape = graph.add("Shape", [INPUT], "shape")
    length = graph.add("Shape", [INPUT], "length", start=1, end=2)
    rows = graph.constant("rows", np.array([-1, DIMENSIONS]))
    heads = graph.constant("heads", np.array([HEADS, HEAD_SIZE]))
    by_head = graph.add("Concat", [shape, heads], "by_head", axis=0)

    hidden = graph.add("Reshape", [_embedded_tokens(graph, length), rows], "hidden")
    hidden = graph.layer_norm(hidden, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}."
        attended = _attention(graph, hidden, prefix + "attention.", by_head, rows)
        hidden = _feed_forward(graph, attended, prefix)
    _pooled(graph, hidden, shape, length)
    return graph.serialise()


class _Graph:
    """Nodes and initializers in order of creation; each node is named after its output."""

    def __init__(self, layout: dict[str, Region], weights_name: str) -> None:
        self._layout = layout
        self._weights_name = weights_name
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        node = helper.make_node(operator, inputs, [output], name=output, **attributes)
        self._nodes.append(node)
        return output

    def constant(self, name: str, value: np.ndarray[Any, Any]) -> str:
        self._initializers[name] = numpy_helper.from_array(value, name)
        return name

    def weight(self, name: str) -> str:
        region = self._layout[name]
        tensor = onnx.TensorProto(name=name, data_type=TensorProto.FLOAT, dims=region.shape)
        tensor.data_location = TensorProto.EXTERNAL
        place = {"location": self._weights_name, "offset": region.offset, "length": region.length}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        self._initializers[name] = tensor
        return name

    def linear(self, hidden: str, name: str) -> str:
        """hidden x weight^T + bias; torch stores the weight as (out, in)."""
        parts = [hidden, self.weight(name + ".weight"), self.weight(name + ".bias")]
        return self.add("Gemm", parts, name, transB=1)

    def layer_norm(self, hidden: str, name: str) -> str:
        parts = [hidden, self.weight(name + ".weight"), self.weight(name + ".bias")]
        return self.add("LayerNormalization", parts, name, axis=-1, epsilon=LAYER_NORM_EPSILON)

    def serialise(self) -> bytes:
        ids = helper.make_tensor_value_info(INPUT, TensorProto.INT64, ["texts", "tokens"])
        unit = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["texts", DIMENSIONS])
        graph = helper.make_graph(
            self._nodes, "all-MiniLM-L6-v2", [ids], [unit], list(self._initializers.values())
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="engram",
        )
        return bytes(model.SerializeToString(deterministic=True))


def _embedded_tokens(graph: _Graph, length: str) -> str:
    """Word + position + token type (always the first): (texts, tokens, 384)."""
    start = graph.constant("start", np.array([0]))
    first = graph.constant("first", np.array(0))
    table = graph.weight("embeddings.position_embeddings.weight")
    positions = graph.add("Slice", [table, start, length, start], "positions")
    types = graph.weight("embeddings.token_type_embeddings.weight")
    token_type = graph.add("Gather", [types, first], "token_type")
    places = graph.add("Add", [positions, token_type], "places")
    words = graph.weight("embeddings.word_embeddings.weight")
    tokens = graph.add("Gather", [words, INPUT], "words")
    return graph.add("Add", [tokens, places], "tokens")


def _attention(graph: _Graph, hidden: str, prefix: str, by_head: str, rows: str) -> str:
    """Self-attention with its residual and norm. No mask: nothing is padded."""

    def heads(name: str, order: list[int]) -> str:
        flat = graph.linear(hidden, f"{prefix}self.{name}")
        split = graph.add("Reshape", [flat, by_head], flat + ".split")
        return graph.add("Transpose", [split], flat + ".heads", perm=order)

    scale = graph.constant("scale", np.array(1 / sqrt(HEAD_SIZE), np.float32))
    queries, values = heads("query", [0, 2, 1, 3]), heads("value", [0, 2, 1, 3])
    scores = graph.add("MatMul", [queries, heads("key", [0, 2, 3, 1])], prefix + "scores")
    scaled = graph.add("Mul", [scores, scale], prefix + "scaled")
    shares = graph.add("Softmax", [scaled], prefix + "shares", axis=-1)
    mixed = graph.add("MatMul", [shares, values], prefix + "mixed")
    joined = graph.add("Transpose", [mixed], prefix + "joined", perm=[0, 2, 1, 3])
    flat = graph.add("Reshape", [joined, rows], prefix + "flat")
    output = graph.linear(flat, prefix + "output.dense")
    residual = graph.add("Add", [output, hidden], prefix + "residual")
    return graph.layer_norm(residual, prefix + "output.LayerNorm")


def _feed_forward(graph: _Graph, hidden: str, prefix: str) -> str:
    wide = graph.linear(hidden, prefix + "intermediate.dense")
    active = graph.add("Gelu", [wide], prefix + "gelu")  # the exact one, by erf
    output = graph.linear(active, prefix + "output.dense")
    residual = graph.add("Add", [output, hidden], prefix + "residual")
    return graph.layer_norm(residual, prefix + "output.LayerNorm")


def _pooled(graph: _Graph, hidden: str, shape: str, length: str) -> None:
    """The mean over all tokens, at unit length.

    The sum stands for the mean, since both have the same direction, and a product with a row of
    ones stands for the sum: ReduceMean takes another path, with other bits, for one text than
    for several.
    """
    width = graph.constant("width", np.array([DIMENSIONS]))
    one = graph.constant("one", np.array([1]))
    by_text = graph.add("Concat", [shape, width], "by_text", axis=0)
    tokens = graph.add("Reshape", [hidden, by_text], "tokens_by_text")
    row = graph.add("Concat", [one, length], "row", axis=0)
    unit = graph.constant("unit", np.array([1], np.float32))
    ones = graph.add("Expand", [unit, row], "ones")
    total = graph.add("MatMul", [ones, tokens], "total")
    flat = graph.add("Squeeze", [total, one], "sum")
    graph.add("LpNormalization", [flat], OUTPUT, axis=-1, p=2)
