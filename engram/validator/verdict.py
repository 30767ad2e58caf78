"""What came of one question to a miner."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The kinds of outcome, as they are stored and shown."""

    PASSED = "passed"
    WRONG = "wrong"
    """A well-formed answer that is not right, or not all of it."""
    INVALID = "invalid"
    """An answer that the protocol does not know: bad JSON, NaN, duplicates, too much."""
    REFUSED = "refused"
    """An HTTP error."""
    SLOW = "slow"
    """Begun, and not finished in time."""
    UNREACHABLE = "unreachable"
    """No connection, or none of it came back."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer to judge."""

    verdict: Verdict
    detail: str
    """A sentence for the miner's operator."""
    code: str = ""
    """The miner's own error code, if it sent one."""
    retry_after: float | None = None

    @property
    def took_all_the_time(self) -> bool:
        """True if asking again in the same round would only wait again."""
        return self.verdict in (Verdict.SLOW, Verdict.UNREACHABLE)
