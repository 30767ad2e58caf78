"""Who may hold records, as of one placement block."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engram.core import assign, assign_many, nearest_many
from engram.core.limits import REPLICAS
from engram.dht.cover import Cover
from engram.dht.distance import key_of, node_id_of, xor_distance

SEAT_UID_BITS = 16
NOBODY = -1  # in the place of a UID


class Placed(Protocol):
    """A finalized block, as far as placement looks at it."""

    @property
    def number(self) -> int: ...
    @property
    def hash(self) -> bytes: ...


class Announced(Protocol):
    """An address on the chain."""

    @property
    def url(self) -> str: ...


class Listed(Protocol):
    """A neuron in a snapshot, as far as placement looks at it."""

    @property
    def uid(self) -> int: ...
    @property
    def hotkey(self) -> str: ...
    @property
    def public_key(self) -> bytes: ...
    @property
    def axon(self) -> Announced | None: ...
    @property
    def registered_at(self) -> int: ...
    @property
    def registered_hash(self) -> bytes | None: ...


class Listing(Protocol):
    """A snapshot of a subnet: what the chain room hands out fits, without being named here."""

    @property
    def block(self) -> Placed: ...
    @property
    def neurons(self) -> Sequence[Listed]: ...


@dataclass(frozen=True)
class Member:
    """A miner that placement counts on."""

    uid: int
    hotkey: str
    """SS58 address."""
    public_key: bytes
    """The hotkey's 32 bytes."""
    url: str
    registered_at: int
    """Block in which the UID was taken."""
    registered_hash: bytes
    """That block's 32-byte hash."""

    @cached_property
    def node_id(self) -> bytes:
        """32 bytes."""
        return node_id_of(self.uid, self.registered_hash)

    @property
    def seat(self) -> int:
        """The registration as one number, 0..2**63 - 1: it outlives changes of address and hotkey.

        What waits for a member on disk is kept under it; a UID that changes hands is another seat.
        """
        return self.registered_at << SEAT_UID_BITS | self.uid


@dataclass(frozen=True)
class Membership:
    """The members at one placement block. Every node that reads the same chain has the same."""

    number: int
    """Of the placement block."""
    block_hash: bytes
    """Its 32-byte hash."""
    members: tuple[Member, ...]
    """By ascending UID."""

    @cached_property
    def _by_uid(self) -> dict[int, Member]:
        return {member.uid: member for member in self.members}

    @cached_property
    def _pairs(self) -> list[tuple[int, bytes]]:
        return [(member.uid, member.registered_hash) for member in self.members]

    @cached_property
    def cover(self) -> Cover:
        """Whom a search must ask, and what it misses without an answer of some."""
        return Cover(self.members)

    def assigned(self, cid: str) -> tuple[Member, ...]:
        """The up to three members that hold the CID, primary first. Raises InvalidCid."""
        return tuple(self._by_uid[uid] for uid in assign(cid, self._pairs))

    def assigned_many(self, cids: Sequence[str]) -> list[tuple[Member, ...]]:
        """``assigned`` for each of many CIDs. Raises InvalidCid."""
        found = assign_many(cids, self._pairs)
        return [tuple(self._by_uid[uid] for uid in uids) for uids in found]

    def holders(self, cid: str, absent: Collection[int] = ()) -> tuple[Member, ...]:
        """The up to three members that hold the CID when those with ``absent`` UIDs do not answer.

        The next ones in order stand in for them. Without absent members this is ``assigned``.
        Raises InvalidCid.
        """
        present = self._pairs_without(absent)
        return tuple(self._by_uid[uid] for uid in assign(cid, present))

    def holders_many(
        self, digests: NDArray[np.uint8], absent: Collection[int] = ()
    ) -> NDArray[np.int32]:
        """``holders`` of many CIDs at once, at some 0.2 µs each and without the GIL.

        ``digests`` has shape (n, 32), uint8, a CID's digest in each row. Returns UIDs, shape
        (n, 3), int32, primary first; -1 where there are fewer members.
        """
        present = self._pairs_without(absent)
        packed = nearest_many(np.ascontiguousarray(digests).tobytes(), present, REPLICAS)
        found = np.frombuffer(packed, "<u2").reshape(len(digests), min(REPLICAS, len(present)))
        uids = np.full((len(digests), REPLICAS), NOBODY, np.int32)
        uids[:, : found.shape[1]] = found
        return uids

    def _pairs_without(self, absent: Collection[int]) -> list[tuple[int, bytes]]:
        if not absent:
            return self._pairs
        gone = set(absent)
        return [pair for pair in self._pairs if pair[0] not in gone]

    def order(self, cid: str) -> list[Member]:
        """All members, the nearest first: its first three are assigned. Raises InvalidCid."""
        key = key_of(cid)
        return sorted(self.members, key=lambda member: xor_distance(member.node_id, key))

    def by_hotkey(self, hotkey: str | None) -> Member | None:
        return next((member for member in self.members if member.hotkey == hotkey), None)


def admitted(current: Listing, previous: Listing) -> Iterator[tuple[Listed, Announced]]:
    """Neurons that announce an address in both snapshots and are the same registration.

    A hotkey may be swapped between the two: the place in the space is the registration's.
    """
    before = {(n.uid, n.registered_at) for n in previous.neurons if n.axon is not None}
    for neuron in current.neurons:
        if neuron.axon is not None and (neuron.uid, neuron.registered_at) in before:
            yield neuron, neuron.axon


def membership(
    current: Listing, previous: Listing, known_hashes: Mapping[int, bytes]
) -> Membership | None:
    """The members at ``current``'s block; None while a member's registration hash is unknown.

    ``known_hashes`` maps block numbers to 32-byte hashes. A node that guessed, or left the member
    out, would place records elsewhere than everybody else does.
    """
    members = []
    for neuron, axon in admitted(current, previous):
        block_hash = neuron.registered_hash or known_hashes.get(neuron.registered_at)
        if block_hash is None:
            return None
        members.append(
            Member(
                uid=neuron.uid,
                hotkey=neuron.hotkey,
                public_key=neuron.public_key,
                url=axon.url,
                registered_at=neuron.registered_at,
                registered_hash=block_hash,
            )
        )
    members.sort(key=lambda member: member.uid)
    return Membership(current.block.number, current.block.hash, tuple(members))
