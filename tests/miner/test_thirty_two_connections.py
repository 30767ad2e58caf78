"""Thirty-two connections ingest, query, challenge, list and delete: every answer is right."""

from __future__ import annotations

import asyncio
import time
from base64 import b64decode, b64encode
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from engram.core import generate_cid, generate_response
from engram.storage import describe_holder
from tests.miner.live import LiveMiner
from tests.miner.writers import fresh_embedding

CONNECTIONS = 32
KINDS = ["ingest", "query", "challenge", "list", "retrieve", "text", "batch", "delete"]
WEIGHTS = [0.26, 0.26, 0.15, 0.08, 0.1, 0.06, 0.04, 0.05]


class Client:
    """One connection that knows what it stored, so that it can judge every answer."""

    def __init__(self, number: int, url: str, network: Any, operator: Any) -> None:
        self.number = number
        self.url = url
        self.network: aiohttp.ClientSession = network
        self.operator: aiohttp.ClientSession = operator
        self.random = np.random.default_rng(number)
        self.held: dict[str, bytes] = {}
        self.done: Counter[str] = Counter()

    async def act(self) -> None:
        """One operation, chosen by chance; the first ones store something."""
        kind = str(self.random.choice(KINDS, p=WEIGHTS)) if len(self.held) > 3 else "ingest"
        await getattr(self, kind)()
        self.done[kind] += 1

    async def post(self, path: str, body: Any, expected: int = 200) -> Any:
        async with self.network.post(self.url + path, json=body) as response:
            reply = await response.json()
            assert response.status == expected, (path, response.status, reply)
            return reply

    def any_held(self) -> tuple[str, bytes]:
        cid = list(self.held)[self.random.integers(len(self.held))]
        return cid, self.held[cid]

    def fresh(self) -> tuple[str, bytes, dict[str, Any]]:
        embedding = fresh_embedding(self.random)
        metadata = {"client": self.number, "n": len(self.held)}
        body = {"embedding_b64": b64encode(embedding).decode(), "metadata": metadata}
        return generate_cid(embedding, metadata), embedding, body

    async def ingest(self) -> None:
        cid, embedding, body = self.fresh()
        assert (await self.post("/IngestSynapse", body))["cid"] == cid
        self.held[cid] = embedding

    async def batch(self) -> None:
        made = [self.fresh() for _ in range(8)]
        body = {"items": [*[body for _, _, body in made], {"text": 0}]}
        outcomes = (await self.post("/batch/ingest", body))["outcomes"]
        assert [outcome.get("cid") for outcome in outcomes] == [*[cid for cid, _, _ in made], None]
        self.held |= {cid: embedding for cid, embedding, _ in made}

    async def query(self) -> None:
        cid, embedding = self.any_held()
        where = {"client": self.number} if self.random.random() < 0.5 else None
        question = b64encode(embedding).decode()
        body = {"query_b64": question, "top_k": 5, "where": where}
        results = (await self.post("/QuerySynapse", body))["results"]
        scores = [hit["score"] for hit in results]
        assert results[0]["cid"] == cid
        assert scores == sorted(scores, reverse=True)
        assert where is None or {hit["metadata"]["client"] for hit in results} == {self.number}

    async def challenge(self) -> None:
        cid, embedding = self.any_held()
        nonce = self.random.bytes(32).hex()
        body = {"cid": cid, "nonce_hex": nonce, "expires_at": int(time.time()) + 60}
        reply = await self.post("/ChallengeSynapse", body)
        proof = generate_response(nonce, embedding)
        assert (reply["embedding_hash"], reply["proof"]) == (proof.embedding_hash, proof.proof)

    async def list(self) -> None:
        body = {"limit": 1_000, "where": {"client": self.number}}
        records = (await self.post("/list", body))["records"]
        assert {record["cid"] for record in records} == self.held.keys()

    async def retrieve(self) -> None:
        cid, embedding = self.any_held()
        async with self.network.get(f"{self.url}/retrieve/{cid}") as response:
            assert b64decode((await response.json())["embedding_b64"]) == embedding

    async def text(self) -> None:
        word = f"word{self.random.integers(10**9)}"
        sent = {"text": f"About {word}.", "metadata": {"word": word}}
        cid = (await self.post("/IngestSynapse", sent))["cid"]
        body = {"query_text": f"About {word}.", "top_k": 1, "where": {"word": word}}
        [hit] = (await self.post("/QuerySynapse", body))["results"]
        assert (hit["cid"], hit["text"]) == (cid, sent["text"])

    async def delete(self) -> None:
        cid, embedding = self.any_held()
        async with self.operator.post(
            "http://operator/operator/delete", json={"cid": cid}
        ) as response:
            assert await response.json() == {"deleted": True}
        del self.held[cid]
        question = {"query_b64": b64encode(embedding).decode(), "top_k": 10}
        found = (await self.post("/QuerySynapse", question))["results"]
        assert cid not in {hit["cid"] for hit in found}
        body = {"cid": cid, "nonce_hex": "ab" * 32, "expires_at": int(time.time()) + 60}
        await self.post("/ChallengeSynapse", body, expected=410)


async def mix(tmp_path: Path, operations: int, seconds: float) -> Counter[str]:
    """Each client does that many operations, or as many as fit into the seconds if that is more."""
    with LiveMiner(tmp_path / "records") as miner:
        holder = describe_holder(miner.data_dir)
        assert holder is not None
        until = time.monotonic() + seconds
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        socket_file = aiohttp.UnixConnector(str(holder.operator_socket))
        async with (
            aiohttp.ClientSession(connector=connector) as network,
            aiohttp.ClientSession(connector=socket_file) as operator,
        ):
            clients = [Client(n, miner.url, network, operator) for n in range(CONNECTIONS)]

            async def work(client: Client) -> None:
                while client.done.total() < operations or time.monotonic() < until:
                    await client.act()

            async with asyncio.TaskGroup() as group:
                for client in clients:
                    group.create_task(work(client))
            for client in clients:
                await client.list()
            async with network.get(f"{miner.url}/stats") as response:
                held = sum(len(client.held) for client in clients)
                texts = sum(client.done["text"] for client in clients)
                assert (await response.json())["vectors"] == held + texts
        assert await asyncio.to_thread(miner.stop) == 0
        return sum((client.done for client in clients), Counter())


@pytest.mark.slow
async def test_a_hundred_and_fifty_operations_each(tmp_path: Path) -> None:
    done = await mix(tmp_path, operations=150, seconds=0)
    assert set(done) == set(KINDS)


@pytest.mark.chaos
async def test_for_a_minute(tmp_path: Path) -> None:
    done = await mix(tmp_path, operations=40, seconds=60)
    assert set(done) == set(KINDS)
