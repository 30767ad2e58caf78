"""The membership that two miners both go by, so that they compute the same holders."""

from __future__ import annotations

from engram.dht import Membership, RoutingTable
from engram.errors import StaleMembership


def agreed(table: RoutingTable, placement: int) -> Membership:
    """The membership at the placement block that a request names.

    Raises StaleMembership with the blocks that this node knows, for the sender to pick from.
    """
    found = table.at(placement)
    if found is not None:
        return found
    known = placements(table)
    named = " and ".join(map(str, known)) or "none"
    raise StaleMembership(
        f"This node goes by the placement blocks {named}, not {placement}.",
        details={"placements": known},
    )


def placements(table: RoutingTable) -> list[int]:
    """The placement blocks that the node accepts: the current one, then the one before."""
    return [each.number for each in (table.current, table.previous) if each is not None]
