"""Examines one miner: proofs under fresh nonces, and whole records whose CIDs are recomputed.

A proof can be computed from the hash of an embedding, for ever; a CID cannot. So a part of every
audit fetches the record itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from engram.core import Challenge, generate_challenge, verify_cid, verify_response
from engram.core.embedding import from_base64
from engram.core.limits import CHALLENGE_TTL_S
from engram.errors import InvalidInput
from engram.protocol import ChallengeReply, ErrorReply, RecordReply
from engram.validator.ask import Asked, Asker
from engram.validator.clock import Clock
from engram.validator.roster import Miner
from engram.validator.state.pool import KnownRecord
from engram.validator.verdict import Failure, Verdict

Outcome: TypeAlias = Failure | None
"""None: the miner showed that it holds the record."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one miner is to show this time."""

    miner: Miner
    single: KnownRecord
    proved: list[KnownRecord]
    fetched: list[KnownRecord]

    @property
    def audited(self) -> list[KnownRecord]:
        """The records of the audit."""
        return [*self.proved, *self.fetched]


class Examiner:
    """Asks and judges. Each challenge has a nonce of its own, which counts once."""

    def __init__(self, asker: Asker, clock: Clock) -> None:
        self._asker = asker
        self._clock = clock

    async def single(self, sheet: Sheet) -> Outcome:
        """The seed's challenge: one CID."""
        challenge = self._challenge(sheet.single)
        asked = await self._asker.challenge(sheet.miner.url, challenge)
        if isinstance(asked, Failure):
            return asked
        return judged(challenge, asked.message, sheet.single, asked.seconds)

    async def audit(self, sheet: Sheet) -> dict[KnownRecord, Outcome]:
        """An outcome for each record of the audit; once all the time was taken, nobody waits on."""
        outcomes = await self._proofs(sheet)
        lost = next((o for o in outcomes.values() if o is not None and o.took_all_the_time), None)
        for record in sheet.fetched:
            outcome = lost or await self._fetch(sheet.miner, record)
            if outcome is not None and outcome.took_all_the_time:
                lost = outcome
            outcomes[record] = outcome
        return outcomes

    async def _proofs(self, sheet: Sheet) -> dict[KnownRecord, Outcome]:
        if not sheet.proved:
            return {}
        challenges = [self._challenge(record) for record in sheet.proved]
        asked = await self._asker.challenges(sheet.miner.url, challenges)
        if isinstance(asked, Failure):
            return dict.fromkeys(sheet.proved, asked)
        each = zip(sheet.proved, challenges, asked.message.outcomes, strict=True)
        return {r: judged(challenge, reply, r, asked.seconds) for r, challenge, reply in each}

    async def _fetch(self, miner: Miner, record: KnownRecord) -> Outcome:
        asked = await self._asker.retrieve(miner.url, record.cid)
        return recomputed(asked.message, record) if isinstance(asked, Asked) else asked

    def _challenge(self, record: KnownRecord) -> Challenge:
        return generate_challenge(record.cid, CHALLENGE_TTL_S, self._clock.now())


def judged(
    challenge: Challenge, reply: ChallengeReply | ErrorReply, record: KnownRecord, seconds: float
) -> Outcome:
    """Whether a reply proves the record, in time by our own monotonic clock."""
    if isinstance(reply, ErrorReply):
        return Failure(Verdict.REFUSED, f"It answered {reply.code[:64]}.", code=reply.code)
    if seconds > CHALLENGE_TTL_S:
        return Failure(Verdict.SLOW, f"The proof came after {seconds:.0f} s.")
    if reply.cid != record.cid or not verify_response(
        challenge, reply.embedding_hash, reply.proof, record.vector
    ):
        return Failure(Verdict.WRONG, "The proof is wrong.")
    return None


def recomputed(reply: RecordReply, record: KnownRecord) -> Outcome:
    """Whether the bytes that came are those of the CID."""
    try:
        vector = from_base64(reply.embedding_b64)
        genuine = verify_cid(record.cid, vector, reply.metadata, reply.model_version)
    except InvalidInput:
        genuine = False  # bytes that no record may have
    return None if genuine else Failure(Verdict.WRONG, "The bytes are not those of the CID.")
