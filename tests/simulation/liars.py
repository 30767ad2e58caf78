"""Miners that lie: each puts something in front of an honest miner's doors."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import orjson

from engram.core import generate_cid
from engram.core.embedding import from_base64, to_base64
from engram.core.receipt import receipt_bytes, record_size
from engram.miner.replication import frame
from tests.simulation.keys import Key
from tests.simulation.network import Handler, Reply, Request

Json = dict[str, Any]
Lie = Callable[[Handler], Handler]
LOST = {"error": "This node does not hold it.", "code": "not_found"}


def answered(reply: Reply, body: Json) -> Reply:
    return replace(reply, status=200, body=orjson.dumps(body))


def mints(random: Random) -> Lie:
    """Makes up records around whatever is searched for, and says that it has had them for ever."""
    minted: dict[str, Json] = {}

    def disguise(handler: Handler) -> Handler:
        async def handle(request: Request) -> Reply:
            reply = await handler(request)
            if request.path == "/QuerySynapse" and reply.status == 200:
                said, body = orjson.loads(request.body), orjson.loads(reply.body)
                hits = [mint(said, random) for _ in range(3)]
                minted.update({hit["cid"]: hit for hit in hits})
                results = [shown(hit) for hit in hits] + body["results"]
                return answered(reply, body | {"results": results[: said["top_k"]]})
            if request.path == "/has" and reply.status == 200:
                said, body = orjson.loads(request.body), orjson.loads(reply.body)
                held = {cid: 10**9 for cid in said["cids"] if cid in minted}
                return answered(reply, body | {"held": body["held"] | held})
            cid = request.path.removeprefix("/retrieve/")
            if cid in minted:
                return answered(reply, record_of(minted[cid]))
            return reply

        return handle

    return disguise


def mint(said: Json, random: Random) -> Json:
    """A hit that scores higher than any honest one, with a CID that is even right."""
    noise = np.array([random.gauss(0, 1e-4) for _ in range(384)], np.float32)
    vector = from_base64(said["query_b64"]) + noise
    metadata = {"text": f"minted {random.getrandbits(32)}", **(said.get("where") or {})}
    return {
        "cid": generate_cid(vector, metadata),
        "score": 0.9999,
        "metadata": metadata,
        "text": metadata["text"],
        "age_ms": 10**9,
        "vector": to_base64(vector),
    }


def shown(hit: Json) -> Json:
    """What a search shows of it."""
    return {key: value for key, value in hit.items() if key != "vector"}


def record_of(hit: Json) -> Json:
    return {
        "cid": hit["cid"],
        "model_version": "v1",
        "metadata": hit["metadata"],
        "embedding_b64": hit["vector"],
        "text": hit["text"],
        "stored_at": 1.0,
    }


def answers_wrong_bytes(random: Random) -> Lie:
    """Gives another vector for what it is asked for."""

    def disguise(handler: Handler) -> Handler:
        async def handle(request: Request) -> Reply:
            reply = await handler(request)
            if request.path.startswith("/retrieve/") and reply.status == 200:
                return answered(reply, falsified(orjson.loads(reply.body), random))
            if request.path == "/batch/retrieve" and reply.status == 200:
                outcomes = orjson.loads(reply.body)["outcomes"]
                given = [falsified(one, random) for one in outcomes]
                return answered(reply, {"outcomes": given, "warnings": []})
            if request.path == "/QuerySynapse" and reply.status == 200:
                body = orjson.loads(reply.body)
                for hit in body["results"]:
                    hit["metadata"] = hit["metadata"] | {"text": "something else"}
                return answered(reply, body)
            return reply

        return handle

    return disguise


def falsified(record: Json, random: Random) -> Json:
    """The record with another vector; an error as it is."""
    if "error" in record:
        return record
    vector = bytearray(base64.b64decode(record["embedding_b64"]))
    vector[4 * random.randrange(384)] ^= 1
    return record | {"embedding_b64": base64.b64encode(vector).decode()}


def keeps_only_hashes(random: Random) -> Lie:
    """Proves what it has thrown away: it has nothing to give and nothing to find."""

    def disguise(handler: Handler) -> Handler:
        async def handle(request: Request) -> Reply:
            reply = await handler(request)
            if reply.status == 200 and request.path.startswith("/retrieve/"):
                return replace(reply, status=404, body=orjson.dumps(LOST))
            if reply.status == 200 and request.path == "/batch/retrieve":
                lost = [LOST for _ in orjson.loads(reply.body)["outcomes"]]
                return answered(reply, {"outcomes": lost, "warnings": []})
            if reply.status == 200 and request.path == "/QuerySynapse":
                return answered(reply, orjson.loads(reply.body) | {"results": []})
            return reply

        return handle

    return disguise


def swallows(key: Key) -> Lie:
    """Signs receipts for copies that it never stores."""

    def disguise(handler: Handler) -> Handler:
        async def handle(request: Request) -> Reply:
            if request.path != "/replica":
                return await handler(request)
            carried = frame.decode(request.body)
            outcomes = [
                acknowledged(each, carried.placement, key)
                for each in carried.records
                if isinstance(each, frame.Copy)
            ]
            body = {"placement": carried.placement, "outcomes": outcomes, "warnings": []}
            return Reply(200, orjson.dumps(body))

        return handle

    return disguise


def acknowledged(copy: frame.Copy, placement: int, key: Key) -> Json:
    """A good receipt for nothing."""
    size = record_size(copy.metadata, copy.model_version)
    receipt = {
        "cid": copy.cid,
        "size": size,
        "placement": placement,
        "hotkey": key.hotkey,
        "signature": key.sign(receipt_bytes(copy.cid, size, placement, key.hotkey)).hex(),
    }
    return {"cid": copy.cid, "duplicate": False, "receipt": receipt}


def some_liars(miners: int, random: Random) -> dict[str, Lie]:
    """None to three of them, of any kind."""
    names = random.sample([f"m{uid}" for uid in range(miners)], random.randint(0, 3))
    return {name: some_lie(name, random) for name in names}


def some_lie(name: str, random: Random) -> Lie:
    kinds: tuple[Callable[[Random], Lie], ...] = (mints, answers_wrong_bytes, keeps_only_hashes)
    number = random.randrange(len(kinds) + 1)
    return swallows(Key(name)) if number == len(kinds) else kinds[number](random)
