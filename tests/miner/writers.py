"""Concurrent writers over HTTP that remember exactly what was acknowledged to them."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import aiohttp
import numpy as np

GONE = (aiohttp.ClientError, ConnectionError, asyncio.TimeoutError)


class Refusal(NamedTuple):
    """An error reply."""

    status: int
    code: str
    retry_after: str | None


@dataclass
class Ledger:
    """Every record whose CID a miner acknowledged, and the errors that ended writers."""

    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)


def fresh_embedding(random: np.random.Generator) -> bytes:
    """An embedding that no other record has.

    Noise that fills all 384 dimensions is the hardest case for a graph index: on its own it
    misses one of a thousand such records at 45,000, and an acknowledged record must be found.
    """
    return random.standard_normal(384).astype("<f4").tobytes()


def record_body(random: np.random.Generator, writer: int, number: int) -> dict[str, Any]:
    """An ingest of a fresh embedding."""
    return {
        "embedding_b64": b64encode(fresh_embedding(random)).decode(),
        "metadata": {"writer": writer, "number": number},
    }


async def write_until_gone(url: str, ledger: Ledger, seed: int, writers: int = 16) -> None:
    """Write on that many connections until the miner no longer answers."""
    connector = aiohttp.TCPConnector(limit=writers)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
        for writer in range(writers):
            group.create_task(_write(session, url, ledger, seed, writer))


async def _write(
    session: aiohttp.ClientSession, url: str, ledger: Ledger, seed: int, writer: int
) -> None:
    random = np.random.default_rng([seed, writer])
    number = seed * 1_000_000
    while True:
        number += 1
        body = record_body(random, writer, number)
        try:
            async with session.post(f"{url}/IngestSynapse", json=body) as response:
                reply = await response.json()
        except GONE:
            return
        if response.status == 200:
            ledger.acknowledged[reply["cid"]] = body
        else:
            retry_after = response.headers.get("Retry-After")
            ledger.refused.append(Refusal(response.status, reply["code"], retry_after))
            return
