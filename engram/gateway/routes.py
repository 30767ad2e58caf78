"""Which handler answers which path."""

from __future__ import annotations

from aiohttp import web

from engram import __version__
from engram.gateway.api.files import Files
from engram.gateway.api.records import Records
from engram.gateway.api.texts import Texts
from engram.gateway.gate import Gate
from engram.gateway.parts import Parts
from engram.net.reply import json_reply


def build_app(parts: Parts) -> web.Application:
    """The application of one gateway."""
    token = parts.settings.token.get_secret_value() if parts.settings.token else None
    gate = Gate(parts.settings.allowed_hosts, token)
    texts, files, records = Texts(parts), Files(parts, __version__), Records(parts)
    app = web.Application(middlewares=[gate.enter], client_max_size=0)
    app.router.add_get("/health", health)
    app.router.add_post("/api/ingest", texts.ingest)
    app.router.add_post("/api/search", texts.search)
    app.router.add_post("/api/ingest/file", files.ingest_file)
    app.router.add_post("/api/ingest/url", files.ingest_url)
    app.router.add_get("/api/jobs/{id}", files.job)
    app.router.add_get("/api/jobs/{id}/events", files.events)
    app.router.add_get("/api/records", records.page)
    app.router.add_get("/api/records/{cid}", records.record)
    app.router.add_get("/api/records/{cid}/verify", records.verify)
    app.router.add_get("/api/documents/{content_cid}", records.document)
    app.router.add_get("/api/blobs/{content_cid}", records.blob)
    app.router.add_get("/api/price", records.price)
    return app


async def health(_: web.Request) -> web.StreamResponse:
    """GET /health: the process answers."""
    return json_reply({"status": "ok"})
