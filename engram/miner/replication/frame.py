"""The body of POST /replica: records in binary, docs/protocol.md section 7.

Whatever is wrong with the frame itself refuses all of it; what is wrong with one record (its JSON,
its vector, its text) is that record's own error, so that it cannot hold up the others.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import orjson

from engram.core import embedding as vectors
from engram.core import embedding_bytes, parse_cid, strict_json
from engram.core.limits import (
    EMBEDDING_BYTES,
    HASH_BYTES,
    MAX_METADATA_BYTES,
    MAX_TEXT_CODE_POINTS,
    MAX_UID,
    MODEL_VERSION,
)
from engram.errors import InvalidInput, InvalidMetadata, InvalidText, UnsupportedVersion
from engram.protocol import MAX_ABSENT, MAX_BODY_BYTES, MAX_REPLICAS
from engram.storage.interface import Embedding, Record

CONTENT_TYPE = "application/x-engram-records"

MAGIC = b"EGRM"
VERSION = 1
HEAD = struct.Struct("<4sBQH")  # magic, version, placement, absent UIDs that follow
UID = struct.Struct("<H")
COUNT = struct.Struct("<H")
SHORT = struct.Struct("<B")  # the length of a model version
LONG = struct.Struct("<I")  # the length of metadata or text
MAX_PLACEMENT = 2**63 - 1  # SQLite's integers, and every language's
# A control character takes one byte among the pairs and six in JSON.
MAX_METADATA_JSON = 6 * MAX_METADATA_BYTES + 2
MAX_TEXT_BYTES = 4 * MAX_TEXT_CODE_POINTS
MAX_VERSION_BYTES = 16


@dataclass(frozen=True, slots=True)
class Copy:
    """A record on its way between miners, under the CID that its sender gives it."""

    cid: str
    embedding: Embedding
    metadata: dict[str, Any]
    text: str | None = None
    """Side text, which no CID covers."""
    model_version: str = MODEL_VERSION


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A record whose own bytes cannot be read."""

    cid: str
    error: InvalidInput


Carried: TypeAlias = Copy | Spoiled


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole body, read."""

    placement: int
    """Number of the placement block that the sender goes by."""
    absent: frozenset[int]
    """UIDs of members that the sender takes as absent."""
    records: tuple[Carried, ...]


@dataclass(frozen=True, slots=True)
class Packed:
    """A record as bytes, made once however often it is sent."""

    cid: str
    content: bytes


def copy_of(record: Record) -> Copy:
    """What is sent of a stored record."""
    side_text = None if "text" in record.metadata else record.text
    return Copy(record.cid, record.embedding, record.metadata, side_text, record.model_version)


def pack(copy: Copy) -> Packed:
    """One record's part of a frame."""
    version = copy.model_version.encode("ascii")
    metadata = orjson.dumps(copy.metadata)
    text = b"" if copy.text is None else copy.text.encode()
    content = b"".join(
        (
            parse_cid(copy.cid),
            SHORT.pack(len(version)),
            version,
            embedding_bytes(copy.embedding),
            LONG.pack(len(metadata)),
            metadata,
            LONG.pack(len(text)),
            text,
        )
    )
    return Packed(copy.cid, content)


def encode(placement: int, absent: Collection[int], records: Iterable[Packed]) -> bytes:
    """The body that carries the records; ``grouped`` says how many fit."""
    uids = sorted(absent)
    contents = [record.content for record in records]
    head = HEAD.pack(MAGIC, VERSION, placement, len(uids))
    return b"".join((head, *map(UID.pack, uids), COUNT.pack(len(contents)), *contents))


def grouped(records: Iterable[Packed]) -> Iterator[list[Packed]]:
    """The records in groups that each fit into one frame."""
    most = MAX_BODY_BYTES - HEAD.size - MAX_ABSENT * UID.size - COUNT.size
    group: list[Packed] = []
    size = 0
    for record in records:
        if group and (len(group) == MAX_REPLICAS or size + len(record.content) > most):
            yield group
            group, size = [], 0
        group.append(record)
        size += len(record.content)
    if group:
        yield group


def decode(body: bytes) -> Frame:
    """Read a body of up to MAX_BODY_BYTES; milliseconds for a full one.

    Raises InvalidInput, or UnsupportedVersion for a frame of another version.
    """
    reader = Reader(body)
    magic, version, placement, absent_count = HEAD.unpack(reader.take(HEAD.size, "the head"))
    if magic != MAGIC:
        raise InvalidInput(f"This is no frame of records: it does not begin with {MAGIC!r}.")
    if version != VERSION:
        raise UnsupportedVersion(f"This node reads frames of version {VERSION}, not {version}.")
    if placement > MAX_PLACEMENT:
        raise InvalidInput(f"No placement block has the number {placement}.")
    absent = absent_uids(reader, absent_count)
    count = reader.number(COUNT, MAX_REPLICAS, "records")
    records = tuple(carried(reader) for _ in range(count))
    if reader.left:
        raise InvalidInput(f"{reader.left} bytes follow the last record.")
    return Frame(placement, absent, records)


def absent_uids(reader: Reader, count: int) -> frozenset[int]:
    """Ascending and distinct, so that each set has one form."""
    if count > MAX_ABSENT:
        raise InvalidInput(f"A frame names at most {MAX_ABSENT} absent members, not {count}.")
    uids = [reader.number(UID, MAX_UID, "UID") for _ in range(count)]
    if any(later <= earlier for earlier, later in pairwise(uids)):
        raise InvalidInput("Absent members are named by ascending UID, each once.")
    return frozenset(uids)


def carried(reader: Reader) -> Carried:
    """The next record. Raises InvalidInput if its parts cannot be told apart."""
    cid = f"v1::{reader.take(HASH_BYTES, 'a digest').hex()}"
    version = reader.part(SHORT, MAX_VERSION_BYTES, "bytes of a version")
    embedding = reader.take(EMBEDDING_BYTES, "an embedding")
    metadata = reader.part(LONG, MAX_METADATA_JSON, "bytes of metadata")
    text = reader.part(LONG, MAX_TEXT_BYTES, "bytes of text")
    try:
        return Copy(
            cid,
            vectors.from_bytes(embedding),
            metadata_of(metadata),
            text_of(text),
            version_of(version),
        )
    except InvalidInput as error:
        return Spoiled(cid, error)


class Reader:
    """Takes a body apart from front to back."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes that were not read yet."""
        return len(self._body) - self._at

    def take(self, size: int, what: str) -> bytes:
        """The next bytes. Raises InvalidInput if there are fewer."""
        if size > self.left:
            raise InvalidInput(f"The frame ends within {what}, at byte {len(self._body)}.")
        self._at += size
        return self._body[self._at - size : self._at]

    def number(self, form: struct.Struct, most: int, what: str) -> int:
        """The next number. Raises InvalidInput if it is larger than ``most``."""
        (number,) = form.unpack(self.take(form.size, what))
        if number > most:
            raise InvalidInput(f"{number} {what} are more than the {most:,} that may be.")
        return int(number)

    def part(self, form: struct.Struct, most: int, what: str) -> bytes:
        """The next bytes, preceded by their number."""
        return self.take(self.number(form, most, what), what)


def metadata_of(raw: bytes) -> dict[str, Any]:
    """Raises MalformedJson, DuplicateKey or InvalidMetadata."""
    value = strict_json.loads(raw)
    if not isinstance(value, dict):
        raise InvalidMetadata("The metadata of a record is a JSON object.")
    return value


def text_of(raw: bytes) -> str | None:
    """Raises InvalidText. An empty text is none."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise InvalidText("The side text is not UTF-8.") from None
    if len(text) > MAX_TEXT_CODE_POINTS:
        raise InvalidText(f"The side text has more than {MAX_TEXT_CODE_POINTS:,} code points.")
    return text or None


def version_of(raw: bytes) -> str:
    """Raises UnsupportedVersion for any but the one that this node runs."""
    if raw != MODEL_VERSION.encode():
        raise UnsupportedVersion(f"This node runs model version {MODEL_VERSION}, not {raw!r}.")
    return MODEL_VERSION
