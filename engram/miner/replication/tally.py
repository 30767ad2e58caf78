"""What replication has done since the node started, for /stats and /metrics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Counts that only grow."""

    delivered: int = 0
    """Records that another member acknowledged with a receipt."""
    found_there: int = 0
    """That a member had already when it was asked before a repair."""
    refused: int = 0
    """That a member will never take."""
    rejected: int = 0
    """That a member found to be other bytes than their CID says: this node's disk or memory."""
    not_due: int = 0
    """That no longer belonged to the member by the time it could be reached."""
    requests: int = 0
    """POST /replica."""
    failures: int = 0
    """Requests without a good answer, of any kind."""
    forged: int = 0
    """Receipts that are not what they should be."""
