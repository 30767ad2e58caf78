"""What the SDK hands back: frozen, typed, the same whether a node or a folder answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Metadata = dict[str, Any]


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


@dataclass(frozen=True, slots=True)
class Failed:
    """One item of a batch that was not stored, and why."""

    error: str
    code: str


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
    embedding_of_text: Literal["exact", "near", "no", "unknown"]
    """Whether the embedding is that of the text: bit for bit, within the error of another
    processor, not at all, or unknown (no embedder was given, or the record has no text)."""
    text_covered: bool
    """True if the text is in ``metadata["text"]``, so that the CID covers it."""

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
    scores: dict[str, float] = field(default_factory=dict)
    version: str = ""
    protocol_version: int = 1
    model_version: str = "v1"
    chain: str = "none"
    core: str = ""
    """``rust`` or ``python``."""
    embedder: str = ""
    exact: bool = False
    store: dict[str, Any] = field(default_factory=dict)
    queues: dict[str, Any] = field(default_factory=dict)
    latencies: dict[str, Any] = field(default_factory=dict)
