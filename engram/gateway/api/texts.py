"""Texts in, searches out."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from engram.core import embedding as vectors
from engram.errors import InvalidInput
from engram.gateway.api.reading import read
from engram.gateway.api.words import holder, replicas_body
from engram.gateway.parts import Parts
from engram.net.reply import json_reply
from engram.protocol import SearchRequest, TextIngestRequest
from engram.sdk.network.results import NetworkHit, NetworkResults
from engram.sdk.scope import Scope


class Texts:
    """POST /api/ingest and POST /api/search."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def ingest(self, request: web.Request) -> web.StreamResponse:
        """POST /api/ingest."""
        asked, warnings = await read(request, TextIngestRequest)
        stored = await self._parts.network.add(
            asked.text,
            asked.metadata,
            namespace=asked.namespace,
            min_replicas=asked.min_replicas,
        )
        return json_reply(
            {
                "cid": stored.cid,
                "duplicate": stored.duplicate,
                "truncated": stored.truncated,
                "exact": stored.exact,
                "replicas": replicas_body(stored.replicas),
                "warnings": [*stored.warnings, *warnings],
            }
        )

    async def search(self, request: web.Request) -> web.StreamResponse:
        """POST /api/search."""
        asked, warnings = await read(request, SearchRequest)
        where = Scope(asked.namespace, None).where(asked.where, documents=asked.documents)
        found = await self._parts.network.query(
            question(asked), asked.top_k, where, verify=asked.verify
        )
        return json_reply(results_body(found) | {"warnings": [*found.warnings, *warnings]})


def question(asked: SearchRequest) -> Any:
    """What is searched for. Raises InvalidInput unless it is exactly one thing."""
    given = [one for one in (asked.query, asked.vector, asked.vector_b64) if one is not None]
    if len(given) != 1:
        raise InvalidInput("Send exactly one of query, vector and vector_b64.")
    return vectors.from_base64(asked.vector_b64) if asked.vector_b64 is not None else given[0]


def results_body(found: NetworkResults) -> dict[str, Any]:
    """SearchReply, without its warnings."""
    return {
        "results": [hit_body(hit) for hit in found],
        "complete": found.complete,
        "asked": found.asked,
        "answered": found.answered,
        "missing_fraction": found.missing_fraction,
        "silent": [holder(one.node) | {"reason": one.reason} for one in found.silent],
        "liars": [holder(node) for node in found.liars],
        "latency_ms": found.latency_ms,
    }


def hit_body(hit: NetworkHit) -> dict[str, Any]:
    return {
        "cid": hit.cid,
        "score": hit.score,
        "metadata": hit.metadata,
        "text": hit.text,
        "age_ms": hit.age_ms,
        "confirmed": hit.confirmed,
        "verified": hit.verified,
        "holders": [holder(node) for node in hit.holders],
    }
