"""Whom the validator judges: the members of the current placement, as the chain names them now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engram.chain.interface import Neuron, Snapshot
from engram.core import parse_cid
from engram.dht import Membership, RoutingTable
from engram.net.addresses import is_global
from engram.validator.state import State
from engram.validator.state.database import fact, set_fact
from engram.validator.state.miners import miner_id
from engram.validator.state.pool import live_records

LATEST = "roster"


@dataclass(frozen=True, slots=True)
class Miner:
    """A member of the placement, under the id that its evidence is kept by."""

    id: int
    uid: int
    hotkey: str
    url: str


@dataclass(frozen=True, slots=True)
class Assignments:
    """Who is to hold which of the validator's own records."""

    miners: dict[int, Miner]
    """By id."""
    placement: int
    """Number of the placement block; -1 while there is none."""
    records: dict[int, frozenset[int]]
    """The validator's own records to the ids of the miners that placement names for them."""

    def of(self, miner: int) -> set[int]:
        """The records that a miner is assigned."""
        return {record for record, miners in self.records.items() if miner in miners}


NOBODY = Assignments({}, -1, {})


class Roster:
    """Keeps the members and the last snapshot; both outlive the process. Blocks on the disk."""

    def __init__(self, table: RoutingTable, state: State, *, public: bool) -> None:
        """``public``: strangers announce addresses, so only global ones are asked."""
        self.table = table
        self._state = state
        self._public = public
        with state.read() as connection:
            kept = fact(connection, LATEST) or []
        self._miners = tuple(Miner(*each) for each in kept)

    @property
    def miners(self) -> tuple[Miner, ...]:
        """By ascending UID. Those that left the subnet since the placement block are left out."""
        return self._miners

    def update(self, latest: Snapshot) -> None:
        """Take hotkeys and addresses from the newest snapshot, members from the placement."""
        members = self.table.current.members if self.table.current else ()
        placed = {(member.uid, member.registered_at) for member in members}
        neurons = [n for n in latest.neurons if (n.uid, n.registered_at) in placed]
        with self._state.write() as tx:
            miners = [self._miner(miner_id(tx, n), n) for n in neurons]
            known = [miner for miner in miners if miner is not None]
            set_fact(tx, LATEST, [[m.id, m.uid, m.hotkey, m.url] for m in known])
        self._miners = tuple(known)

    def assignments(self) -> Assignments:
        """Who is to hold each own record. A pass over all of them: a few ms a thousand."""
        membership = self.table.current
        if membership is None:
            return NOBODY
        with self._state.read() as connection:
            records = live_records(connection)
        by_uid = {miner.uid: miner.id for miner in self._miners}
        return Assignments(
            {miner.id: miner for miner in self._miners},
            membership.number,
            assigned(membership, records, by_uid),
        )

    @property
    def present(self) -> frozenset[int]:
        """Ids of the miners that are members now: what others confirmed does not count."""
        return frozenset(miner.id for miner in self._miners)

    @property
    def placement(self) -> int | None:
        """Number of the current placement block."""
        return self.table.current.number if self.table.current else None

    def assigned_to(self, cids: Sequence[str]) -> list[frozenset[int]]:
        """For each CID the ids of the miners that placement names."""
        return self.named(cids, ())

    def named(self, cids: Sequence[str], absent: Collection[int]) -> list[frozenset[int]]:
        """For each CID the ids of those that placement names, and of those that stand in.

        ``absent``: ids of miners that others stand in for. Empty sets while there is no placement.
        """
        membership = self.table.current
        if membership is None or not cids:
            return [frozenset()] * len(cids)
        ids = {miner.uid: miner.id for miner in self._miners}
        digests = digests_of(cids)
        away = [miner.uid for miner in self._miners if miner.id in absent]
        uids = membership.holders_many(digests)
        if away:
            uids = np.hstack([uids, membership.holders_many(digests, away)])
        return [frozenset(ids[uid] for uid in row if uid in ids) for row in uids.tolist()]

    def _miner(self, identity: int, neuron: Neuron) -> Miner | None:
        if neuron.axon is None or (self._public and not is_global(neuron.axon.url)):
            return None
        return Miner(identity, neuron.uid, neuron.hotkey, neuron.axon.url)


def assigned(
    membership: Membership, records: list[tuple[int, str]], by_uid: dict[int, int]
) -> dict[int, frozenset[int]]:
    """Record to the ids of its assigned miners, those that left since not among them."""
    found = membership.assigned_many([cid for _, cid in records])
    return {
        record: frozenset(by_uid[m.uid] for m in members if m.uid in by_uid)
        for (record, _), members in zip(records, found, strict=True)
    }


def digests_of(cids: Sequence[str]) -> NDArray[np.uint8]:
    """The digests in the CIDs, shape (n, 32), uint8. Raises InvalidCid."""
    joined = b"".join(parse_cid(cid) for cid in cids)
    return np.frombuffer(joined, np.uint8).reshape(len(cids), -1)
