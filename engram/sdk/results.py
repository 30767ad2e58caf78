"""What the SDK hands back: frozen, typed, the same whether a node or a folder answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Metadata = dict[str, Any]
EmbeddingOfText = Literal["exact", "near", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Replicas:
    """How far a record had come when the node answered."""

    required: int
    """Miners that are to hold it: 3, or all if there are fewer; 1 without a chain."""
    acknowledged: int
    """Those that have it on disk. The others get it from the node's outbox."""
    receipts: tuple[dict[str, Any], ...] = ()
    """Their signatures for it, docs/protocol.md section 7."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """A record that is on disk and searchable."""

    cid: str
    duplicate: bool = False
    """True if the record was there before."""
    truncated: bool = False
    """True if the text was longer than 256 word pieces, so only its beginning was embedded."""
    exact: bool = False
    """True if every machine computes this embedding, and so this CID, from this text."""
    warnings: tuple[str, ...] = ()
    replicas: Replicas | None = None
    """None from a folder, and from nodes that know of no others."""


@dataclass(frozen=True, slots=True)
class Failed:
    """One item of a batch that was not stored, and why."""

    error: str
    code: str
    details: dict[str, Any] = field(default_factory=dict)
    """What else the node said, as ``EngramError.details`` has it."""


Outcome = Ingested | Failed
Outcomes = list[Outcome]


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result."""

    cid: str
    score: float
    """Cosine similarity, -1..1."""
    metadata: Metadata
    text: str | None
    age_ms: int
    """Milliseconds since the answering node stored the record."""


@dataclass(frozen=True, slots=True)
class Results:
    """Hits, highest score first, ties by CID. Iterates and indexes like a list."""

    results: tuple[Hit, ...]
    latency_ms: float
    """Time inside the answering node."""
    warnings: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, position: int) -> Hit:
        return self.results[position]


@dataclass(frozen=True, slots=True)
class Record:
    """A stored record."""

    cid: str
    model_version: str
    metadata: Metadata
    embedding_b64: str = field(repr=False)
    """base64 of 384 little-endian float32."""
    text: str | None
    stored_at: float
    """Unix seconds by the clock of the node that answered; outside the CID."""

    @property
    def embedding(self) -> NDArray[np.float32]:
        """float32, shape (384,). Raises InvalidEmbedding if the server sent something else."""
        from engram.core import embedding

        return embedding.from_base64(self.embedding_b64)


@dataclass(frozen=True, slots=True)
class Page:
    """Records in order of arrival; ``cursor`` is None on the last page."""

    records: tuple[Record, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What can be said about a record from its own bytes, each question by itself."""

    cid: str
    bytes_match: bool
    """True if the CID recomputed from embedding, metadata and version is the one asked for."""
    metadata_as_given: bool | None
    """True if the metadata is what was sent: the CID covers it. False if it is not what
    ``metadata=`` said. None if the bytes do not match and there is nothing to compare with."""
    embedding_of_text: EmbeddingOfText
    """``exact``: an exact embedder made these very bits of the text. ``near``: its direction, but
    for rounding. ``no``: another. ``unknown``: there is no text, or no embedder on this machine."""
    text_covered: bool | None
    """True if the text is in ``metadata["text"]``, so that the CID covers it. False if the node
    keeps it beside the record. None if there is none."""

    @property
    def ok(self) -> bool:
        """True if nothing that was checked failed."""
        return (
            self.bytes_match
            and self.metadata_as_given is not False
            and self.embedding_of_text != "no"
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """The answer to a storage challenge, docs/protocol.md section 2."""

    cid: str
    embedding_hash: str
    proof: str


@dataclass(frozen=True, slots=True)
class Stats:
    """A node's counters. A local Memory has no peers, scores or latencies."""

    vectors: int
    """Live records."""
    uptime: float
    """Seconds."""
    peers: int = 0
    scores: dict[str, float | None] = field(default_factory=dict)
    """Composites (0..1) by the validator's hotkey; None while it still gets to know the node."""
    version: str = ""
    protocol_version: int = 1
    model_version: str = "v1"
    chain: str = "none"
    """What the chain is called; ``none`` without one."""
    chain_state: str = "none"
    """``none``, ``connecting``, ``connected`` or ``chain-less``."""
    chain_attempts: int = 0
    """That failed since the chain last answered."""
    dev_chain: bool = False
    """True for a chain of one machine: what it pays is worth nothing."""
    hotkey: str | None = None
    uid: int | None = None
    """The node's place on the subnet; None if it is not registered."""
    block: int | None = None
    """The last finalized block that it saw."""
    incentive: float | None = None
    """Its share of what miners earn, 0..1."""
    placement_block: int | None = None
    """The block whose members it places CIDs by."""
    replication: dict[str, Any] = field(default_factory=dict)
    """What waits for other members, who answers, what was compared; empty without a chain."""
    warnings: list[str] = field(default_factory=list)
    """What its operator should look at."""
    core: str = ""
    """``rust`` or ``python``."""
    embedder: str = ""
    exact: bool = False
    embedder_fallback: str | None = None
    """Why the node's embedder is not the exact one; None if it is."""
    store: dict[str, Any] = field(default_factory=dict)
    queues: dict[str, Any] = field(default_factory=dict)
    latencies: dict[str, Any] = field(default_factory=dict)
