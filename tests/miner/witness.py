"""Does the miner still have what it acknowledged: held, identical and searchable?"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Any

import aiohttp

from engram.core import verify_cid

Records = Mapping[str, dict[str, Any]]


async def post(session: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> dict[str, Any]:
    async with session.post(url, json=body) as response:
        reply: dict[str, Any] = await response.json()
        assert response.status == 200, reply
        return reply


async def listed(url: str) -> dict[str, dict[str, Any]]:
    """Every record, page by page."""
    found: dict[str, dict[str, Any]] = {}
    async with aiohttp.ClientSession() as session:
        cursor = None
        while True:
            page = await post(session, f"{url}/list", {"limit": 1_000, "cursor": cursor})
            for record in page["records"]:
                assert record["cid"] not in found, "listed twice"
                found[record["cid"]] = record
            cursor = page["cursor"]
            if cursor is None:
                return found


async def assert_identical(url: str, acknowledged: Records) -> None:
    """Every acknowledged CID is there, with the bytes that were sent, and they make that CID."""
    found = await listed(url)
    lost = acknowledged.keys() - found.keys()
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged records are lost"
    for cid, sent in acknowledged.items():
        record = found[cid]
        assert record["embedding_b64"] == sent["embedding_b64"]
        assert record["metadata"] == sent["metadata"]
        assert verify_cid(cid, b64decode(record["embedding_b64"]), record["metadata"])


async def assert_searchable(url: str, acknowledged: Records, cids: Iterable[str]) -> None:
    """A search for each record's own vector finds that record first."""
    limit = asyncio.Semaphore(8)
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for cid in cids:
            group.create_task(_find(session, url, cid, acknowledged[cid], limit))


async def _find(
    session: aiohttp.ClientSession,
    url: str,
    cid: str,
    sent: dict[str, Any],
    limit: asyncio.Semaphore,
) -> None:
    async with limit:
        body = {"query_b64": sent["embedding_b64"], "top_k": 1}
        [best] = (await post(session, f"{url}/QuerySynapse", body))["results"]
        assert best["cid"] == cid
        assert best["score"] > 0.999
