"""What messages are made of: limits, field types, and the base of them all."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, Strict

from engram.core.limits import (
    DIMENSIONS,
    MAX_TEXT_CODE_POINTS,
)
from engram.errors import (
    InvalidChallenge,
    InvalidCid,
    InvalidEmbedding,
    InvalidInput,
    InvalidMetadata,
    InvalidText,
    InvalidWhere,
    UnsupportedVersion,
)

PROTOCOL_VERSION = 1
PROOF_VERSION = 1

MAX_TOP_K = 100
MAX_BATCH = 256
MAX_HAS = 1_000
MAX_LIST = 1_000
MAX_RETRIEVE = 64  # records in one POST /batch/retrieve: 300 kB of ordinary ones
MAX_BODY_BYTES = 8 * 1024 * 1024  # one JSON request
MAX_LINE_BYTES = 1024 * 1024  # one NDJSON line: text, metadata and embedding at their limits fit
CHALLENGE_PAST_S = 60  # a miner refuses what expired longer ago than this,
CHALLENGE_FUTURE_S = 600  # or expires further ahead than this: clocks differ
CID_PATTERN = r"^v1::[0-9a-f]{64}$"
HEX_32_BYTES = r"^[0-9a-f]{64}$"
BASE64_EMBEDDING = r"^[A-Za-z0-9+/]{2048}$"  # 1,536 bytes is a multiple of 3: no padding

REFUSALS: dict[str, type[InvalidInput]] = {
    "text": InvalidText,
    "query_text": InvalidText,
    "raw_embedding": InvalidEmbedding,
    "embedding_b64": InvalidEmbedding,
    "query_vector": InvalidEmbedding,
    "query_b64": InvalidEmbedding,
    "metadata": InvalidMetadata,
    "model_version": UnsupportedVersion,
    "version": UnsupportedVersion,
    "cid": InvalidCid,
    "cids": InvalidCid,
    "nonce_hex": InvalidChallenge,
    "expires_at": InvalidChallenge,
    "where": InvalidWhere,
}
"""The error that a bad value in a field is answered with; InvalidInput for any other field."""

Component = Annotated[float, Strict(), Field(allow_inf_nan=False)]
RawEmbedding = Annotated[
    list[Component], Field(min_length=DIMENSIONS, max_length=DIMENSIONS, fail_fast=True)
]
EmbeddingB64 = Annotated[
    str,
    Strict(),
    Field(
        min_length=2048,
        max_length=2048,
        description="base64 of 384 little-endian float32 (1,536 bytes)",
        json_schema_extra={"pattern": BASE64_EMBEDDING},
    ),
]
Text = Annotated[str, Strict(), Field(min_length=1, max_length=MAX_TEXT_CODE_POINTS)]
Cid = Annotated[str, Strict(), Field(pattern=CID_PATTERN)]
Metadata = dict[str, Any]
WhereClause = Annotated[
    dict[str, Any],
    Field(description="filter on top-level metadata keys, docs/protocol.md section 5"),
]
Warnings = Annotated[
    list[str], Field(description="what was ignored or is worth knowing, such as unknown fields")
]
Items = Annotated[list[Any], Field(min_length=1, max_length=MAX_BATCH)]


def exactly_one_of(*names: str) -> dict[str, Any]:
    """JSON Schema: one of the named fields is not null, the others are null or absent."""
    return {
        "oneOf": [
            {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names
        ]
    }


class Message(BaseModel):
    """Base of all messages: immutable; unknown fields are ignored (and reported in warnings)."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())
