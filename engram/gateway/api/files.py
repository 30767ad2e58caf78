"""Files in: taken whole onto the disk first, then worked on; told of in a reply or as events."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web

from engram.blobs.interface import Pinned
from engram.errors import EngramError, NotFound, ServerError
from engram.gateway.api.reading import read
from engram.gateway.incoming import Upload
from engram.gateway.jobs.job import Job, Order, State
from engram.gateway.parts import Parts
from engram.net.reply import encode, json_reply
from engram.protocol import UrlIngestRequest
from engram.sdk.scope import Scope

PULSE_S = 15.0  # a comment, so that nothing between us and the browser takes the stream for dead
ASYNC = "respond-async"
TAGS = {"App-Name": "Engram"}
OFF = {"arweave_tx_id": None, "arweave_status": "off", "confirmations": 0, "reason": ""}


class Files:
    """POST /api/ingest/file and /api/ingest/url, GET /api/jobs/..."""

    def __init__(self, parts: Parts, version: str) -> None:
        self._parts = parts
        self._version = version

    async def ingest_file(self, request: web.Request) -> web.StreamResponse:
        """POST /api/ingest/file."""
        async with self._parts.incoming.place() as path:
            upload = await self._parts.incoming.receive(request, path)
            job, warnings = await self._ordered(upload)
        return await self._answer(request, job, warnings)

    async def ingest_url(self, request: web.Request) -> web.StreamResponse:
        """POST /api/ingest/url."""
        asked, warnings = await read(request, UrlIngestRequest)
        async with self._parts.incoming.place() as path:
            fetched = await self._parts.fetcher.fetch(asked.url, path)
            metadata = Scope(asked.namespace, None).item("", asked.metadata)["metadata"]
            metadata.setdefault("source", fetched.url)
            upload = Upload(
                path,
                f"sha256:{fetched.sha256}",
                fetched.size,
                Path(fetched.url.partition("?")[0]).name or None,
                metadata,
                asked.pin,
            )
            job, more = await self._ordered(upload)
        return await self._answer(request, job, [*warnings, *more])

    async def job(self, request: web.Request) -> web.StreamResponse:
        """GET /api/jobs/{id}."""
        return json_reply(await self._body(await self._found(request)) | {"warnings": []})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """GET /api/jobs/{id}/events: the job whenever it comes further, until it ends."""
        job = await self._found(request)
        stream = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await stream.prepare(request)
        async for now in self._parts.hub.watch(job, PULSE_S):
            if now is None:
                await stream.write(b": still here\n\n")
                continue
            data = encode(await self._body(now))
            await stream.write(b"event: %s\ndata: %s\n\n" % (now.step.encode(), data))
        await stream.write_eof()
        return stream

    async def _ordered(self, upload: Upload) -> tuple[Job, list[str]]:
        """The file in its place, then the job."""
        parts, warnings = self._parts, []
        await asyncio.to_thread(parts.folder.add, upload.path, upload.content_cid)
        pin = parts.settings.pin if upload.pin is None else upload.pin
        if pin and parts.pinning is None:
            warnings.append("Nothing is pinned: no Arweave gateway is set (ENGRAM_GATEWAY_...).")
            pin = False
        if pin and parts.pinning is not None:
            tags = TAGS | {"App-Version": self._version, "Content-CID": upload.content_cid}
            path = parts.folder.path_of(upload.content_cid)
            await parts.pinning.put(path, upload.content_cid, tags)
        order = Order(upload.content_cid, upload.name, upload.metadata, pin)
        return await parts.desk.open(order), warnings

    async def _answer(
        self, request: web.Request, job: Job, warnings: list[str]
    ) -> web.StreamResponse:
        if ASYNC in request.headers.get("Prefer", ""):
            body = await self._body(job) | {"warnings": warnings}
            reply = json_reply(body, 202)
            reply.headers["Location"] = f"/api/jobs/{job.id}"
            return reply
        job = await self._stored(job)
        pin = await self._pin(job)
        return json_reply(
            {
                "cid": job.cid,
                "content_cid": job.order.content_cid,
                "arweave_tx_id": pin["arweave_tx_id"],
                "arweave_status": pin["arweave_status"],
                "records": job.stored,
                "job": job.id,
                "warnings": [*warnings, *job.problems],
            }
        )

    async def _stored(self, job: Job) -> Job:
        """The job once it is done. Raises what it failed with."""
        async for now in self._parts.hub.watch(job, PULSE_S):
            job = now or job
        if job.state is State.FAILED:
            raise failure(job)
        return job

    async def _found(self, request: web.Request) -> Job:
        identity = request.match_info["id"]
        job = self._parts.hub.newest.get(identity)
        job = job or await asyncio.to_thread(self._parts.book.job, identity)
        if job is None:
            raise NotFound("There is no such job here.")
        return job

    async def _body(self, job: Job) -> dict[str, Any]:
        """JobReply, without its warnings."""
        return {
            "id": job.id,
            "state": job.state,
            "step": job.step,
            "content_cid": job.order.content_cid,
            "kind": job.kind,
            "name": job.order.name,
            "cid": job.cid,
            "pages": job.pages,
            "pages_read": job.pages_read,
            "records": job.records,
            "stored": job.stored,
            "replicated": job.replicated,
            "pin": await self._pin(job),
            "problems": list(job.problems),
            "error": job.error,
            "code": job.code,
            "waits_for": job.waits_for,
            "created_at": job.created_at,
            "updated_at": job.updated_at,
        }

    async def _pin(self, job: Job) -> dict[str, Any]:
        parts = self._parts
        if not job.order.pin or parts.pinning is None:
            return OFF | {"earlier_tx_ids": [], "network": parts.arweave_name}
        pinned = await parts.pinning.status(job.order.content_cid)
        return pin_body(pinned) | {"network": parts.arweave_name}


def pin_body(pinned: Pinned | None) -> dict[str, Any]:
    """Pin, without its network."""
    if pinned is None:
        return OFF | {"arweave_status": "waiting", "earlier_tx_ids": []}
    return {
        "arweave_tx_id": pinned.id,
        "arweave_status": pinned.state,
        "confirmations": pinned.confirmations,
        "reason": pinned.reason,
        "earlier_tx_ids": list(pinned.earlier_ids),
    }


def failure(job: Job) -> EngramError:
    """The error that a job ended with, as the one who waits for it gets it."""
    status = next(
        (kind.status for kind in kinds(EngramError) if kind.code == job.code), EngramError.status
    )
    details = {"job": job.id, "stored": job.stored, "records": job.records}
    return ServerError(
        job.error or "The file could not be stored.",
        code=job.code or EngramError.code,
        status=status,
        details=details,
    )


def kinds(root: type[EngramError]) -> list[type[EngramError]]:
    return [root, *(kind for child in root.__subclasses__() for kind in kinds(child))]
