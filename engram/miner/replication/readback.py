"""Fetching a record back from a member, to see with one's own eyes that it is there."""

from __future__ import annotations

import asyncio
from enum import Enum

import structlog

from engram.core import strict_json, verify_cid
from engram.core.embedding import from_base64
from engram.dht import Member
from engram.errors import InvalidInput
from engram.miner.replication.courtesy import Courtesy
from engram.miner.replication.interface import Answer, Failure, Peers, Trouble
from engram.miner.replication.reach import Reach
from engram.protocol import RecordReply

TIMEOUT_S = 10.0
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
    """GET /retrieve and the CID made anew."""

    def __init__(self, peers: Peers, reach: Reach, courtesy: Courtesy) -> None:
        self._peers = peers
        self._reach = reach
        self._courtesy = courtesy

    async def of(self, member: Member, cid: str) -> Shown:
        """Ask one member for one record."""
        reply = await self._peers.get(member, f"/retrieve/{cid}", timeout_s=TIMEOUT_S)
        self._reach.heard(member, reply)
        if isinstance(reply, Answer):
            await self._courtesy.turn(len(reply.body))
            whole = await asyncio.to_thread(is_whole, cid, reply.body)
            return Shown.WHOLE if whole else self._wrong(member, cid)
        return self._without(member, cid, reply)

    def _without(self, member: Member, cid: str, failure: Failure) -> Shown:
        if failure.trouble is Trouble.INVALID:
            return self._wrong(member, cid)
        return Shown.LACKING if failure.code in WITHOUT_IT else Shown.NOTHING

    def _wrong(self, member: Member, cid: str) -> Shown:
        log.warning("a holder gave bytes that are not the record's", cid=cid, hotkey=member.hotkey)
        return Shown.WRONG


def is_whole(cid: str, body: bytes) -> bool:
    """True if a reply to GET /retrieve holds the record that the CID names."""
    try:
        record = RecordReply.model_validate(strict_json.loads(body))
        vector = from_base64(record.embedding_b64)
        return verify_cid(cid, vector, record.metadata, record.model_version)
    except (InvalidInput, ValueError):  # InvalidInput is one: named for who reads this
        return False
