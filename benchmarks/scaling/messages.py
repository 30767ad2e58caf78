"""How many bytes the network's own messages take, by making them."""

from __future__ import annotations

import orjson

from engram.core.ranges import DigestSet
from engram.core.receipt import record_size
from engram.protocol import CompareReply, CompareRequest, ReplicaAck, SignedReceipt
from engram.protocol.nodes import Range, RangeAnswer

CID = "v1::" + "0" * 64
HOTKEY = "5" * 48
HEAD_BYTES = 700  # of a signed request and its reply, in HTTP/1.1
PLACEMENT = 7_000_000  # block numbers of a chain that is three years old


def has_bytes() -> int:
    """Asking a member for one record that it lacks, among many in a request."""
    return len(orjson.dumps([CID]))


def acknowledgement_bytes() -> int:
    """A member's word that one record is on its disk."""
    receipt = SignedReceipt(
        cid=CID,
        size=record_size({}),
        placement=PLACEMENT,
        hotkey=HOTKEY,
        signature="0" * 128,
    )
    return len(ReplicaAck(cid=CID, duplicate=False, receipt=receipt).model_dump_json())


def comparison_bytes(common: DigestSet) -> int:
    """Two members find that they hold the same."""
    span = common.span()
    whole = Range(
        low=span.low.hex(), high=None, count=span.count, fingerprint=span.fingerprint.hex()
    )
    request = CompareRequest(placement=PLACEMENT, ranges=[whole])
    reply = CompareReply(placement=PLACEMENT, answers=[RangeAnswer(same=True)], queued=0)
    sizes = (len(each.model_dump_json(exclude_defaults=True).encode()) for each in (request, reply))
    return HEAD_BYTES + sum(sizes)
