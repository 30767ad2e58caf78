"""A group of puts on its way through one transaction: what is new, what is a repeat."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field

import numpy as np
import orjson

from engram.errors import RefusedHere
from engram.storage.interface import NewRecord, Stored
from engram.storage.operations import DELIVERY_BYTES, Outcomes, Put
from engram.storage.outbox import Pair
from engram.storage.records import Records
from engram.storage.row import Row

_ROW_OVERHEAD_BYTES = 256  # indices, row headers and the log's share, when guessing a row's size
Texts = list[tuple[str, bytes]]
"""Side texts and the digests of their records."""


@dataclass(slots=True)
class PutGroup:
    """Puts that are committed together. ``sort`` says what of them is to be written."""

    puts: list[Put]
    rows: list[Row] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=list)
    replaced: list[bytes] = field(default_factory=list)
    """Held, but damaged on disk: the new bytes take their place."""
    texts: Texts = field(default_factory=list)
    unverified: Texts = field(default_factory=list)
    deliveries: list[Pair] = field(default_factory=list)

    def sort(self, records: Records, damaged: Container[bytes], sequence: int, now: float) -> None:
        """Look at what is held already; new rows are numbered from ``sequence`` on."""
        digests = [digest for put in self.puts for digest in put.digests]
        refused, held = records.refused_and_held(digests)
        self.replaced = [digest for digest in held if digest in damaged]
        held.difference_update(self.replaced)
        for record, digest in self._pairs():
            if digest in refused:
                self.outcomes.append(_refusal(record.cid))
                continue
            again = digest in held
            self.outcomes.append(Stored(record.cid, again))
            if not again:
                held.add(digest)
                self.rows.append(_row(sequence + len(self.rows), digest, record, now))
            self._note(record, digest, again)

    def write(self, records: Records, now: float) -> None:
        """Write it, inside the transaction."""
        if self.replaced:
            records.remove_bytes(self.replaced)
        records.insert(self.rows)
        records.add_unverified_texts(self.unverified)
        records.add_texts(self.texts)
        if self.deliveries:
            records.outbox.queue(self.deliveries, now)

    def size(self) -> int:
        """Bytes that it will take on disk, about; 0 if it adds no record."""
        if not self.rows:
            return 0
        rows = sum(len(r.embedding) + len(r.metadata) + _ROW_OVERHEAD_BYTES for r in self.rows)
        return rows + DELIVERY_BYTES * len(self.deliveries)

    def answer(self) -> None:
        """Give each put its outcomes."""
        start = 0
        for put in self.puts:
            end = start + len(put.records)
            put.future.set_result(self.outcomes[start:end])
            start = end

    def _pairs(self) -> Iterator[tuple[NewRecord, bytes]]:
        for put in self.puts:
            yield from zip(put.records, put.digests, strict=True)

    def _note(self, record: NewRecord, digest: bytes, again: bool) -> None:
        """What goes beside the row."""
        if record.deliver_to:
            self.deliveries += [(seat, digest) for seat in record.deliver_to]
        text = side_text(record)
        if text is not None and not record.text_verified:
            self.unverified.append((text, digest))
        elif text is not None and again:
            self.texts.append((text, digest))


def side_text(record: NewRecord) -> str | None:
    """The text beside the record, unless its metadata has one."""
    return None if "text" in record.metadata else record.text


def _row(sequence: int, digest: bytes, record: NewRecord, now: float) -> Row:
    return Row(
        sequence,
        digest,
        np.ascontiguousarray(record.embedding, "<f4").tobytes(),
        orjson.dumps(record.metadata),
        side_text(record) if record.text_verified else None,
        record.model_version,
        now,
    )


def _refusal(cid: str) -> RefusedHere:
    return RefusedHere(f"{cid} was deleted by the operator of this node")
