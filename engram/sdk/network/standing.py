"""How members have behaved of late: how fast, how reliable, how honest. Nothing lasts for ever."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from engram.dht import Member

KEPT = 64  # answers behind a member's p95: recent enough to follow its load
KNOWN_FROM = 8  # answers; below, one slow start would pass for its p95
PRIOR_S = 0.5  # what nobody knows yet gets: a round trip round the world, and a search
QUANTILE = 0.95
SLACK = 1.25  # of the p95: many members are asked at once, and half of all searches would hedge
SLACK_S = 0.01  # at least: below, timers and scheduling are measured, not members
HALF_LIFE_S = 300.0  # of what is held against a member
FORGOTTEN_S = 600.0  # without an answer: then how slow it was is forgotten, and it is tried again
FAILURE = 1.0
GAP = 2.0  # avoided for one half-life: by then it is repaired, or has another gap
LIE = 8.0  # avoided for 15 minutes: three half-lives until it is below AVOIDED_FROM
AVOIDED_FROM = 1.0  # the second failure in a row, for one half-life


@dataclass
class _Record:
    took: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    took_at: float = 0.0
    """When the last of them came."""
    failures: float = 0.0
    faults: float = 0.0
    at: float = 0.0
    """When both were last brought up to date."""
    named: str = ""
    """What it was last caught at."""


@dataclass(frozen=True, slots=True)
class MemberStanding:
    """What this client thinks of a member."""

    uid: int
    hotkey: str
    url: str
    avoided: bool
    """True if it is asked only where nobody else can answer."""
    patience_s: float
    """After how many seconds without an answer another one is asked: its p95 and a little."""
    penalty: float
    """0 is good; halves every five minutes."""
    caught: str
    """What it was last caught at; empty if never."""


class Standing:
    """Kept by registration: another address does not wash it off, another owner starts anew."""

    def __init__(self, monotonic: Callable[[], float], half_life_s: float = HALF_LIFE_S) -> None:
        self._monotonic = monotonic
        self._half_life_s = half_life_s
        self._records: dict[int, _Record] = {}

    def took(self, member: Member, seconds: float) -> None:
        """A whole reply came in so many seconds."""
        record = self._of(member)
        record.took.append(seconds)
        record.took_at = self._monotonic()

    def served(self, member: Member) -> None:
        """It did what it was asked: whatever kept it from that before is over."""
        self._of(member).failures = 0.0

    def silent(self, member: Member, seconds: float) -> None:
        """No reply came in so many seconds: it takes longer than that."""
        self.took(member, seconds)
        self.failed(member)

    def failed(self, member: Member) -> None:
        """It did not do what it was asked."""
        self._of(member).failures += FAILURE

    def lacks(self, member: Member) -> None:
        """It does not have what it should and others have: no search may rest on it alone."""
        record = self._of(member)
        record.faults = max(record.faults, GAP)

    def lied(self, member: Member, reason: str) -> None:
        """It was caught at something that no honest node does."""
        record = self._of(member)
        record.faults += LIE
        record.named = reason

    def penalty(self, member: Member) -> float:
        """What is held against it now, at least 0."""
        record = self._of(member)
        return record.failures + record.faults

    def avoided(self, member: Member) -> bool:
        """True if others are asked in its place wherever they can be."""
        return self.penalty(member) >= AVOIDED_FROM

    def patience(self, member: Member) -> float:
        """Seconds that its answer may take: its p95 and a little, PRIOR_S while it is not known."""
        took = self._of(member).took
        if len(took) < KNOWN_FROM:
            return PRIOR_S
        p95 = sorted(took)[int(QUANTILE * len(took))]
        return max(SLACK * p95, p95 + SLACK_S)

    def expected(self, member: Member) -> float:
        """Seconds that it usually takes; 0 while that is not known, so that it is asked."""
        took = self._of(member).took
        return sorted(took)[len(took) // 2] if took else 0.0

    def of(self, member: Member) -> MemberStanding:
        """All of it, for people."""
        return MemberStanding(
            member.uid,
            member.hotkey,
            member.url,
            self.avoided(member),
            self.patience(member),
            self.penalty(member),
            self._of(member).named,
        )

    def _of(self, member: Member) -> _Record:
        now = self._monotonic()
        record = self._records.setdefault(member.seat, _Record(at=now))
        share = 0.5 ** ((now - record.at) / self._half_life_s)
        record.failures *= share
        record.faults *= share
        record.at = now
        if now - record.took_at > FORGOTTEN_S:
            record.took.clear()
        return record
