"""What a network hands back, beside what a single node does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engram.dht import Member
from engram.sdk.results import Metadata, Record, Verification


@dataclass(frozen=True, slots=True, order=True)
class NodeName:
    """Which member."""

    uid: int
    hotkey: str
    url: str


@dataclass(frozen=True, slots=True)
class Silent:
    """A member that gave no answer in time, or was spared the question for its past."""

    node: NodeName
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something that a member said and that does not count, and why."""

    node: NodeName
    cid: str | None
    """None if it is the whole answer."""
    reason: str
    lie: bool
    """True if no honest node says such a thing. False: nobody else has the record."""


@dataclass(frozen=True, slots=True)
class NetworkHit:
    """One search result."""

    cid: str
    score: float
    """Cosine similarity, -1..1; computed here if ``verified``."""
    metadata: Metadata
    text: str | None
    age_ms: int
    """Milliseconds since the holder that has it longest stored it, by its own word."""
    confirmed: bool
    """True if two of the members that placement names had it before the search began."""
    verified: bool
    """True if the record was fetched and its CID (and score, where the vector is known here)
    computed again in this process."""
    sources: tuple[NodeName, ...]
    """In whose results it was."""
    holders: tuple[NodeName, ...]
    """Who said that they had it before the search began."""


@dataclass(frozen=True, slots=True)
class NetworkResults:
    """Hits: the confirmed ones first, each part highest score first, ties by CID."""

    results: tuple[NetworkHit, ...]
    left_out: int
    """Unconfirmed hits that would be among these by their score, if confirmed ones did not come
    first."""
    complete: bool
    """True if every part of the key space had a holder that answered."""
    asked: int
    """Members that were sent the search."""
    answered: int
    missing_fraction: float
    """Share of the key space, 0..1, none of whose holders answered."""
    silent: tuple[Silent, ...]
    rejected: tuple[Rejected, ...]
    latency_ms: float
    """Of asking, confirming and proving; embedding the question comes before it."""
    placement: int | None
    """The placement block whose members were asked; None for a node that is alone."""
    warnings: tuple[str, ...] = ()

    @property
    def liars(self) -> tuple[NodeName, ...]:
        """Members that were caught at what no honest node says."""
        return tuple(sorted({one.node for one in self.rejected if one.lie}))

    def __iter__(self) -> Iterator[NetworkHit]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, position: int) -> NetworkHit:
        return self.results[position]


@dataclass(frozen=True, slots=True)
class NetworkPage:
    """Records of the whole network, each once; ``cursor`` is None on the last page."""

    records: tuple[Record, ...]
    cursor: str | None
    complete: bool
    """False if a part of the key space has had no holder that answers."""
    silent: tuple[Silent, ...]


@dataclass(frozen=True, slots=True)
class HolderVerdict:
    """What one holder of a record gave when it was asked for it."""

    node: NodeName
    verification: Verification | None
    """None if it gave no record."""
    error: str | None
    """Why not."""
    code: str | None


@dataclass(frozen=True, slots=True)
class NetworkVerification:
    """A record, checked at each of its holders."""

    cid: str
    holders: tuple[HolderVerdict, ...]
    """In order of placement, primary first."""

    @property
    def ok(self) -> bool:
        """True if a holder gave the record and none gave another."""
        given = [one.verification for one in self.holders if one.verification is not None]
        return bool(given) and all(one.ok for one in given)

    @property
    def intact(self) -> int:
        """How many holders gave the very bytes."""
        given = (one.verification for one in self.holders)
        return sum(one is not None and one.bytes_match for one in given)


def name_of(member: Member) -> NodeName:
    return NodeName(member.uid, member.hotkey, member.url)
