"""What the world knows of every record: who has an intact copy, and what was promised to whom."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from engram.storage.interface import Embedding, Metadata
from tests.simulation.disk import Disk


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass(frozen=True)
class Sent:
    """A record as its client made it."""

    cid: str
    embedding: Embedding
    metadata: Metadata


class Books:
    """Watches all disks. ``honest`` says whose copies count."""

    def __init__(self, honest: Callable[[str], bool]) -> None:
        self._honest = honest
        self.known: dict[str, Sent] = {}
        """Whatever a client has sent, by CID."""
        self.acknowledged: dict[str, float] = {}
        """When the first client was told that it is stored."""
        self.holders: defaultdict[str, set[str]] = defaultdict(set)
        """CID to the honest disks with an intact copy."""
        self.had: defaultdict[str, set[str]] = defaultdict(set)
        """CID to the disks that it ever came to."""
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def arrived(self, disk: Disk, cid: str) -> None:
        self.had[cid].add(disk.name)
        if self._honest(disk.name):
            self.holders[cid].add(disk.name)

    def left(self, disk: Disk, cid: str) -> None:
        if not self._honest(disk.name):
            return
        self.holders[cid].discard(disk.name)
        if cid in self.acknowledged and not self.holders[cid]:
            self.fail(f"{disk.name} gave up the last copy of {cid}, which was acknowledged")

    def promise(self, sent: Sent) -> None:
        """A client was told that the record is stored."""
        loop = asyncio.get_running_loop()
        self.acknowledged.setdefault(sent.cid, loop.time())
        if not self.holders[sent.cid]:
            self.fail(f"{sent.cid} was acknowledged, and no honest disk has it")

    def signed(self, name: str, cid: str) -> None:
        """A client was shown the miner's receipt for the record."""
        if self._honest(name) and name not in self.had[cid]:
            self.fail(f"{name} signed for {cid}, which it never had")

    def may_take(self, disk: Disk, cids: list[str]) -> bool:
        """True if another honest disk has each of these: a fault may take them from this one."""
        return all(self.holders[cid] - {disk.name} for cid in cids)

    def fail(self, what: str) -> None:
        """An invariant is broken; the simulation ends."""
        if not self.broken.done():
            self.broken.set_exception(Broken(what))
