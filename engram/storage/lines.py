"""The two file formats of an export: JSON lines and Parquet, as plain dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson

from engram.core.embedding import to_base64
from engram.core.limits import DIMENSIONS
from engram.core.strict_json import loads
from engram.errors import InvalidInput
from engram.storage.interface import Record

Format = Literal["jsonl", "parquet"]

_ROWS_AT_ONCE = 256


def format_of(path: Path, given: Format | None) -> Format:
    """The format that was given, or that the suffix names. Raises InvalidInput."""
    if given is not None:
        return given
    if path.suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    if path.suffix == ".parquet":
        return "parquet"
    raise InvalidInput(f"{path.name} ends in neither .jsonl nor .parquet; say which format it is")


def read(path: Path, file_format: Format) -> Iterator[bytes | dict[str, Any]]:
    """Each line, to be parsed by ``parse``."""
    return _read_parquet(path) if file_format == "parquet" else _read_jsonl(path)


def parse(line: bytes | dict[str, Any]) -> dict[str, Any]:
    """A line as an object. Raises InvalidInput."""
    if isinstance(line, dict):
        return line
    parsed = loads(line)
    if not isinstance(parsed, dict):
        raise InvalidInput("a line must be a JSON object")
    return parsed


def write(path: Path, file_format: Format, batches: Iterable[Sequence[Record]]) -> Iterator[int]:
    """Write all batches, yielding the number of records after each."""
    if file_format == "parquet":
        return _write_parquet(path, batches)
    return _write_jsonl(path, batches)


def _read_jsonl(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _write_jsonl(path: Path, batches: Iterable[Sequence[Record]]) -> Iterator[int]:
    with path.open("wb") as file:
        for batch in batches:
            for record in batch:
                line = {**_columns(record), "embedding_b64": to_base64(record.embedding)}
                file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            yield len(batch)


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    parquet = _pyarrow("pyarrow.parquet")
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            for row in batch.to_pylist():
                yield {
                    **row,
                    "metadata": loads(row["metadata"]) if row.get("metadata") else None,
                    "raw_embedding": row.get("embedding"),
                }


def _write_parquet(path: Path, batches: Iterable[Sequence[Record]]) -> Iterator[int]:
    arrow, parquet = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
    schema = arrow.schema(
        [
            ("cid", arrow.string()),
            ("embedding", arrow.list_(arrow.float32(), DIMENSIONS)),
            ("metadata", arrow.string()),
            ("text", arrow.string()),
            ("model_version", arrow.string()),
            ("stored_at", arrow.float64()),
        ]
    )
    with parquet.ParquetWriter(path, schema) as writer:
        for batch in batches:
            writer.write_batch(_record_batch(arrow, schema, batch))
            yield len(batch)


def _record_batch(arrow: Any, schema: Any, batch: Sequence[Record]) -> Any:
    rows = [_columns(record) for record in batch]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    columns["metadata"] = [orjson.dumps(metadata).decode() for metadata in columns["metadata"]]
    flat = np.concatenate([record.embedding for record in batch])
    columns["embedding"] = arrow.FixedSizeListArray.from_arrays(arrow.array(flat), DIMENSIONS)
    return arrow.RecordBatch.from_pydict(columns, schema)


def _columns(record: Record) -> dict[str, Any]:
    """Everything but the embedding; ``text`` is the side text only."""
    return {
        "cid": record.cid,
        "metadata": record.metadata,
        "text": None if "text" in record.metadata else record.text,
        "model_version": record.model_version,
        "stored_at": record.stored_at,
    }


def _pyarrow(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise InvalidInput("Parquet needs pyarrow: pip install engram-network[parquet]") from None
