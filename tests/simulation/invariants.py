"""What must hold at every step, whatever the faults."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from engram.dht import Member, Membership
from tests.simulation.books import Books
from tests.simulation.disk import digest_rows
from tests.simulation.miner import Miner
from tests.simulation.world import World

PER_MINUTE = 20  # messages to a peer, beside those that copies need
PER_COPY = 3
STAND_INS = 6  # places in the order of a CID that may have to hold it while others are absent
REMEMBERED_BLOCKS = 125  # a placement is gone by then, even where the chain was out of reach
SAMPLE = 20


class Agreement:
    """Nodes that are at the same placement block give the same assignment."""

    def __init__(self, world: World, books: Books) -> None:
        self._world = world
        self._books = books
        self._members: dict[int, tuple[Member, ...]] = {}

    def check(self) -> None:
        for miner in self._world.miners:
            if miner.node is None:
                continue
            for found in (miner.node.table.current, miner.node.table.previous):
                if found is not None:
                    self._compare(miner, found)

    def _compare(self, miner: Miner, found: Membership) -> None:
        first = self._members.setdefault(found.number, found.members)
        if first != found.members:
            self._books.fail(f"{miner.name} has other members at {found.number} than others")
        if first is found.members:
            self._check_both_ways(found)

    def _check_both_ways(self, found: Membership) -> None:
        """One by one or many at once, with and without absent members."""
        cids = list(islice(self._books.known, SAMPLE))
        absent = {member.uid for member in found.members[::3]}
        for gone in (set[int](), absent):
            many = found.holders_many(digest_rows(cids), gone)
            for cid, row in zip(sorted(cids), many.tolist(), strict=True):
                one = [member.uid for member in found.holders(cid, gone)]
                if one != [uid for uid in row if uid >= 0]:
                    self._books.fail(f"the holders of {cid} are {one} or {row}")


class Messages:
    """Replication costs no more than what is missing calls for."""

    def __init__(self, world: World, books: Books) -> None:
        self._world = world
        self._books = books
        self._sent = Counter[tuple[str, str]]()
        self._owed = self._count_owed()
        self.most = 0
        """Of all minutes and pairs."""

    def check(self) -> None:
        """To be called once a minute."""
        owed, before = self._count_owed(), self._owed
        now = self._count_sent()
        for pair, sent in (now - self._sent).items():
            limit = PER_MINUTE + PER_COPY * (owed[pair[1]] + before[pair[1]])
            self.most = max(self.most, sent)
            if sent > limit:
                self._books.fail(
                    f"{pair[0]} sent {sent} messages to {pair[1]} in a minute, {limit} are allowed"
                )
        self._sent, self._owed = now, owed

    def _count_sent(self) -> Counter[tuple[str, str]]:
        miners = {miner.name for miner in self._world.miners}
        counted = Counter[tuple[str, str]]()
        for (source, target, _), sent in self._world.network.sent.items():
            if source in miners and target in miners:
                counted[source, target] += sent
        return counted

    def _count_owed(self) -> Counter[str]:
        """Copies that each miner lacks and may have to hold, by what anybody may still go by."""
        world, cids = self._world, sorted(self._books.known)
        named: list[set[int]] = [set() for _ in cids]
        for neurons in world.ledger.since(world.ledger.head - REMEMBERED_BLOCKS):
            for uids, row in zip(named, world.nearest(cids, STAND_INS, neurons), strict=True):
                uids.update(row.tolist())
        owed = Counter[str]()
        for cid, uids in zip(cids, named, strict=True):
            for miner in (world.miners[uid] for uid in sorted(uids)):
                owed[miner.name] += cid not in miner.disk.records
        return owed


def assigned(world: World, cids: list[str]) -> NDArray[np.int32]:
    """The UIDs of the three holders of each CID, all being well."""
    return world.nearest(sorted(cids), 3)


def lacking(world: World, books: Books) -> dict[str, list[str]]:
    """CIDs whose honest holders do not all have an intact copy, and who lacks it."""
    found: dict[str, list[str]] = {}
    cids = sorted(cid for cid in books.known if books.holders[cid])
    for cid, uids in zip(cids, assigned(world, cids).tolist(), strict=True):
        names = [world.miners[uid].name for uid in uids if world.honest(world.miners[uid].name)]
        if absent := [name for name in names if name not in books.holders[cid]]:
            found[cid] = absent
    return found


def foreign(world: World, books: Books) -> dict[str, list[str]]:
    """Copies on honest disks that are not those of a holder, by disk.

    Where a holder lies, whoever has another copy cannot fetch the record back, and rightly keeps
    it.
    """
    found: dict[str, list[str]] = {}
    cids = sorted(books.known)
    for cid, uids in zip(cids, assigned(world, cids).tolist(), strict=True):
        names = {world.miners[uid].name for uid in uids}
        if all(map(world.honest, names)):
            for name in sorted(books.holders[cid] - names):
                found.setdefault(name, []).append(cid)
    return found
