"""Records out to, and in from, files that anybody can read."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from engram.core import generate_cid
from engram.core.embedding import from_base64, from_numbers
from engram.core.limits import MAX_TEXT_CODE_POINTS, MODEL_VERSION
from engram.errors import (
    InvalidEmbedding,
    InvalidInput,
    InvalidMetadata,
    InvalidText,
    NotFound,
    Overloaded,
    UnsupportedVersion,
)
from engram.storage import lines
from engram.storage.files import replacing
from engram.storage.interface import Embedding, NewRecord, Stored
from engram.storage.reading import Reading
from engram.storage.store import EmbeddedStore

Embed = Callable[[Sequence[str]], Sequence[Embedding]]
OnProgress = Callable[[int], None]
"""Called with the number of records so far."""

_AT_ONCE = 256  # records
_IN_FLIGHT = 4  # batches; the store commits some while the next is being read

_Item = TypeVar("_Item")


@dataclass
class ExportReport:
    """What an export wrote and had to leave out."""

    records: int = 0
    damaged: list[str] = field(default_factory=list)
    """CIDs of records whose bytes do not hash to them."""


@dataclass
class ImportReport:
    """What became of the lines."""

    stored: int = 0
    duplicates: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    """(line or row number from 1, reason)."""

    @property
    def seen(self) -> int:
        return self.stored + self.duplicates + len(self.refused)

    @contextmanager
    def refusing(self, number: int) -> Iterator[None]:
        """Note a line that cannot be stored, and go on."""
        try:
            yield
        except InvalidInput as error:
            self.refused.append((number, error.message))


def export_records(
    store: Reading,
    path: Path,
    file_format: lines.Format | None = None,
    on_progress: OnProgress | None = None,
) -> ExportReport:
    """Write every record to a file; the format follows the suffix unless given.

    Each line or row has cid, the embedding, metadata, text (side text), model_version, stored_at.
    Raises InvalidInput for a suffix that says nothing, or if pyarrow is missing for Parquet.
    """
    file_format = lines.format_of(path, file_format)
    report = ExportReport()
    scan = store.scan_intact(report.damaged.append)
    with replacing(path) as partial:
        for written in lines.write(partial, file_format, _batches(scan)):
            report.records += written
            if on_progress is not None:
                on_progress(report.records)
    return report


def import_records(
    store: EmbeddedStore,
    path: Path,
    file_format: lines.Format | None = None,
    *,
    embed: Embed | None = None,
    on_progress: OnProgress | None = None,
) -> ImportReport:
    """Store every line or row of a file.

    A line is ``{"embedding_b64" | "raw_embedding" | "text", "metadata"}`` and may carry ``cid``,
    which must be that of its bytes, ``model_version``, and a side ``text`` beside an embedding.
    Text alone is embedded by ``embed`` and kept in ``metadata["text"]``. A line that cannot be
    stored is reported and the rest goes on. Waits for room when the store is overloaded.
    Raises NotFound, StorageFull, and InvalidInput as ``export_records``.
    """
    if not path.is_file():
        raise NotFound(f"there is no file {path}")
    numbered = enumerate(lines.read(path, lines.format_of(path, file_format)), 1)
    report = ImportReport()
    flight: deque[tuple[list[int], Future[list[Stored | Exception]]]] = deque()
    for batch in _batches(numbered):
        numbers, records = _prepare(batch, embed, report)
        flight.append((numbers, _submit(store, records)))
        if len(flight) == _IN_FLIGHT:
            _land(*flight.popleft(), report, on_progress)
    for numbers, future in flight:
        _land(numbers, future, report, on_progress)
    report.refused.sort()
    return report


def _submit(store: EmbeddedStore, records: list[NewRecord]) -> Future[list[Stored | Exception]]:
    while True:
        store.wait_for_room()
        future = store.submit(records)
        if not (future.done() and isinstance(future.exception(), Overloaded)):
            return future


def _land(
    numbers: list[int],
    future: Future[list[Stored | Exception]],
    report: ImportReport,
    on_progress: OnProgress | None,
) -> None:
    for number, outcome in zip(numbers, future.result(), strict=True):
        if not isinstance(outcome, Stored):
            report.refused.append((number, str(outcome)))
        elif outcome.duplicate:
            report.duplicates += 1
        else:
            report.stored += 1
    if on_progress is not None:
        on_progress(report.seen)


def _prepare(
    batch: Sequence[tuple[int, bytes | dict[str, Any]]], embed: Embed | None, report: ImportReport
) -> tuple[list[int], list[NewRecord]]:
    """The good lines of a batch as records; the bad ones go into the report."""
    parsed: list[tuple[int, dict[str, Any]]] = []
    for number, line in batch:
        if line and line != b"\n":
            with report.refusing(number):
                parsed.append((number, _checked(lines.parse(line), embed)))
    bare = [line for _, line in parsed if _is_bare(line)]
    if bare and embed is not None:
        for line, vector in zip(bare, embed([line["text"] for line in bare]), strict=True):
            line["raw_embedding"] = vector
            line["metadata"] = {"text": line["text"], **(line.get("metadata") or {})}
    records: list[tuple[int, NewRecord]] = []
    for number, line in parsed:
        with report.refusing(number):
            records.append((number, _record(line)))
    return [number for number, _ in records], [record for _, record in records]


def _checked(line: dict[str, Any], embed: Embed | None) -> dict[str, Any]:
    """The line, if what does not belong to the CID is in order."""
    text, version = line.get("text"), line.get("model_version")
    if text is not None and not (isinstance(text, str) and len(text) <= MAX_TEXT_CODE_POINTS):
        raise InvalidText(f"text must be a string of at most {MAX_TEXT_CODE_POINTS} code points")
    if not isinstance(line.get("metadata"), (dict, type(None))):
        raise InvalidMetadata("metadata must be an object")
    if not isinstance(line.get("embedding_b64"), (str, type(None))):
        raise InvalidEmbedding("embedding_b64 must be a string")
    if version not in (None, MODEL_VERSION):
        raise UnsupportedVersion(f"model version {version!r} is not {MODEL_VERSION}")
    if _is_bare(line) and (text is None or embed is None):
        raise InvalidInput(
            "a line needs text, raw_embedding or embedding_b64"
            if text is None
            else "text without an embedding needs an embedder"
        )
    return line


def _is_bare(line: dict[str, Any]) -> bool:
    return line.get("embedding_b64") is None and line.get("raw_embedding") is None


def _record(line: dict[str, Any]) -> NewRecord:
    metadata = line.get("metadata") or {}
    encoded = line.get("embedding_b64")
    embedding = from_numbers(line["raw_embedding"]) if encoded is None else from_base64(encoded)
    cid = generate_cid(embedding, metadata)
    if line.get("cid") not in (None, cid):
        raise InvalidInput(f"the line says {line['cid']!r}, but its bytes are {cid}")
    return NewRecord(cid, embedding, metadata, line.get("text"))


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, _AT_ONCE)):
        yield batch
