"""Challenge: prove that the embedding's bytes are here, docs/protocol.md section 2."""

from __future__ import annotations

from collections.abc import Sequence

from engram.core import generate_response
from engram.errors import ChallengeExpired, EngramError, NotFound, UnsupportedVersion
from engram.miner.draft import Attempt, Json, attempt
from engram.miner.members import Members
from engram.miner.node import Node
from engram.protocol import (
    CHALLENGE_FUTURE_S,
    CHALLENGE_PAST_S,
    PROOF_VERSION,
    ChallengeRequest,
)


class Challenge:
    """Answers storage challenges, one or many at a time."""

    def __init__(self, node: Node, members: Members) -> None:
        self.node = node
        self._members = members

    async def one(self, request: ChallengeRequest) -> Json:
        """ChallengeReply. Raises InvalidInput, NotFound, RefusedHere, Overloaded or NotReady."""
        self._check(request)
        [embedding] = await self.node.store.embeddings([request.cid])
        return await self._answer(request, embedding)

    async def many(self, requests: Sequence[Attempt[ChallengeRequest]]) -> list[Attempt[Json]]:
        """One outcome for each, in order; all embeddings are read in one go."""
        sound = [
            attempt(self._check, each) if isinstance(each, ChallengeRequest) else each
            for each in requests
        ]
        cids = [each.cid for each in sound if isinstance(each, ChallengeRequest)]
        found = iter(await self.node.store.embeddings(cids) if cids else [])
        return [
            await self._outcome(each, next(found)) if isinstance(each, ChallengeRequest) else each
            for each in sound
        ]

    def _check(self, request: ChallengeRequest) -> ChallengeRequest:
        if request.version != PROOF_VERSION:
            raise UnsupportedVersion(f"This node proves with version {PROOF_VERSION} only.")
        ahead = request.expires_at - self.node.clock()
        if ahead < -CHALLENGE_PAST_S:
            raise ChallengeExpired(f"The challenge expired {-ahead:.0f} s ago; ask for a new one.")
        if ahead > CHALLENGE_FUTURE_S:
            raise ChallengeExpired(
                f"The challenge expires {ahead:.0f} s from now; at most {CHALLENGE_FUTURE_S} s "
                "are accepted. Is one of the two clocks wrong?"
            )
        return request

    async def _answer(self, request: ChallengeRequest, embedding: bytes | None) -> Json:
        if embedding is None:
            raise await self._absence(request.cid)
        response = generate_response(request.nonce_hex, embedding)
        return {
            "cid": request.cid,
            "embedding_hash": response.embedding_hash,
            "proof": response.proof,
            "error": None,
            "warnings": [],
        }

    async def _outcome(self, request: ChallengeRequest, embedding: bytes | None) -> Attempt[Json]:
        try:
            return await self._answer(request, embedding)
        except EngramError as error:
            return error

    async def _absence(self, cid: str) -> NotFound:
        """Why there is no embedding. Raises RefusedHere if the operator deleted the record."""
        await self.node.store.get(cid)
        return self._members.absence(cid)
