"""What nodes say to each other about who holds what: copies, receipts, comparisons, routes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict

from engram.core.limits import MAX_UID, REPLICAS
from engram.protocol.fields import HEX_32_BYTES, MAX_HAS, Cid, Message, Warnings

MAX_REPLICAS = 256  # records in one POST /replica
MAX_RANGES = 64  # compared in one request
SPLIT = 8  # parts that a range which differs is cut into; 16 cost a fifth more bytes
LISTED_AT_MOST = 64  # records in a range that is listed instead of split
MAX_WANTED = 1_000  # records asked for in one comparison
MAX_ABSENT = 255  # members that a sender may take as absent: all others on the largest subnet
HEX_64_BYTES = r"^[0-9a-f]{128}$"

Uid = Annotated[int, Strict(), Field(ge=0, le=MAX_UID)]
Placement = Annotated[int, Strict(), Field(ge=0, description="number of the placement block")]
Digest = Annotated[str, Strict(), Field(pattern=HEX_32_BYTES, description="of a CID")]
Bound = Annotated[
    str,
    Strict(),
    Field(
        pattern=r"^([0-9a-f]{2}){0,32}$",
        description="first bytes of a digest; those that are left out are zero",
    ),
]
Absent = Annotated[
    list[Uid],
    Field(
        max_length=MAX_ABSENT,
        description="members that the sender has not reached for long; the next ones in order "
        "stand in for them",
    ),
]


class SignedReceipt(Message):
    """A holder's word that a record is on its disk: evidence for whoever reads it.

    ``signature`` (sr25519) covers ``engram.core.receipt.receipt_bytes``.
    """

    cid: Cid
    size: int = Field(ge=1, description="record bytes, docs/protocol.md section 1")
    placement: Placement
    hotkey: str = Field(description="SS58 address of the holder")
    signature: Annotated[str, Field(pattern=HEX_64_BYTES)]


class Replicas(Message):
    """How far a record has come by the time of the reply."""

    required: int = Field(ge=1, le=REPLICAS, description="min(3, members)")
    acknowledged: int = Field(ge=0, le=REPLICAS, description="assigned members that have it")
    receipts: list[SignedReceipt] = []


class ReplicaAck(Message):
    """One record of POST /replica is on disk here."""

    cid: Cid
    duplicate: bool
    receipt: SignedReceipt


class ReplicaError(Message):
    """One record of POST /replica that is not."""

    cid: Cid
    error: str
    code: str


class ReplicaReply(Message):
    """POST /replica (binary body, signed): an outcome for each record, in order."""

    placement: Placement
    outcomes: list[ReplicaAck | ReplicaError]
    warnings: Warnings = []


class Range(Message):
    """CIDs from ``low`` to below ``high`` (null: to the end), and what they amount to.

    ``fingerprint``: see ``engram.core.ranges``.
    """

    low: Bound
    high: Bound | None
    count: Annotated[int, Strict(), Field(ge=0)]
    fingerprint: Annotated[str, Strict(), Field(pattern=HEX_32_BYTES)]


class CompareRequest(Message):
    """POST /compare (signed): do we hold the same of what both of us are to hold?

    What is compared are the CIDs for which sender and receiver are both among the holders, by this
    placement and with these members absent. Records that a node refuses count as held.
    """

    placement: Placement
    absent: Absent = []
    ranges: Annotated[list[Range], Field(max_length=MAX_RANGES)]
    wanted: Annotated[
        list[Digest],
        Field(max_length=MAX_WANTED, description="the receiver holds these, the sender lacks them"),
    ] = []


class RangeAnswer(Message):
    """Of one range: the same here; or split into parts; or every digest that is held here."""

    same: bool
    parts: list[Range] = []
    held: list[Digest] | None = None


class CompareReply(Message):
    """One answer for each range, in order."""

    placement: Placement
    answers: list[RangeAnswer]
    queued: int = Field(0, ge=0, description="of the wanted, how many will be sent")
    warnings: Warnings = []


class RepairRequest(Message):
    """POST /repair (signed by a validator with a permit): see that these have all their holders."""

    cids: Annotated[list[Cid], Field(min_length=1, max_length=MAX_HAS)]


class RepairReply(Message):
    """How many of the CIDs are held here and will be looked after."""

    accepted: int
    warnings: Warnings = []


class Holder(Message):
    """A member that a CID is placed at."""

    uid: Uid
    hotkey: str
    url: str


class RouteHolder(Holder):
    """One member on the way of a CID."""

    role: Literal["primary", "secondary", "stand-in"]
    distance: Annotated[str, Field(pattern=HEX_32_BYTES, description="node id XOR key")]
    reachable: bool


class RouteReply(Message):
    """GET /route/{cid}: who is to hold it, nearest first, by this node's view."""

    cid: Cid
    placement: int | None = Field(description="null: the node is alone")
    holders: list[RouteHolder]
    held: bool = Field(description="by this node")
    warnings: Warnings = []


class Peer(Holder):
    """A member as this node sees it."""

    node_id: Annotated[str, Field(pattern=HEX_32_BYTES)]
    registered_at: int = Field(description="block")
    registered_hash: Annotated[
        str,
        Field(pattern=HEX_32_BYTES, description="of that block; node_id follows from it and uid"),
    ]
    reachable: bool
    silent_s: float | None = Field(description="seconds without an answer; null while it answers")
    waiting: int = Field(description="records in the outbox for it")
    itself: bool = Field(description="the node that answers")


class PeersReply(Message):
    """GET /peers: the members, by ascending UID."""

    placement: int | None
    previous: int | None
    members: list[Peer]
    warnings: Warnings = []


class PageReceipt(Message):
    """One signature over all CIDs of a page of POST /list."""

    count: int
    digest: Annotated[str, Field(pattern=HEX_32_BYTES, description="SHA-256 over the digests")]
    placement: int | None
    hotkey: str
    signature: Annotated[str, Field(pattern=HEX_64_BYTES)]
