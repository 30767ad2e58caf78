"""Every path that the miner serves: the router and the OpenAPI document are made from this."""

from __future__ import annotations

from dataclasses import dataclass

from engram.errors import (
    BodyTimeout,
    BodyTooLarge,
    EngramError,
    Forbidden,
    InexactEmbedder,
    InvalidInput,
    NotFound,
    NotReady,
    Overloaded,
    RefusedHere,
    StaleMembership,
    StorageFull,
    StoreError,
    Throttled,
    TooFewReplicas,
    Unauthorized,
    WrongContentType,
)
from engram.miner.replication.frame import CONTENT_TYPE as RECORDS
from engram.protocol import (
    BatchChallengeReply,
    BatchChallengeRequest,
    BatchIngestReply,
    BatchIngestRequest,
    BatchRetrieveReply,
    BatchRetrieveRequest,
    ChallengeReply,
    ChallengeRequest,
    CompareReply,
    CompareRequest,
    HasReply,
    HasRequest,
    HealthReply,
    IngestReply,
    IngestRequest,
    ListReply,
    ListRequest,
    Message,
    PeersReply,
    QueryReply,
    QueryRequest,
    ReadyReply,
    RecordReply,
    RepairReply,
    RepairRequest,
    ReplicaReply,
    RouteReply,
    StatsReply,
)

BODY_ERRORS = (InvalidInput, BodyTimeout, BodyTooLarge, WrongContentType)
STORE_ERRORS = (StoreError, NotReady, Overloaded)
SIGNED_ERRORS = (Unauthorized, Forbidden)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path."""

    method: str
    path: str
    operation: str
    """Name of the Api method that answers it, and its operationId."""
    summary: str
    reply: type[Message] | str
    """The message of a 200, or its media type where it is no JSON message."""
    request: type[Message] | str | None = None
    """The message to send, or its media type where it is no JSON message."""
    errors: tuple[type[EngramError], ...] = ()
    lines: bool = False
    """Also accepts NDJSON, one item a line, and answers the same way."""
    signed: bool = False
    """The sender signs, docs/protocol.md section 7."""


ENDPOINTS = (
    Endpoint(
        "POST",
        "/IngestSynapse",
        "ingest",
        "Store a text or an embedding; answers when it is on disk.",
        IngestReply,
        IngestRequest,
        (*BODY_ERRORS, RefusedHere, *STORE_ERRORS, StorageFull, TooFewReplicas, InexactEmbedder),
    ),
    Endpoint(
        "POST",
        "/QuerySynapse",
        "query",
        "Find the records nearest to a text or an embedding.",
        QueryReply,
        QueryRequest,
        (*BODY_ERRORS, *STORE_ERRORS),
    ),
    Endpoint(
        "POST",
        "/ChallengeSynapse",
        "challenge",
        "Prove that a record's embedding is stored here.",
        ChallengeReply,
        ChallengeRequest,
        (*BODY_ERRORS, NotFound, RefusedHere, *STORE_ERRORS),
    ),
    Endpoint("GET", "/health", "health", "Does the process answer?", HealthReply),
    Endpoint(
        "GET",
        "/ready",
        "ready",
        "Are the index and the embedder loaded?",
        ReadyReply,
        errors=(NotReady,),
    ),
    Endpoint(
        "GET",
        "/stats",
        "stats",
        "What the node is, holds and does.",
        StatsReply,
        errors=STORE_ERRORS,
    ),
    Endpoint(
        "GET",
        "/metrics",
        "metrics",
        "Prometheus text; on a loopback port of its own when the miner is public.",
        "text/plain",
        errors=STORE_ERRORS,
    ),
    Endpoint(
        "GET",
        "/retrieve/{cid}",
        "retrieve",
        "One record, whole.",
        RecordReply,
        errors=(InvalidInput, NotFound, RefusedHere, *STORE_ERRORS),
    ),
    Endpoint(
        "POST",
        "/has",
        "has",
        "Which of these CIDs are stored here, and for how long?",
        HasReply,
        HasRequest,
        (*BODY_ERRORS, *STORE_ERRORS),
    ),
    Endpoint(
        "POST",
        "/list",
        "list_records",
        "Records in order of arrival, a page at a time.",
        ListReply,
        ListRequest,
        (*BODY_ERRORS, *STORE_ERRORS),
    ),
    Endpoint(
        "POST",
        "/batch/ingest",
        "batch_ingest",
        "Up to 256 ingests, one outcome for each.",
        BatchIngestReply,
        BatchIngestRequest,
        (*BODY_ERRORS, *STORE_ERRORS, StorageFull),
        lines=True,
    ),
    Endpoint(
        "POST",
        "/batch/challenge",
        "batch_challenge",
        "Up to 256 challenges, one outcome for each.",
        BatchChallengeReply,
        BatchChallengeRequest,
        (*BODY_ERRORS, *STORE_ERRORS),
        lines=True,
    ),
    Endpoint(
        "POST",
        "/batch/retrieve",
        "batch_retrieve",
        "Up to 64 records, one outcome for each, and fewer where they are large.",
        BatchRetrieveReply,
        BatchRetrieveRequest,
        (*BODY_ERRORS, *STORE_ERRORS),
    ),
    Endpoint(
        "GET",
        "/peers",
        "peers",
        "The members of the network, as this node sees them.",
        PeersReply,
        errors=STORE_ERRORS,
    ),
    Endpoint(
        "GET",
        "/route/{cid}",
        "route",
        "Who is to hold a record, nearest first.",
        RouteReply,
        errors=(InvalidInput, *STORE_ERRORS),
    ),
    Endpoint(
        "POST",
        "/replica",
        "replica",
        "Copies of records, from one member to another.",
        ReplicaReply,
        RECORDS,
        (*BODY_ERRORS, *SIGNED_ERRORS, StaleMembership, *STORE_ERRORS, StorageFull),
        signed=True,
    ),
    Endpoint(
        "POST",
        "/compare",
        "compare",
        "Do two members hold the same of what both are to hold?",
        CompareReply,
        CompareRequest,
        (*BODY_ERRORS, *SIGNED_ERRORS, StaleMembership, *STORE_ERRORS),
        signed=True,
    ),
    Endpoint(
        "POST",
        "/repair",
        "repair",
        "See that these records have all their holders; from a validator.",
        RepairReply,
        RepairRequest,
        (*BODY_ERRORS, *SIGNED_ERRORS, *STORE_ERRORS),
        signed=True,
    ),
    Endpoint("GET", "/openapi.json", "openapi", "This document.", "application/json"),
)

EVERYWHERE: tuple[type[EngramError], ...] = (Throttled,)
"""Errors that any path may answer with."""
