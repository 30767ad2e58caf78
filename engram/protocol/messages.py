"""What users and validators ask of a node."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, Strict

from engram.core.limits import MODEL_VERSION, REPLICAS
from engram.protocol.fields import (
    HEX_32_BYTES,
    MAX_HAS,
    MAX_LIST,
    MAX_RETRIEVE,
    MAX_TOP_K,
    Cid,
    EmbeddingB64,
    Items,
    Message,
    Metadata,
    RawEmbedding,
    Text,
    Warnings,
    WhereClause,
    exactly_one_of,
)
from engram.protocol.nodes import Holder, PageReceipt, Replicas


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
    min_replicas: Annotated[int, Strict(), Field(ge=1, le=REPLICAS)] | None = Field(
        None, description="503 `too_few_replicas` unless so many have it in time; it stays stored"
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
    replicas: Replicas | None = Field(None, description="null from nodes that know of none")
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
    receipt: Annotated[bool, Strict()] = Field(False, description="sign for the page")


class ListReply(Message):
    """A page; ``cursor`` is null on the last one."""

    records: list[RecordReply]
    cursor: str | None
    receipt: PageReceipt | None = None
    warnings: Warnings = []


class ErrorReply(Message):
    """Every answer with a status of 400 or more. Only some codes come with more than these two."""

    error: str = Field(description="a sentence that a person can act on")
    code: str = Field(description="a stable word for programs")
    holders: list[Holder] | None = Field(None, description="not_found: who is to hold the record")
    time: float | None = Field(None, description="clock_skew: the server's time, unix seconds")
    placements: list[int] | None = Field(
        None, description="stale_membership, not_a_member: the placement blocks of the server"
    )
    cid: str | None = Field(None, description="too_few_replicas: the record, which is stored")
    replicas: Replicas | None = Field(None, description="too_few_replicas: how far it has come")


class BatchIngestRequest(Message):
    """POST /batch/ingest as one JSON body; or one IngestRequest a line as application/x-ndjson."""

    items: Annotated[Items, Field(description="each an IngestRequest")]


class BatchIngestReply(Message):
    """One outcome per item, in order; as NDJSON one a line."""

    outcomes: list[IngestReply | ErrorReply]
    warnings: Warnings = []


class BatchRetrieveRequest(Message):
    """POST /batch/retrieve."""

    cids: Annotated[list[Cid], Field(min_length=1, max_length=MAX_RETRIEVE)]


class BatchRetrieveReply(Message):
    """One outcome per CID, in order; the last ones are left out where records are large."""

    outcomes: list[RecordReply | ErrorReply]
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
    replication: dict[str, Any] = Field(
        default_factory=dict, description="outbox, peers, comparisons and repairs"
    )
    store: dict[str, Any]
    queues: dict[str, Any]
    latencies: dict[str, Any] = Field(description="milliseconds per path: p50, p95, p99, count")
