"""A subnet whose placement has no member yet: the node is alone, and its own disk counts."""

from __future__ import annotations

from engram.miner.replication.spread import Placed
from tests.miner.replication.desk import Desk, at_desk, records


@at_desk
async def test_before_the_first_member_the_node_is_alone() -> None:
    desk = Desk(1)
    desk.place([])
    [placed] = await desk.put(records(1))
    assert isinstance(placed, Placed)
    assert (placed.replicas.required, placed.replicas.acknowledged) == (1, 1)
    assert placed.replicas.receipts == []
    assert desk.replication.holders.placement is None
    assert desk.peers.sent == []
