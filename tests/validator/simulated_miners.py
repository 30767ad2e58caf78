"""Miners without sockets, which can be told to misbehave: hundreds fit into one process."""

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
from engram.validator.miner_client import Answer, Request
from engram.validator.verdict import Failure, Verdict

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

    def answer(self, request: Request) -> Answer | Failure:
        if self.dead:
            return OFF
        path, body = request.path, json.loads(json.dumps(request.body))
        if path == "/IngestSynapse":
            return self.ingest(body)
        if path == "/QuerySynapse":
            return self.reply({"results": self.results(body), "latency_ms": 1.0})
        if path == "/ChallengeSynapse":
            return self.one(self.proof(body))
        if path == "/batch/challenge":
            return self.reply({"outcomes": [self.proof(item) for item in body["items"]]})
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
        duplicate = cid in self.records
        if self.keeps(cid):
            self.records[cid] = Held(vector, normalise(vector), body["metadata"])
        return self.reply({"cid": cid, "truncated": False, "duplicate": duplicate, "exact": True})

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
        self.cut = False
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Answer | Failure:
        self.requests.append(request)
        return OFF if self.cut else self.miners[request.url].answer(request)


def half(cid: str) -> bool:
    """True for half of all CIDs."""
    return int(cid[-1], 16) % 2 == 0


def query_of(request: Request) -> bytes:
    return base64.b64decode(request.body["query_b64"])
