"""Every message that crosses the network, with its limits beside the field.

The OpenAPI document (docs/openapi.json) is generated from these classes. Unknown fields are
ignored and named in ``warnings``, so that old and new nodes talk.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

from engram.core.limits import (
    DIMENSIONS,
    MAX_TEXT_CODE_POINTS,
    MODEL_VERSION,
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


class IngestRequest(Message):
    """POST /IngestSynapse. Exactly one of text, raw_embedding and embedding_b64 is not null."""

    model_config = ConfigDict(
        json_schema_extra=exactly_one_of("text", "raw_embedding", "embedding_b64")
    )

    text: Text | None = None
    raw_embedding: RawEmbedding | None = None
    embedding_b64: EmbeddingB64 | None = None
    metadata: Metadata = Field(default_factory=dict)
    model_version: Annotated[str, Strict(), Field(json_schema_extra={"const": "v1"})] = (
        MODEL_VERSION
    )


class IngestReply(Message):
    """The record is on disk and searchable when this is sent."""

    cid: Cid
    error: None = None
    truncated: bool = Field(description="the text was longer than 256 word pieces")
    duplicate: bool = Field(description="the record was there before")
    exact: bool = Field(
        description="every machine gets this embedding from this request: true for an embedding "
        "that the caller sent, and for text when this node's embedder is bit-exact"
    )
    warnings: Warnings = []


class QueryRequest(Message):
    """POST /QuerySynapse. Exactly one of query_text, query_vector and query_b64 is not null."""

    model_config = ConfigDict(
        json_schema_extra=exactly_one_of("query_text", "query_vector", "query_b64")
    )

    query_text: Text | None = None
    query_vector: RawEmbedding | None = None
    query_b64: EmbeddingB64 | None = None
    top_k: Annotated[int, Strict(), Field(ge=1, le=MAX_TOP_K)] = 10
    where: WhereClause | None = None


class QueryHit(Message):
    """One result. Ties in score are ordered by CID."""

    cid: Cid
    score: float = Field(description="cosine similarity, -1..1")
    metadata: Metadata
    text: str | None
    age_ms: int = Field(ge=0, description="milliseconds since this node stored the record")


class QueryReply(Message):
    """Results, highest score first."""

    results: list[QueryHit]
    latency_ms: float = Field(description="time inside this node")
    error: None = None
    warnings: Warnings = []


class ChallengeRequest(Message):
    """POST /ChallengeSynapse."""

    cid: Cid
    nonce_hex: Annotated[str, Strict(), Field(pattern=HEX_32_BYTES)]
    expires_at: Annotated[int, Strict()] = Field(description="unix seconds, inclusive")
    version: Annotated[int, Strict(), Field(json_schema_extra={"const": 1})] = 1


class ChallengeReply(Message):
    """Storage proof version 1, docs/protocol.md section 2."""

    cid: Cid
    embedding_hash: Annotated[str, Field(pattern=HEX_32_BYTES)]
    proof: Annotated[str, Field(pattern=HEX_32_BYTES)]
    error: None = None
    warnings: Warnings = []


class HealthReply(Message):
    """GET /health: the process answers."""

    status: Literal["ok"] = "ok"


class ReadyReply(Message):
    """GET /ready: index and embedder are loaded."""

    status: Literal["ready"] = "ready"


class RecordReply(Message):
    """GET /retrieve/{cid}, and one element of POST /list."""

    cid: Cid
    model_version: str
    metadata: Metadata
    embedding_b64: EmbeddingB64
    text: str | None
    stored_at: float = Field(description="unix seconds by this node's clock")


class HasRequest(Message):
    """POST /has."""

    cids: Annotated[list[Cid], Field(max_length=MAX_HAS, fail_fast=True)]


class HasReply(Message):
    """Age in milliseconds of each CID that is held."""

    held: dict[str, int]
    warnings: Warnings = []


class ListRequest(Message):
    """POST /list: records in order of arrival."""

    limit: Annotated[int, Strict(), Field(ge=1, le=MAX_LIST)] = 100
    cursor: Annotated[str, Strict(), Field(max_length=128)] | None = None
    where: WhereClause | None = None


class ListReply(Message):
    """A page; ``cursor`` is null on the last one."""

    records: list[RecordReply]
    cursor: str | None
    warnings: Warnings = []


class ErrorReply(Message):
    """Every answer with a status of 400 or more."""

    error: str = Field(description="a sentence that a person can act on")
    code: str = Field(description="a stable word for programs")


class BatchIngestRequest(Message):
    """POST /batch/ingest as one JSON body; or one IngestRequest a line as application/x-ndjson."""

    items: Annotated[Items, Field(description="each an IngestRequest")]


class BatchIngestReply(Message):
    """One outcome per item, in order; as NDJSON one a line."""

    outcomes: list[IngestReply | ErrorReply]
    warnings: Warnings = []


class BatchChallengeRequest(Message):
    """POST /batch/challenge as one JSON body; or one ChallengeRequest a line."""

    items: Annotated[Items, Field(description="each a ChallengeRequest")]


class BatchChallengeReply(Message):
    """One outcome per item, in order; as NDJSON one a line."""

    outcomes: list[ChallengeReply | ErrorReply]
    warnings: Warnings = []


class StatsReply(Message):
    """GET /stats: the seed's four first, then what operators ask for next."""

    vectors: int = Field(description="live records")
    peers: int
    scores: dict[str, float | None] = Field(
        description="composites 0..1 by the validator's hotkey; null while it warms up"
    )
    uptime: float = Field(description="seconds")
    version: str
    protocol_version: int
    model_version: str
    chain: str = Field(description="what the chain is called; none without one")
    dev_chain: bool = Field(
        description="a chain of this machine only: what it pays is worth nothing"
    )
    chain_state: Literal["none", "connecting", "connected", "chain-less"]
    chain_attempts: int = Field(description="that failed since the chain last answered")
    hotkey: str | None = Field(description="SS58 address that the node signs with")
    uid: int | None = Field(description="its place on the subnet; null if it is not registered")
    block: int | None = Field(description="last finalized block seen")
    incentive: float | None = Field(description="share of what miners earn, 0..1")
    placement_block: int | None = Field(description="whose members CIDs are placed by")
    warnings: list[str] = Field(description="what the operator should look at")
    core: str = Field(description="rust or python")
    embedder: str = Field(description="library, version and kernel, as engram-core 0.1.0 (avx2)")
    exact: bool = Field(
        description="its bits, and so the CIDs of texts, are those of every machine"
    )
    embedder_fallback: str | None = Field(
        description="why the exact embedder does not serve; null if it does"
    )
    store: dict[str, Any]
    queues: dict[str, Any]
    latencies: dict[str, Any] = Field(description="milliseconds per path: p50, p95, p99, count")
