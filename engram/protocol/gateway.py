"""What web pages and other clients say to the gateway."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, Strict

from engram.protocol.fields import (
    MAX_TOP_K,
    Cid,
    EmbeddingB64,
    Message,
    Metadata,
    RawEmbedding,
    Text,
    Warnings,
    WhereClause,
)
from engram.protocol.messages import RecordReply
from engram.protocol.nodes import Holder, Replicas

CONTENT_CID = r"^sha256:[0-9a-f]{64}$"
JOB_ID = r"^[0-9a-f]{32}$"

ContentCid = Annotated[str, Strict(), Field(pattern=CONTENT_CID)]
Namespace = Annotated[str, Strict(), Field(min_length=1, max_length=256)]
JobState = Literal["running", "done", "failed"]
Step = Literal[
    "received", "extracted", "described", "chunked", "embedded", "stored", "replicated", "pinned"
]
PinWord = Literal[
    "off", "waiting", "pending", "confirmed", "permanent", "underfunded", "rejected", "unavailable"
]


class TextIngestRequest(Message):
    """POST /api/ingest."""

    text: Text
    metadata: Metadata = Field(default_factory=dict)
    namespace: Namespace | None = None
    min_replicas: Annotated[int, Strict(), Field(ge=1, le=3)] | None = None


class TextIngestReply(Message):
    """The text is stored."""

    cid: Cid
    duplicate: bool
    truncated: bool
    exact: bool
    replicas: Replicas | None
    warnings: Warnings = []


class UrlIngestRequest(Message):
    """POST /api/ingest/url: a page or file of the web."""

    url: Annotated[str, Strict(), Field(min_length=8, max_length=2_048)]
    metadata: Metadata = Field(default_factory=dict)
    namespace: Namespace | None = None
    pin: Annotated[bool, Strict()] = Field(False, description="pay for permanent storage")


class Pin(Message):
    """Where the raw bytes are on their way to permanent storage."""

    arweave_tx_id: str | None = Field(description="43 characters; known once it is signed")
    arweave_status: PinWord
    confirmations: int = Field(0, ge=0)
    reason: str = Field("", description="why it does not go on, as a sentence")
    earlier_tx_ids: list[str] = []
    network: str = Field("", description="which Arweave; a local one is not the public network")


class FileIngestReply(Message):
    """POST /api/ingest/file and /api/ingest/url, once all its records are stored."""

    cid: Cid = Field(description="of the document's or image's own record")
    content_cid: ContentCid
    arweave_tx_id: str | None
    arweave_status: PinWord
    records: int = Field(description="stored of it, the document's own record among them")
    job: Annotated[str, Field(pattern=JOB_ID)]
    warnings: Warnings = []


class JobReply(Message):
    """GET /api/jobs/{id}, and the data of each server-sent event."""

    id: Annotated[str, Field(pattern=JOB_ID)]
    state: JobState
    step: Step = Field(description="the last one that is complete")
    content_cid: ContentCid | None
    kind: str | None = Field(description="pdf, docx, ..., text, image")
    name: str | None = Field(description="as the sender called it; not stored on the network")
    cid: Cid | None
    pages: int | None
    pages_read: int = Field(description="of the pages, as long as it is being read")
    records: int | None = Field(description="that it becomes; null while that is not known")
    stored: int
    replicated: int = Field(description="records that all their holders have acknowledged")
    pin: Pin
    problems: list[str] = Field([], description="pages or parts that could not be read")
    error: str | None = None
    code: str | None = None
    waits_for: str | None = Field(None, description="why it does not go on for now")
    created_at: float
    updated_at: float
    warnings: Warnings = []


class SearchRequest(Message):
    """POST /api/search over the whole network. Exactly one of query, vector and vector_b64."""

    query: Text | None = None
    vector: RawEmbedding | None = None
    vector_b64: EmbeddingB64 | None = None
    top_k: Annotated[int, Strict(), Field(ge=1, le=MAX_TOP_K)] = 10
    where: WhereClause | None = None
    namespace: Namespace | None = None
    documents: Annotated[bool, Strict()] = Field(
        False, description="also the records that stand for whole documents"
    )
    verify: Annotated[bool, Strict()] = Field(
        False, description="fetch each hit and recompute CID and score"
    )


class SearchHit(Message):
    """One result."""

    cid: Cid
    score: float
    metadata: Metadata
    text: str | None
    age_ms: int
    confirmed: bool
    verified: bool
    holders: list[Holder]


class SilentNode(Message):
    """A member that was asked and gave no answer."""

    uid: int
    hotkey: str
    url: str
    reason: str


class SearchReply(Message):
    """Confirmed hits first, highest score first."""

    results: list[SearchHit]
    complete: bool
    asked: int
    answered: int
    missing_fraction: float
    silent: list[SilentNode]
    liars: list[Holder]
    latency_ms: float
    warnings: Warnings = []


class PlacedRecordReply(RecordReply):
    """GET /api/records/{cid}: the record and where it lies."""

    holders: list[Holder]
    warnings: Warnings = []


class IdentifierCheck(Message):
    """One identifier of a record, checked."""

    identifier: Literal["cid", "content_cid", "arweave_tx_id"]
    value: str | None
    ok: bool | None = Field(description="null: there is nothing to check")
    reason: str


class HolderCheck(Message):
    """What one holder gave."""

    uid: int
    hotkey: str
    url: str
    bytes: bool | None = Field(description="are its bytes the CID's? null: it gave none")
    metadata: bool | None = Field(description="is the metadata what the others and the CID say?")
    embedding: Literal["exact", "near", "no", "unknown"]
    reason: str


class VerifyReply(Message):
    """GET /api/records/{cid}/verify."""

    cid: Cid
    ok: bool = Field(description="true unless a holder or identifier fails")
    holders: list[HolderCheck]
    identifiers: list[IdentifierCheck]
    warnings: Warnings = []


class DocumentReply(Message):
    """GET /api/documents/{content_cid}: its chunks in order."""

    content_cid: ContentCid
    record: RecordReply | None
    chunks: list[RecordReply]
    expected: int | None = Field(description="chunks that it has by its own record")
    complete: bool
    warnings: Warnings = []


class PriceReply(Message):
    """GET /api/price?bytes=."""

    bytes: int
    amount: int | None = Field(description="winston; null: nothing would be paid, see reason")
    ar: str | None = Field(description="the same in AR")
    balance: int | None
    within_caps: bool
    network: str
    reason: str = ""
    warnings: Warnings = []


class NetworkReply(Message):
    """GET /api/network: miners, scores, replication, chain."""

    chain: dict[str, Any]
    miners: list[dict[str, Any]]
    validators: list[dict[str, Any]]
    replication: dict[str, Any] | None
    totals: dict[str, Any]
    problems: list[str] = Field(description="what is wrong now, a sentence each")
    warnings: Warnings = []


class MapPoint(Message):
    """A record on the map of meaning."""

    cid: Cid
    x: float
    y: float
    title: str
    type: str | None


class MapReply(Message):
    """GET /api/map."""

    points: list[MapPoint]
    total: int
    computed_at: float | None = Field(description="null: it is being computed")
    warnings: Warnings = []
