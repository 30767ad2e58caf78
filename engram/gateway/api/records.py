"""Records, the documents that they are of, raw files, and what pinning costs."""

from __future__ import annotations

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from aiohttp import web

from engram.blobs.content import parse_content_cid
from engram.core.strict_json import loads
from engram.errors import InvalidInput, NotFound
from engram.gateway.api.words import holder, record_body
from engram.gateway.parts import Parts
from engram.net.reply import json_reply
from engram.sdk.results import Record
from engram.sdk.scope import Scope

MOST_PAGE = 200
WINSTON = Decimal(10**12)


class Records:
    """GET paths on what is stored."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def page(self, request: web.Request) -> web.StreamResponse:
        """GET /api/records?limit=&cursor=&where=&type=&namespace=."""
        query = request.query
        where = Scope(query.get("namespace"), None).where(filter_of(query))
        page = await self._parts.network.page(
            whole_number(query.get("limit", "50"), "limit", MOST_PAGE), query.get("cursor"), where
        )
        body = {
            "records": [record_body(record) for record in page.records],
            "cursor": page.cursor,
            "complete": page.complete,
            "silent": [holder(one.node) | {"reason": one.reason} for one in page.silent],
            "warnings": [],
        }
        return await asyncio.to_thread(json_reply, body)

    async def record(self, request: web.Request) -> web.StreamResponse:
        """GET /api/records/{cid}: the record, and who holds it."""
        cid = request.match_info["cid"]
        record = await self._parts.network.get(cid)
        return json_reply(record_body(record) | {"warnings": []})

    async def verify(self, request: web.Request) -> web.StreamResponse:
        """GET /api/records/{cid}/verify: each holder apart."""
        cid = request.match_info["cid"]
        found = await self._parts.network.verify(cid)
        holders = [
            holder(one.node)
            | {
                "bytes": one.verification.bytes_match if one.verification else None,
                "metadata": one.verification.metadata_as_given if one.verification else None,
                "embedding": one.verification.embedding_of_text if one.verification else "unknown",
                "reason": one.error or "",
            }
            for one in found.holders
        ]
        return json_reply({"cid": cid, "ok": found.ok, "holders": holders, "warnings": []})

    async def document(self, request: web.Request) -> web.StreamResponse:
        """GET /api/documents/{content_cid}: its chunks in order, complete or not."""
        content_cid = request.match_info["content_cid"]
        parse_content_cid(content_cid)
        found = [record async for record in self._parts.network.list({"content_cid": content_cid})]
        if not found:
            raise NotFound("No record is of this file.")
        return await asyncio.to_thread(json_reply, document_body(content_cid, found))

    async def blob(self, request: web.Request) -> web.StreamResponse:
        """GET /api/blobs/{content_cid}: verified bytes, from here or from Arweave."""
        content_cid = request.match_info["content_cid"]
        path = self._parts.folder.path_of(content_cid)
        if not await asyncio.to_thread(self._parts.folder.verify, content_cid):
            await self._fetch(content_cid)
        headers = {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
        return web.FileResponse(path, headers=headers)

    async def price(self, request: web.Request) -> web.StreamResponse:
        """GET /api/price?bytes=."""
        settings, pinning = self._parts.settings, self._parts.pinning
        size = whole_number(request.query.get("bytes", ""), "bytes", settings.max_file_bytes)
        body: dict[str, Any] = {
            "bytes": size,
            "amount": None,
            "ar": None,
            "balance": None,
            "within_caps": False,
            "network": self._parts.arweave_name,
            "reason": "No Arweave gateway is set, so nothing is pinned.",
            "warnings": [],
        }
        if pinning is not None:
            amount = (await pinning.price(size)).amount
            body |= {
                "amount": amount,
                "ar": f"{Decimal(amount) / WINSTON:f}",
                "within_caps": amount <= settings.max_winston_per_file,
                "reason": "",
            }
        return json_reply(body)

    async def _fetch(self, content_cid: str) -> None:
        """Bring a file here from Arweave. Raises NotFound, BlobMismatch, BlobsUnavailable."""
        pinning = self._parts.pinning
        with tempfile.TemporaryDirectory(dir=self._parts.settings.data_dir) as folder:
            into = Path(folder) / "blob"
            if pinning is None or not await pinning.fetch(content_cid, into):
                raise NotFound("The file is neither here nor on Arweave.")
            await asyncio.to_thread(self._parts.folder.add, into, content_cid)


def document_body(content_cid: str, found: list[Record]) -> dict[str, Any]:
    """DocumentReply. Where one file was stored with several metadata, the first document counts."""
    whole = next((r for r in found if r.metadata.get("type") == "document"), None)
    chunks = {r.metadata["chunk"]: r for r in found if is_chunk(r, whole)}
    expected = whole.metadata.get("chunks") if whole is not None else None
    return {
        "content_cid": content_cid,
        "record": record_body(whole) if whole is not None else None,
        "chunks": [record_body(chunks[at]) for at in sorted(chunks)],
        "expected": expected,
        "complete": expected is not None and chunks.keys() == set(range(expected)),
        "warnings": [],
    }


def is_chunk(record: Record, whole: Record | None) -> bool:
    """True for a chunk of the same storing: its own keys apart, the metadata is the document's."""
    chunk = record.metadata.get("chunk")
    if isinstance(chunk, bool) or not isinstance(chunk, int | float) or int(chunk) != chunk:
        return False
    if whole is None:
        return True
    own = {"type", "text", "title"}
    return all(record.metadata.get(k) == v for k, v in whole.metadata.items() if k not in own)


def filter_of(query: Any) -> dict[str, Any] | None:
    """The filter in ``where`` (JSON) and ``type``. Raises InvalidInput."""
    clauses: list[dict[str, Any]] = []
    if "where" in query:
        where = loads(query["where"].encode())
        if not isinstance(where, dict):
            raise InvalidInput("where is a JSON object.")
        clauses.append(where)
    if "type" in query:
        clauses.append({"type": query["type"]})
    return {"$and": clauses} if len(clauses) > 1 else (clauses[0] if clauses else None)


def whole_number(text: str, name: str, most: int) -> int:
    """Raises InvalidInput unless it is one within 0..most."""
    if not (text.isascii() and text.isdigit()) or int(text) > most:
        raise InvalidInput(f"{name} is a whole number, at most {most:,}.")
    return int(text)
