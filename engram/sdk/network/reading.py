"""One record from whoever holds it: fetched, checked, and looked for further on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from engram.dht import Member
from engram.errors import (
    CidMismatch,
    EngramError,
    InvalidInput,
    NotFound,
    RefusedHere,
    ServerUnreachable,
)
from engram.protocol.fields import MAX_HAS
from engram.sdk import wire
from engram.sdk.exchange import checked_url
from engram.sdk.network.ask import Asking
from engram.sdk.network.fanout import Fanout
from engram.sdk.network.proof import genuine, well_formed
from engram.sdk.network.results import HolderVerdict, NetworkVerification, name_of
from engram.sdk.network.view import View
from engram.sdk.results import Metadata, Record
from engram.sdk.verification import check

if TYPE_CHECKING:
    from engram.embedding.interface import Embedder

FURTHER = 8
"""Members after the holders that are asked as well: a record that came in a moment ago is still on
its way, and a network that just changed hands it over."""
NAMED = 3  # holders that a 404 may name and we follow; placement has no more
UNLISTED = -1  # block of registration of a member that only a 404 named


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads single records. ``deadline_s`` is for each call as a whole."""

    asking: Asking
    view: View
    deadline_s: float

    async def get(self, cid: str) -> Record:
        """The record, from the first that gives the right bytes.

        The primary is asked first, the next in order when it is late, fails, or gives other bytes.
        Raises NotFound, RefusedHere, CidMismatch if all that anybody has are other bytes, or
        ServerUnreachable if nobody answers.
        """
        errors: dict[str, EngramError] = {}
        queue = self._in_order(cid)
        deadline = self.asking.monotonic() + self.deadline_s
        async with Fanout[Record](self.asking, deadline, partial(_fetch, cid)) as fanout:
            while (queue or fanout.busy) and not fanout.over:
                if queue and not fanout.due:
                    fanout.put(queue.pop(0), wire.get(cid))
                for reply in await fanout.step():
                    if reply.result is not None:
                        return reply.result
                    assert reply.error is not None
                    errors[reply.member.url] = reply.error
                    queue[:0] = self._named(reply.error, {*errors, *(m.url for m in queue)})
        raise _worst(cid, errors)

    async def has(self, cids: Sequence[str]) -> dict[str, int]:
        """Milliseconds for which a holder has had each of those CIDs that any holder has."""
        questions: dict[Member, list[str]] = {}
        for cid in cids:
            for member in self.view.holders(cid):
                questions.setdefault(member, []).append(cid)
        held: dict[str, int] = {}
        deadline = self.asking.monotonic() + self.deadline_s
        async with Fanout[dict[str, int]](self.asking, deadline) as fanout:
            for member, its in questions.items():
                for start in range(0, len(its), MAX_HAS):
                    fanout.put(member, wire.has(its[start : start + MAX_HAS]))
            while fanout.busy and not fanout.over:
                for reply in await fanout.step():
                    for cid, age in (reply.result or {}).items():
                        held[cid] = max(age, held.get(cid, 0))
        return {cid: held[cid] for cid in cids if cid in held}

    async def verify(
        self, cid: str, metadata: Metadata | None, embedder: Callable[[], Embedder | None]
    ) -> NetworkVerification:
        """What each holder gives for the CID. Raises InvalidCid."""
        members = self.view.holders(cid)
        judge = partial(self._verdict, cid, metadata, embedder)
        return NetworkVerification(cid, tuple(await asyncio.gather(*map(judge, members))))

    async def _verdict(
        self,
        cid: str,
        metadata: Metadata | None,
        embedder: Callable[[], Embedder | None],
        member: Member,
    ) -> HolderVerdict:
        try:
            record = await self.asking.result(member, wire.get(cid), self.deadline_s)
        except EngramError as error:
            return HolderVerdict(name_of(member), None, error.message, error.code)
        if not well_formed(record):
            reason = f"what it gave for {cid} is no record"
            self.asking.standing.lied(member, reason)
            return HolderVerdict(name_of(member), None, reason, CidMismatch.code)
        verdict = await asyncio.to_thread(
            partial(check, record, cid, metadata=metadata, embedder=embedder)
        )
        if not verdict.bytes_match:
            self.asking.standing.lied(member, f"what it gave for {cid} does not hash to it")
        return HolderVerdict(name_of(member), verdict, None, None)

    def _in_order(self, cid: str) -> list[Member]:
        """The holders, then some of those that come after them; avoided ones after the others."""
        order = self.view.current.order(cid)
        count = len(self.view.current.assigned(cid))
        return [*self._good_first(order[:count]), *order[count : count + FURTHER]]

    def _good_first(self, members: Iterable[Member]) -> list[Member]:
        return sorted(members, key=self.asking.standing.avoided)

    def _named(self, error: EngramError, known: set[str]) -> list[Member]:
        """Holders that a 404 names and that were not thought of."""
        said = error.details.get("holders") if isinstance(error, NotFound) else None
        found = [_holder(one) for one in said[:NAMED]] if isinstance(said, list) else []
        listed = {member.url: member for member in self.view.members}
        return [listed.get(m.url, m) for m in found if m is not None and m.url not in known]


async def _fetch(cid: str, asking: Asking, member: Member, _: Any, left_s: float) -> Record:
    return await genuine(asking, member, cid, left_s)


def _holder(said: Any) -> Member | None:
    """A member as a 404 names it; None for anything else."""
    if not isinstance(said, Mapping):
        return None
    uid, hotkey, url = said.get("uid"), said.get("hotkey"), said.get("url")
    if not (isinstance(uid, int) and isinstance(hotkey, str) and isinstance(url, str)):
        return None
    try:
        return Member(uid, hotkey, b"", checked_url(url), UNLISTED, b"")
    except InvalidInput:
        return None


def _worst(cid: str, errors: Mapping[str, EngramError]) -> EngramError:
    """What to tell when nobody gave the record."""
    kinds = [type(error) for error in errors.values()]
    tried = ", ".join(f"{url}: {error.code}" for url, error in errors.items()) or "nobody"
    if CidMismatch in kinds:
        return CidMismatch(f"Nobody gave bytes that hash to {cid} ({tried}).")
    if RefusedHere in kinds:
        return RefusedHere(f"Operators of its holders deleted {cid} ({tried}).")
    if NotFound in kinds:
        return NotFound(f"Nobody that was asked has {cid} ({tried}).")
    return ServerUnreachable(f"Nobody who may have {cid} answered in time ({tried}).")
