"""Fetching records back from a member, to see with one's own eyes that they are there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum
from typing import Any

import orjson
import structlog

from engram.core import strict_json, verify_cid
from engram.core.embedding import from_base64
from engram.dht import Member
from engram.errors import InvalidInput
from engram.miner.replication.courtesy import Courtesy
from engram.miner.replication.interface import Failure, Peers
from engram.miner.replication.reach import Reach
from engram.protocol import MAX_RETRIEVE, RecordReply

PATH = "/batch/retrieve"
TIMEOUT_S = 15.0  # a megabyte over a slow line
WITHOUT_IT = ("not_found", "store_corrupt")

log = structlog.get_logger("engram.replication")


class Shown(Enum):
    """What a member showed of a record."""

    WHOLE = "whole"
    """Bytes that hash to the CID."""
    LACKING = "lacking"
    """It says that it has no such record, or none whose bytes are right."""
    WRONG = "wrong"
    """Bytes that do not."""
    NOTHING = "nothing"
    """No answer, a refusal by its operator, or trouble that may pass."""


class Readback:
    """POST /batch/retrieve, and each CID made anew."""

    def __init__(self, peers: Peers, reach: Reach, courtesy: Courtesy) -> None:
        self._peers = peers
        self._reach = reach
        self._courtesy = courtesy

    async def of(self, member: Member, cids: Sequence[str]) -> dict[str, Shown]:
        """What one member shows of each; it is asked no more once it does not answer."""
        shown = dict.fromkeys(cids, Shown.NOTHING)
        left = list(cids)
        while left:
            outcomes = await self._some(member, left[:MAX_RETRIEVE])
            for cid, each in zip(left, outcomes, strict=False):
                shown[cid] = each
                if each is Shown.WRONG:
                    log.warning(
                        "a holder gave bytes that are not the record's",
                        cid=cid,
                        hotkey=member.hotkey,
                    )
            if not outcomes:
                break
            left = left[len(outcomes) :]
        return shown

    async def _some(self, member: Member, cids: Sequence[str]) -> list[Shown]:
        """Outcomes for as many as the member answers, from the first on; none if it does not."""
        body = orjson.dumps({"cids": cids})
        reply = await self._peers.send(member, PATH, body, timeout_s=TIMEOUT_S)
        self._reach.heard(member, reply)
        if isinstance(reply, Failure):
            return []
        await self._courtesy.turn(len(reply.body))
        try:
            return await asyncio.to_thread(judged, cids, reply.body)
        except (InvalidInput, KeyError, TypeError):
            log.warning("no answer to " + PATH, hotkey=member.hotkey)
            return []


def judged(cids: Sequence[str], body: bytes) -> list[Shown]:
    """One for each outcome in a reply. Some 0.1 ms each, so not on the event loop.

    Raises InvalidInput, KeyError or TypeError for what is no reply to this.
    """
    outcomes = strict_json.loads(body)["outcomes"]
    return [shown_of(cid, outcome) for cid, outcome in zip(cids, outcomes, strict=False)]


def shown_of(cid: str, outcome: Any) -> Shown:
    """What one outcome amounts to."""
    if isinstance(outcome, dict) and "error" in outcome:
        return Shown.LACKING if outcome.get("code") in WITHOUT_IT else Shown.NOTHING
    try:
        record = RecordReply.model_validate(outcome)
        vector = from_base64(record.embedding_b64)
        whole = verify_cid(cid, vector, record.metadata, record.model_version)
    except ValueError:  # pydantic's, and our own InvalidInput
        return Shown.WRONG
    return Shown.WHOLE if whole else Shown.WRONG
