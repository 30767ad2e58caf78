"""The HTTP face of the rooms: decode, call, encode."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from aiohttp import web

from engram.chain.interface import Neuron
from engram.dht import Member
from engram.errors import NotReady
from engram.miner.batch import Batch
from engram.miner.challenge import Challenge
from engram.miner.draft import Json
from engram.miner.health import Health
from engram.miner.ingest import Ingest
from engram.miner.members import Members
from engram.miner.node import Node
from engram.miner.openapi import document
from engram.miner.query import Query
from engram.miner.records import Records
from engram.miner.replication import frame
from engram.miner.replication.replication import Replication
from engram.miner.stats import Stats
from engram.miner.stream import stream_outcomes
from engram.net.body import JSON, NDJSON, content_type, read_body
from engram.net.decode import Decoded, decode
from engram.net.limits import AddressLimits
from engram.net.reply import encode, json_reply
from engram.protocol import (
    BatchChallengeRequest,
    BatchIngestRequest,
    BatchRetrieveRequest,
    ChallengeRequest,
    CompareRequest,
    HasRequest,
    IngestRequest,
    ListRequest,
    Message,
    QueryRequest,
    RepairReply,
    RepairRequest,
)

M = TypeVar("M", bound=Message)

LARGE_BODY = 256 * 1024  # bytes; parsing more than this takes milliseconds, so not on the loop
METRICS_TYPE = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}


class Api:
    """One method for each Endpoint, named by its operation."""

    def __init__(self, node: Node, limits: AddressLimits) -> None:
        self.node = node
        self.limits = limits
        self._health = Health(node)
        self._stats = Stats(node)
        self._ingest = Ingest(node)
        self._query = Query(node)
        self._members = Members(node)
        self._challenge = Challenge(node, self._members)
        self._records = Records(node, self._members)
        self._ingests = Batch(node, IngestRequest, self._ingest.many)
        self._challenges = Batch(node, ChallengeRequest, self._challenge.many)
        self._document = encode(document())

    async def ingest(self, request: web.Request) -> web.StreamResponse:
        """POST /IngestSynapse."""
        message, warnings = await self._read(request, IngestRequest)
        return reply(await self._ingest.one(message), warnings)

    async def query(self, request: web.Request) -> web.StreamResponse:
        """POST /QuerySynapse."""
        message, warnings = await self._read(request, QueryRequest)
        return reply(await self._query.one(message), warnings)

    async def challenge(self, request: web.Request) -> web.StreamResponse:
        """POST /ChallengeSynapse."""
        message, warnings = await self._read(request, ChallengeRequest)
        return reply(await self._challenge.one(message), warnings)

    async def health(self, _: web.Request) -> web.StreamResponse:
        """GET /health."""
        return json_reply(self._health.alive())

    async def ready(self, _: web.Request) -> web.StreamResponse:
        """GET /ready."""
        return json_reply(self._health.ready())

    async def stats(self, _: web.Request) -> web.StreamResponse:
        """GET /stats."""
        return json_reply(await self._stats.now())

    async def metrics(self, _: web.Request) -> web.StreamResponse:
        """GET /metrics."""
        text = await self.node.bulk.run(self.node.metrics.text)
        return web.Response(body=text, headers=METRICS_TYPE)

    async def retrieve(self, request: web.Request) -> web.StreamResponse:
        """GET /retrieve/{cid}."""
        return json_reply(await self._records.retrieve(request.match_info["cid"]))

    async def batch_retrieve(self, request: web.Request) -> web.StreamResponse:
        """POST /batch/retrieve."""
        message, warnings = await self._read(request, BatchRetrieveRequest)
        return reply(await self._records.several(message), warnings)

    async def has(self, request: web.Request) -> web.StreamResponse:
        """POST /has."""
        message, warnings = await self._read(request, HasRequest)
        return reply(await self._records.has(message), warnings)

    async def list_records(self, request: web.Request) -> web.StreamResponse:
        """POST /list. A page may be megabytes, so it is encoded off the loop."""
        message, warnings = await self._read(request, ListRequest)
        page = await self._records.page(message)
        return await self.node.bulk.run(reply, page, warnings)

    async def batch_ingest(self, request: web.Request) -> web.StreamResponse:
        """POST /batch/ingest."""
        return await self._batch(request, BatchIngestRequest, self._ingests)

    async def batch_challenge(self, request: web.Request) -> web.StreamResponse:
        """POST /batch/challenge."""
        return await self._batch(request, BatchChallengeRequest, self._challenges)

    async def replica(self, request: web.Request) -> web.StreamResponse:
        """POST /replica."""
        sender, body = await self.node.senders.member(request, frame.CONTENT_TYPE)
        carried = await self.node.bulk.run(frame.decode, body)
        taken = await self._replication().receiver.take(sender, carried)
        return await self.node.bulk.run(model_reply, taken)

    async def compare(self, request: web.Request) -> web.StreamResponse:
        """POST /compare. What is a default is left out: there are hundreds of ranges."""
        sender, (message, warnings) = await self._signed(request, CompareRequest)
        found = await self._replication().compare.answer(sender, message)
        named = found.model_copy(update={"warnings": warnings})
        return await self.node.bulk.run(model_reply, named, exclude_defaults=True)

    async def repair(self, request: web.Request) -> web.StreamResponse:
        """POST /repair."""
        _, (message, warnings) = await self._permitted(request, RepairRequest)
        accepted = await self._replication().foreign.look_after(message.cids)
        return model_reply(RepairReply(accepted=accepted, warnings=warnings))

    async def peers(self, _: web.Request) -> web.StreamResponse:
        """GET /peers."""
        return json_reply(await self._members.peers())

    async def route(self, request: web.Request) -> web.StreamResponse:
        """GET /route/{cid}."""
        return json_reply(await self._members.route(request.match_info["cid"]))

    async def openapi(self, _: web.Request) -> web.StreamResponse:
        """GET /openapi.json."""
        return web.Response(body=self._document, content_type=JSON)

    async def _batch(
        self,
        request: web.Request,
        envelope: type[BatchIngestRequest] | type[BatchChallengeRequest],
        batch: Batch[M],
    ) -> web.StreamResponse:
        if content_type(request, JSON, NDJSON) == NDJSON:
            outcomes_of = partial(self._paid_lines, request, batch)
            return await stream_outcomes(request, self.node.bodies, outcomes_of)
        message, warnings = await self._read(request, envelope)
        self.limits.charge(request.remote, len(message.items) - 1)
        return reply({"outcomes": await batch.values(message.items), "warnings": []}, warnings)

    async def _paid_lines(
        self, request: web.Request, batch: Batch[M], lines: Sequence[bytes]
    ) -> list[Json]:
        self.limits.charge(request.remote, len(lines))
        return await batch.lines(lines)

    async def _read(self, request: web.Request, model: type[M]) -> Decoded[M]:
        content_type(request, JSON)
        return await self._decode(await read_body(request, self.node.bodies), model)

    async def _signed(self, request: web.Request, model: type[M]) -> tuple[Member, Decoded[M]]:
        """A message that a member signed, and who that is. See Senders.member for what it raises.

        For a message that names a placement, ``replication.agreed`` says by which members.
        """
        sender, body = await self.node.senders.member(request, JSON)
        return sender, await self._decode(body, model)

    async def _permitted(self, request: web.Request, model: type[M]) -> tuple[Neuron, Decoded[M]]:
        """A message that a validator with a permit signed, and who that is."""
        sender, body = await self.node.senders.validator(request, JSON)
        return sender, await self._decode(body, model)

    def _replication(self) -> Replication:
        """What a request from another member needs. Raises NotReady while it loads."""
        replication = self.node.replication
        if replication is None:
            raise NotReady("The store is still loading; /ready says when.", retry_after=1)
        return replication

    async def _decode(self, body: bytes, model: type[M]) -> Decoded[M]:
        if len(body) > LARGE_BODY:
            return await self.node.bulk.run(decode, body, model)
        return decode(body, model)


def reply(value: Json, warnings: list[str]) -> web.Response:
    """The value as the response, with what decoding ignored added to its warnings."""
    value["warnings"] += warnings
    return json_reply(value)


def model_reply(message: Message, *, exclude_defaults: bool = False) -> web.Response:
    """A message as the response."""
    body = message.model_dump_json(exclude_defaults=exclude_defaults).encode()
    return web.Response(body=body, content_type=JSON)
