"""Content identifiers: the SHA-256 of a record's bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from engram.core.limits import MODEL_VERSION
from engram.core.twin.columns import column_of
from engram.core.twin.embedding import embedding_bytes, embedding_rows
from engram.core.twin.metadata import metadata_text
from engram.errors import (
    InvalidCid,
    InvalidEmbedding,
    InvalidMetadata,
    UnsupportedVersion,
)

_CID = re.compile("v1::[0-9a-f]{64}")
_VERSION = re.compile("v(0|[1-9][0-9]*)")


def generate_cid(
    embedding: Any, metadata: dict[str, Any] | None = None, version: str = MODEL_VERSION
) -> str:
    """The CID of one record.

    ``embedding`` is what ``embedding_bytes`` takes; None for metadata is ``{}``. Raises
    InvalidEmbedding, InvalidMetadata or UnsupportedVersion.
    """
    suffix = _version_bytes(version)
    return _cid(embedding, metadata, suffix)


def generate_cids(
    embeddings: Any, metadatas: Sequence[dict[str, Any]], version: str = MODEL_VERSION
) -> list[str]:
    """The CIDs of n records; the compiled core hashes them on all cores.

    ``embeddings`` is a float array of shape (n, 384) or a list of embeddings, ``metadatas`` a list
    of n objects. Raises as ``generate_cid``, naming the first bad record, or InvalidInput if the
    columns differ in length.
    """
    suffix = _version_bytes(version)
    rows = embedding_rows(embeddings)
    column = column_of("metadatas", metadatas, len(rows))
    return [_cid_at(i, *pair, suffix) for i, pair in enumerate(zip(rows, column, strict=True))]


def parse_cid(cid: str) -> bytes:
    """The 32 bytes of the digest. Raises InvalidCid."""
    if not isinstance(cid, str) or not _CID.fullmatch(cid):
        raise InvalidCid("a CID is v1:: and 64 lowercase hexadecimal digits")
    return bytes.fromhex(cid[4:])


def verify_cid(
    cid: str,
    embedding: Any,
    metadata: dict[str, Any] | None = None,
    version: str = MODEL_VERSION,
) -> bool:
    """Whether the CID is that of the record.

    False as well for an embedding or metadata that no record may hold. Raises InvalidCid or
    UnsupportedVersion.
    """
    parse_cid(cid)
    return _verified(cid, embedding, metadata, _version_bytes(version))


def verify_cids(
    cids: Sequence[str],
    embeddings: Any,
    metadatas: Sequence[dict[str, Any]],
    version: str = MODEL_VERSION,
) -> list[bool]:
    """``verify_cid`` of n records. Raises InvalidCid, naming the first bad one, or InvalidInput if
    the columns differ in length.
    """
    suffix = _version_bytes(version)
    rows = embedding_rows(embeddings)
    column = column_of("metadatas", metadatas, len(rows))
    claimed = column_of("cids", cids, len(rows))
    parse_cids(claimed)
    return [
        _verified(cid, embedding, metadata, suffix)
        for cid, embedding, metadata in zip(claimed, rows, column, strict=True)
    ]


def parse_cids(cids: Sequence[str]) -> list[bytes]:
    """The digests of many CIDs; raises InvalidCid that names the first bad one."""
    digests = []
    for index, cid in enumerate(cids):
        try:
            digests.append(parse_cid(cid))
        except InvalidCid as error:
            raise InvalidCid(f"CID {index}: {error.message}") from None
    return digests


def _cid(embedding: Any, metadata: dict[str, Any] | None, suffix: bytes) -> str:
    record = hashlib.sha256(embedding_bytes(embedding))
    record.update(metadata_text(metadata))
    record.update(suffix)
    return f"v1::{record.hexdigest()}"


def _cid_at(index: int, embedding: Any, metadata: dict[str, Any], suffix: bytes) -> str:
    try:
        return _cid(embedding, metadata, suffix)
    except (InvalidEmbedding, InvalidMetadata) as error:
        raise type(error)(f"record {index}: {error.message}") from None


def _verified(cid: str, embedding: Any, metadata: dict[str, Any] | None, suffix: bytes) -> bool:
    """Bytes that no record may hold are nobody's bytes: the answer is no, not an error."""
    try:
        return _cid(embedding, metadata, suffix) == cid
    except (InvalidEmbedding, InvalidMetadata):
        return False


def _version_bytes(version: str) -> bytes:
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise UnsupportedVersion("a model version is v and a decimal number, like v1")
    return version.encode()
