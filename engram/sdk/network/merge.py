"""One list out of many: hits by CID, with who said what of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engram.core import metadata_text
from engram.dht import Member, key_of
from engram.errors import InvalidCid, InvalidMetadata
from engram.sdk.results import Hit, Results
from engram.sdk.verification import same

SAME_SCORE = 1e-4
"""Scores of one record and one query differ by less between honest nodes: float32 sums of 384
products err by 5e-6, and texts embedded by onnxruntime instead of the exact embedder by 1e-5."""
HIGHEST = 1 + SAME_SCORE  # of a cosine, rounded


@dataclass(slots=True)
class Candidate:
    """A CID that somebody found."""

    cid: str
    claims: dict[int, Hit]
    """What each member says of it, by UID."""
    ages: dict[int, int] = field(default_factory=dict)
    """Milliseconds for which members claim to have had it, by UID: of those who say that they had
    it before the search began."""
    without: set[int] = field(default_factory=set)
    """Members who were asked for it and did not have it before the search began."""
    truth: Hit | None = None
    """Made here from the record itself."""

    @property
    def shown(self) -> Hit:
        """What is taken for the hit."""
        return self.truth or max(self.claims.values(), key=lambda hit: hit.score)

    @property
    def disputed(self) -> bool:
        """True if members say different things about one record: its bytes decide who lies."""
        first, *rest = self.claims.values()
        return self.truth is None and not all(agree(first, other) for other in rest)

    @property
    def rank(self) -> tuple[float, str]:
        """Highest score first, ties by CID."""
        return -self.shown.score, self.cid


def agree(one: Hit, other: Hit) -> bool:
    """True if two hits may be of one record."""
    return abs(one.score - other.score) <= SAME_SCORE and same(one.metadata, other.metadata)


def wrong_with(results: Results, top_k: int) -> str | None:
    """Why no honest node gives such results; None if nothing is wrong."""
    if len(results) > top_k:
        return f"it gave {len(results)} hits where {top_k} were asked for"
    seen: set[str] = set()
    for hit in results:
        if (reason := _wrong_hit(hit)) is not None:
            return reason
        if hit.cid in seen:
            return f"it named {hit.cid} twice"
        seen.add(hit.cid)
    return None


def _wrong_hit(hit: Hit) -> str | None:
    try:
        key_of(hit.cid)
    except (InvalidCid, TypeError):
        return "it named something that is no CID"
    if not isinstance(hit.score, int | float) or not math.isfinite(hit.score):
        return "it gave a score that is no number"
    if abs(hit.score) > HIGHEST:
        return f"it gave a score of {hit.score:g}, and 1 is the highest"
    if isinstance(hit.age_ms, bool) or not isinstance(hit.age_ms, int) or hit.age_ms < 0:
        return "it gave an age that is none"
    if not isinstance(hit.text, str | None):
        return "it gave a text that is none"
    try:
        metadata_text(hit.metadata)
    except (InvalidMetadata, TypeError):
        return "it gave metadata that no record has"
    return None


def merged(
    found: Iterable[tuple[Member, Results]],
    searched_ms: Mapping[int, float],
    known: Iterable[Candidate] = (),
) -> list[Candidate]:
    """All hits, and those ``known`` before, highest score first, ties by CID.

    ``searched_ms`` is how long the search had run when each member's answer came: whoever claims a
    greater age claims to have had the record before.
    """
    candidates = {candidate.cid: candidate for candidate in known}
    for member, results in found:
        for hit in results:
            candidate = candidates.setdefault(hit.cid, Candidate(hit.cid, {}))
            candidate.claims[member.uid] = hit
            if hit.age_ms > searched_ms[member.uid]:
                candidate.ages[member.uid] = hit.age_ms
    return sorted(candidates.values(), key=lambda candidate: candidate.rank)
