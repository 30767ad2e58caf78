"""Miners without sockets, which can be told to misbehave: hundreds fit into one process.

They place what they are given as the real ones do: the receiver hands copies to the members that
placement names, each signs a receipt with its own key, and the reply carries them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

from engram.core import generate_cid, generate_response
from engram.core.embedding import Embedding, from_base64, normalise, to_base64
from engram.core.receipt import page_digest, page_receipt_bytes, receipt_bytes, record_size
from engram.dht import Membership
from engram.validator.miner_client import Answer, Request
from engram.validator.verdict import Failure, Verdict
from tests.chain.worlds import signer
from tests.validator.chain_in_memory import miner_name

Json = dict[str, Any]
OFF = Failure(Verdict.UNREACHABLE, "connection refused")


@dataclass
class Held:
    vector: Embedding
    unit: Embedding
    metadata: Json


@dataclass
class SimulatedMiner:
    """Honest unless told otherwise."""

    uid: int
    random: Random
    records: dict[str, Held] = field(default_factory=dict)
    seconds: float = 0.02
    """What every answer takes."""
    dead: bool = False
    keeps: Callable[[str], bool] = lambda cid: True
    finds_at_random: bool = False
    fails_proofs: bool = False
    ingest_failure: Failure | None = None
    proof_failure: Failure | None = None
    repair_failure: Failure | None = None
    age_ms: int = 5_000
    """Of every record, as it tells others."""
    forwards: bool = True
    signs: bool = True
    forges: Callable[[Json], Json] = lambda receipt: receipt
    """What it makes of the receipts that it passes on."""
    repairs: list[str] = field(default_factory=list)
    """CIDs that a validator asked it to look after."""
    network: SimulatedNetwork | None = None

    @property
    def hotkey(self) -> str:
        return signer(miner_name(self.uid)).hotkey

    def answer(self, request: Request) -> Answer | Failure:
        if self.dead:
            return OFF
        path, body = request.path, json.loads(json.dumps(request.body))
        if path == "/IngestSynapse":
            return self.ingest(body)
        if path == "/QuerySynapse":
            return self.reply({"results": self.results(body), "latency_ms": 1.0})
        if self.proof_failure is not None and is_proof(path):
            return self.proof_failure
        if path == "/ChallengeSynapse":
            return self.one(self.proof(body))
        if path == "/batch/challenge":
            return self.reply({"outcomes": [self.proof(item) for item in body["items"]]})
        if path == "/list":
            return self.reply(self.page(body))
        if path == "/has":
            return self.reply({"held": {c: self.age_ms for c in body["cids"] if c in self.records}})
        if path == "/repair":
            return self.look_after(request)
        assert path.startswith("/retrieve/"), path
        return self.one(self.record(path.removeprefix("/retrieve/")))

    def reply(self, value: Json) -> Answer:
        return Answer(json.dumps(value).encode(), self.seconds)

    def one(self, value: Json) -> Answer | Failure:
        if value.get("error"):
            return Failure(Verdict.REFUSED, f"It answered {value['code']}.", code=value["code"])
        return self.reply(value)

    def ingest(self, body: Json) -> Answer | Failure:
        if self.ingest_failure is not None:
            return self.ingest_failure
        vector = from_base64(body["embedding_b64"])
        cid = generate_cid(vector, body["metadata"])
        duplicate = self.take(cid, vector, body["metadata"])
        stored = {"cid": cid, "truncated": False, "duplicate": duplicate, "exact": True}
        return self.reply(stored | self.replicated(cid, vector, body["metadata"]))

    def take(self, cid: str, vector: Embedding, metadata: Json) -> bool:
        """Keep a record; True if it was there."""
        duplicate = cid in self.records
        if self.keeps(cid):
            self.records[cid] = Held(vector, normalise(vector), metadata)
        return duplicate

    def replicated(self, cid: str, vector: Embedding, metadata: Json) -> Json:
        """Hand copies to the holders, and collect what they sign."""
        membership = self.network.membership() if self.network else None
        if self.network is None or membership is None:
            return {}
        holders = [self.network.by_uid[member.uid] for member in membership.assigned(cid)]
        given = []
        for holder in holders:
            if holder is self or (self.forwards and holder.takes_copies()):
                holder.take(cid, vector, metadata)
                given += holder.receipt(cid, metadata, membership.number)
        return {
            "replicas": {
                "required": len(holders),
                "acknowledged": len(given),
                "receipts": [self.forges(receipt) for receipt in given],
            }
        }

    def takes_copies(self) -> bool:
        return not self.dead and self.ingest_failure is None

    def receipt(self, cid: str, metadata: Json, placement: int) -> list[Json]:
        if not self.signs:
            return []
        size = record_size(metadata)
        message = receipt_bytes(cid, size, placement, self.hotkey)
        signature = signer(miner_name(self.uid)).sign(message).hex()
        return [
            {
                "cid": cid,
                "size": size,
                "placement": placement,
                "hotkey": self.hotkey,
                "signature": signature,
            }
        ]

    def page(self, body: Json) -> Json:
        """Records in order of arrival, signed for as a page."""
        start = int(body.get("cursor") or 0)
        cids = list(self.records)[start : start + body["limit"]]
        end = start + len(cids)
        return {
            "records": [self.record(cid) for cid in cids],
            "cursor": str(end) if end < len(self.records) else None,
            "receipt": self.page_receipt(cids) if self.signs else None,
        }

    def page_receipt(self, cids: list[str]) -> Json:
        membership = self.network.membership() if self.network else None
        placement = membership.number if membership else None
        digest = page_digest(cids)
        message = page_receipt_bytes(len(cids), digest, placement, self.hotkey)
        return {
            "count": len(cids),
            "digest": digest,
            "placement": placement,
            "hotkey": self.hotkey,
            "signature": signer(miner_name(self.uid)).sign(message).hex(),
        }

    def look_after(self, request: Request) -> Answer | Failure:
        if self.repair_failure is not None:
            return self.repair_failure
        assert request.headers["Engram-Receiver"] == self.hotkey
        self.repairs += request.body["cids"]
        return self.reply({"accepted": len(request.body["cids"])})

    def results(self, body: Json) -> list[Json]:
        wanted = body.get("where", {}).items()
        found = [
            (cid, held)
            for cid, held in self.records.items()
            if all(held.metadata.get(key) == value for key, value in wanted)
        ]
        if self.finds_at_random:
            return [self.made_up() for _ in range(body["top_k"])]
        query = normalise(from_base64(body["query_b64"]))
        scores = np.array([held.unit for _, held in found]).reshape(-1, 384) @ query
        best = sorted(range(len(found)), key=lambda n: (-scores[n], found[n][0]))[: body["top_k"]]
        return [self.hit(found[n][0], float(scores[n]), found[n][1].metadata) for n in best]

    def made_up(self) -> Json:
        return self.hit(f"v1::{self.random.randbytes(32).hex()}", self.random.random(), {})

    def hit(self, cid: str, score: float, metadata: Json) -> Json:
        return {"cid": cid, "score": score, "metadata": metadata, "text": None, "age_ms": 5}

    def proof(self, item: Json) -> Json:
        held = self.records.get(item["cid"])
        if held is None:
            return {"error": "This node does not hold it.", "code": "not_found"}
        vector = -held.vector if self.fails_proofs else held.vector
        response = generate_response(item["nonce_hex"], vector)
        return {"cid": item["cid"], **response._asdict()}

    def record(self, cid: str) -> Json:
        held = self.records.get(cid)
        if held is None:
            return {"error": "This node does not hold it.", "code": "not_found"}
        return {
            "cid": cid,
            "model_version": "v1",
            "metadata": held.metadata | ({"forged": True} if self.fails_proofs else {}),
            "embedding_b64": to_base64(held.vector),
            "text": None,
            "stored_at": 1.0,
        }


class SimulatedNetwork:
    """A Transport to simulated miners. ``cut``: none of them can be reached from here."""

    def __init__(self, miners: dict[str, SimulatedMiner]) -> None:
        self.miners = miners
        self.by_uid = {miner.uid: miner for miner in miners.values()}
        self.membership: Callable[[], Membership | None] = lambda: None
        """What the miners know of the chain."""
        self.cut = False
        self.requests: list[Request] = []
        for miner in miners.values():
            miner.network = self

    async def send(self, request: Request) -> Answer | Failure:
        self.requests.append(request)
        return OFF if self.cut else self.miners[request.url].answer(request)


def half(cid: str) -> bool:
    """True for half of all CIDs."""
    return int(cid[-1], 16) % 2 == 0


def query_of(request: Request) -> bytes:
    return base64.b64decode(request.body["query_b64"])


def is_proof(path: str) -> bool:
    """True for all that a challenge round asks."""
    return path.startswith(("/ChallengeSynapse", "/batch/challenge", "/retrieve/"))
