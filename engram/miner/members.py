"""The members as this node sees them: who they are, who answers, who is to hold what."""

from __future__ import annotations

from typing import Literal

from engram.core import parse_cid
from engram.dht import Member, key_of, xor_distance
from engram.errors import NotFound
from engram.miner.draft import Json
from engram.miner.node import Node

Role = Literal["primary", "secondary", "stand-in"]


class Members:
    """Looks at the routing table, and at who stands in for whom."""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def peers(self) -> Json:
        """PeersReply. Nobody is listed while the node is alone."""
        table = self.node.table
        current, previous = table.current, table.previous
        waiting = await self.node.store.waiting() if current is not None else {}
        return {
            "placement": current.number if current else None,
            "previous": previous.number if previous else None,
            "members": [
                self._peer(member, waiting.get(member.seat, 0))
                for member in (current.members if current else ())
            ],
            "warnings": [],
        }

    async def route(self, cid: str) -> Json:
        """RouteReply. Raises InvalidCid."""
        parse_cid(cid)
        held = await self.node.store.has([cid])
        current = self.node.table.current
        return {
            "cid": cid,
            "placement": current.number if current else None,
            "holders": self._way(cid),
            "held": cid in held,
            "warnings": [],
        }

    def absence(self, cid: str) -> NotFound:
        """Says that the record is not here, and who is to have it."""
        if self.node.table.current is None:
            return NotFound(f"This node does not hold {cid}.")
        others = [holder(member) for member in self._holders(cid) if not self._is_here(member)]
        asked = "; ask one of its holders" if others else ""
        return NotFound(f"This node does not hold {cid}{asked}.", details={"holders": others})

    def _holders(self, cid: str) -> tuple[Member, ...]:
        """Who holds it now: where members are silent, with those that stand in for them."""
        replication = self.node.replication
        return replication.holders.of(cid) if replication else self.node.table.assigned(cid)

    def _way(self, cid: str) -> list[Json]:
        """Whom placement names, silent or not, then who stands in."""
        assigned = self.node.table.assigned(cid)
        stand_ins = [member for member in self._holders(cid) if member not in assigned]
        return [
            *(self._step(cid, member, "primary") for member in assigned[:1]),
            *(self._step(cid, member, "secondary") for member in assigned[1:]),
            *(self._step(cid, member, "stand-in") for member in stand_ins),
        ]

    def _step(self, cid: str, member: Member, role: Role) -> Json:
        return holder(member) | {
            "role": role,
            "distance": f"{xor_distance(member.node_id, key_of(cid)):064x}",
            "reachable": self._silent_s(member) is None,
        }

    def _peer(self, member: Member, waiting: int) -> Json:
        silent_s = self._silent_s(member)
        return holder(member) | {
            "node_id": member.node_id.hex(),
            "registered_at": member.registered_at,
            "registered_hash": member.registered_hash.hex(),
            "reachable": silent_s is None,
            "silent_s": silent_s,
            "waiting": waiting,
            "itself": self._is_here(member),
        }

    def _silent_s(self, member: Member) -> float | None:
        replication = self.node.replication
        if replication is None or self._is_here(member):
            return None
        return replication.reach.silent_s(member)

    def _is_here(self, member: Member) -> bool:
        return member.hotkey == self.node.table.hotkey


def holder(member: Member) -> Json:
    """Holder as plain data."""
    return {"uid": member.uid, "hotkey": member.hotkey, "url": member.url}
