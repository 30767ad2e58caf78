"""The questions that a validator has for a miner, with answers that are checked messages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from engram.core import Challenge
from engram.core.embedding import Embedding, to_base64
from engram.core.strict_json import loads
from engram.errors import InvalidInput
from engram.net.decode import from_value
from engram.net.signed import Signer, signed_headers
from engram.protocol import (
    BatchChallengeReply,
    ChallengeReply,
    HasReply,
    IngestReply,
    ListReply,
    Message,
    QueryReply,
    RecordReply,
    RepairReply,
)
from engram.validator.clock import Clock
from engram.validator.miner_client import Answer, Request, Transport
from engram.validator.verdict import Failure, Verdict

M = TypeVar("M", bound=Message)

THROTTLED = "throttled"
LARGE_BODY = 128 * 1024  # bytes; parsing more than this takes milliseconds, so not on the loop
QUERY_BYTES = 2 * 1024 * 1024  # 100 results of 16 KB metadata and text
RECORD_BYTES = 512 * 1024  # metadata and text at their limits, escaped
CURSOR_LENGTH = 128  # characters that a miner takes back
PAGE_BYTES = 8 * 1024 * 1024  # 100 records of 80 KB each


@dataclass(frozen=True, slots=True)
class Asked(Generic[M]):
    """A well-formed answer and how long it took."""

    message: M
    seconds: float


class Asker:
    """Asks over a transport. Each call has a deadline, and answers with a Failure if need be."""

    def __init__(self, transport: Transport, clock: Clock, timeout_s: float) -> None:
        self._transport = transport
        self._clock = clock
        self._timeout_s = timeout_s

    async def query(
        self, url: str, vector: Embedding, top_k: int, where: dict[str, Any] | None
    ) -> Asked[QueryReply] | Failure:
        """The ``top_k`` results nearest to the vector."""
        body = {"query_b64": to_base64(vector), "top_k": top_k} | (
            {"where": where} if where else {}
        )
        request = self._request(url, "/QuerySynapse", body, QUERY_BYTES)
        asked = await self._ask(request, QueryReply)
        return asked if isinstance(asked, Failure) else _sound(asked, top_k)

    async def challenge(self, url: str, challenge: Challenge) -> Asked[ChallengeReply] | Failure:
        """The proof for one CID."""
        request = self._request(url, "/ChallengeSynapse", challenge._asdict())
        return await self._ask(request, ChallengeReply)

    async def challenges(
        self, url: str, challenges: Sequence[Challenge]
    ) -> Asked[BatchChallengeReply] | Failure:
        """The proofs for many, in order."""
        body = {"items": [challenge._asdict() for challenge in challenges]}
        request = self._request(url, "/batch/challenge", body)
        asked = await self._ask(request, BatchChallengeReply)
        if isinstance(asked, Asked) and len(asked.message.outcomes) != len(challenges):
            return Failure(Verdict.INVALID, "The batch has another number of outcomes than items.")
        return asked

    async def retrieve(self, url: str, cid: str) -> Asked[RecordReply] | Failure:
        """One record, whole."""
        request = self._request(url, f"/retrieve/{cid}", most_bytes=RECORD_BYTES)
        return await self._ask(request, RecordReply)

    async def ingest(
        self, url: str, embedding: Embedding, metadata: dict[str, Any]
    ) -> Asked[IngestReply] | Failure:
        """Offer a record. A 429 is left to the caller, who comes back another time."""
        body = {"embedding_b64": to_base64(embedding), "metadata": metadata}
        request = replace(self._request(url, "/IngestSynapse", body), timeout_s=3 * self._timeout_s)
        return await self._once(request, IngestReply)

    async def page(self, url: str, cursor: str | None, limit: int) -> Asked[ListReply] | Failure:
        """A page of what it holds, with a signed receipt for the page."""
        body = {"limit": limit, "receipt": True} | ({"cursor": cursor} if cursor else {})
        asked = await self._ask(self._request(url, "/list", body, PAGE_BYTES), ListReply)
        if isinstance(asked, Failure):
            return asked
        if len(asked.message.records) > limit:
            return Failure(Verdict.INVALID, f"A page has more than {limit} records.")
        if len(asked.message.cursor or "") > CURSOR_LENGTH:
            return Failure(Verdict.INVALID, f"A cursor has more than {CURSOR_LENGTH} characters.")
        return asked

    async def has(self, url: str, cids: Sequence[str]) -> Asked[HasReply] | Failure:
        """Which of the records it holds, and for how long."""
        return await self._ask(self._request(url, "/has", {"cids": list(cids)}), HasReply)

    async def repair(
        self, url: str, hotkey: str, cids: Sequence[str], signer: Signer, nonce: str
    ) -> Asked[RepairReply] | Failure:
        """Ask a holder (``hotkey``) to see that these records have all their holders.

        ``nonce``: 32 hexadecimal digits, never used before.
        """
        request = self._request(url, "/repair", {"cids": list(cids)})
        time_ms = round(self._clock.now() * 1000)
        headers = await asyncio.to_thread(
            signed_headers,
            signer,
            hotkey,
            "POST",
            request.path,
            request.content() or b"",
            time_ms,
            nonce,
        )
        return await self._once(replace(request, headers=headers), RepairReply)

    def _request(
        self, url: str, path: str, body: Any = None, most_bytes: int = RECORD_BYTES
    ) -> Request:
        return Request(url, path, body, most_bytes, self._timeout_s)

    async def _ask(self, request: Request, kind: type[M]) -> Asked[M] | Failure:
        """The answer; a 429 is repeated once after the time it names, if that is short enough."""
        asked = await self._once(request, kind)
        if not isinstance(asked, Failure) or asked.code != THROTTLED:
            return asked
        wait = 1.0 if asked.retry_after is None else asked.retry_after
        if wait > self._timeout_s:
            return asked
        await self._clock.sleep(wait)
        return await self._once(request, kind)

    async def _once(self, request: Request, kind: type[M]) -> Asked[M] | Failure:
        answer = await self._transport.send(request)
        if isinstance(answer, Failure):
            return answer
        if len(answer.body) > LARGE_BODY:
            return await asyncio.to_thread(_decode, answer, kind)
        return _decode(answer, kind)


def _decode(answer: Answer, kind: type[M]) -> Asked[M] | Failure:
    try:
        return Asked(from_value(loads(answer.body), kind).message, answer.seconds)
    except InvalidInput as error:
        return Failure(Verdict.INVALID, f"The answer breaks the protocol: {error.message[:160]}")


def _sound(asked: Asked[QueryReply], top_k: int) -> Asked[QueryReply] | Failure:
    """The results, if they are as many as were asked for, distinct, and their scores possible."""
    results = asked.message.results
    if len(results) > top_k:
        return Failure(Verdict.INVALID, f"{len(results):,} results where {top_k} were asked for.")
    if len({hit.cid for hit in results}) != len(results):
        return Failure(Verdict.INVALID, "A CID comes twice in the results.")
    if not all(-1.001 <= hit.score <= 1.001 for hit in results):  # NaN fails too
        return Failure(Verdict.INVALID, "A score is not a cosine similarity.")
    return asked
