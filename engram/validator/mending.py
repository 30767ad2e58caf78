"""Asks holders to repair what is short of copies: what failed a check, and what stays DEGRADED.

Miners find most of it themselves. What the validator adds are signed requests, bounded in number,
to one living holder of each record. The validator's own records are left out: asking for their
repair would tell which they are.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import structlog

from engram.net.signed import Signer
from engram.protocol import MAX_HAS
from engram.validator.ask import Asked, Asker
from engram.validator.clock import Clock
from engram.validator.parallel import finished
from engram.validator.roster import Miner, Roster
from engram.validator.state import State, holder_sets, listing, repairs, replicas
from engram.validator.state.holder_sets import Group, Ids
from engram.validator.state.listing import FIRST, Listed
from engram.validator.state.replicas import Replication, status_of

A_TURN = MAX_HAS  # records: one full request

log = structlog.get_logger("engram.validator")


@dataclass(frozen=True, slots=True)
class Patience:
    """When a turn ends, and how long a record may stay DEGRADED."""

    after_s: float
    deadline_s: float


class Mending:
    """Hands records to their living holders."""

    def __init__(
        self,
        state: State,
        roster: Roster,
        asker: Asker,
        signer: Signer,
        clock: Clock,
        random: Random,
        patience: Patience,
    ) -> None:
        self.handed = 0
        """Records that holders said they will look after, since the start."""
        self._state = state
        self._roster = roster
        self._asker = asker
        self._signer = signer
        self._clock = clock
        self._random = random
        self._patience = patience
        self._place = FIRST

    async def turn(self) -> None:
        """Up to A_TURN records; what nobody takes now comes again."""
        by_holder = await asyncio.to_thread(self._drawn)
        asked: list[int] = []
        asks = [self._hand(miner, records, asked) for miner, records in by_holder]
        await finished(asks, self._patience.deadline_s)
        if asked:
            await asyncio.to_thread(self._note, asked)

    def _drawn(self) -> list[tuple[Miner, list[Listed]]]:
        with self._state.write() as tx:
            failed = repairs.take(tx, A_TURN)
        with self._state.read() as connection:
            counted = replicas.counting(connection, self._roster.present)
            groups = {group.id: group for group in holder_sets.groups(connection)}
            found = {r.id: r for r in listing.by_id(connection, failed, groups)}
            short = [group for group in groups.values() if is_short(group, counted)]
            room = A_TURN - len(found)
            page = listing.page(connection, short, self._place, room)
        self._place = page[-1].place if page and len(page) == room else FIRST
        found |= {record.id: record for record in page if self._stays(record)}
        return self._by_holder(list(found.values()), counted)

    def _stays(self, record: Listed) -> bool:
        """True if it was not asked about, and has not changed, for long enough."""
        latest = max(record.changed_at, record.asked_at or 0.0)
        return self._clock.now() - latest >= self._patience.after_s

    def _by_holder(
        self, records: Sequence[Listed], counted: Ids
    ) -> list[tuple[Miner, list[Listed]]]:
        miners = {miner.id: miner for miner in self._roster.miners}
        found: defaultdict[int, list[Listed]] = defaultdict(list)
        for record in records:
            living = sorted(record.group.holders & counted)
            if living:  # of a LOST record there is nobody to ask: it waits in the books
                found[self._random.choice(living)].append(record)
        return [(miners[miner], mine) for miner, mine in found.items()]

    async def _hand(self, miner: Miner, records: list[Listed], asked: list[int]) -> None:
        cids = [record.cid for record in records]
        nonce = f"{self._random.getrandbits(128):032x}"
        answer = await self._asker.repair(miner.url, miner.hotkey, cids, self._signer, nonce)
        if isinstance(answer, Asked):
            self.handed += answer.message.accepted
            asked += [record.id for record in records]
        else:
            log.warning("a holder takes no repairs", uid=miner.uid, reason=answer.detail)

    def _note(self, asked: list[int]) -> None:
        with self._state.write() as tx:
            repairs.asked(tx, asked, self._clock.now())
        log.info("records handed to their holders for repair", records=len(asked))


def is_short(group: Group, counted: Ids) -> bool:
    """True for users' records that are DEGRADED although a living miner is to hold them too."""
    degraded = status_of(group, counted) is Replication.DEGRADED
    return not group.own and degraded and bool(group.missing & counted)
