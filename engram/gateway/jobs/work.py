"""What is done with one file. Every step may be done again: the records come out the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engram.documents.chunking import Chunker
from engram.documents.images import open_picture
from engram.documents.interface import Document, Kind
from engram.documents.limits import Limits
from engram.documents.reading import read_document
from engram.documents.records import Draft, image_record, records_of
from engram.documents.sniff import kind_of
from engram.errors import EngramError, Overloaded, ServerError
from engram.gateway.interface import Writes
from engram.gateway.jobs.book import Book
from engram.gateway.jobs.job import Job, State, Step
from engram.gateway.vision import Describer
from engram.sdk.results import Failed, Ingested, Outcome

TOGETHER = 32  # records posted at once: a second or so of one core, and of progress
FOR_NOW = ("throttled", "overloaded", "not_ready", "unavailable", "storage_full")

Position = int
Tell = Callable[[Job], None]


@dataclass(frozen=True, slots=True)
class Tools:
    """What a file is worked on with."""

    book: Book
    path_of: Callable[[str], Path]
    """Where the raw bytes of a content id are."""
    writes: Writes
    chunker: Chunker
    describer: Describer
    limits: Limits
    now: Callable[[], float]
    """Unix seconds."""
    tell: Tell
    """Called on the event loop whenever a job has come further."""


class Work:
    """The way of one job, from the bytes to the last record."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def run(self, job: Job) -> Job:
        """Take the job as far as it goes.

        Raises what will pass: Unavailable, ServerUnreachable. A file that can never become records
        is a job that has FAILED, with the reason.
        """
        kind = await asyncio.to_thread(self._kind, job)
        job = await self._keep(replace(job, kind=str(kind), waits_for=None))
        job, drafts = await self._drafts(job, kind)
        job = await self._keep(replace(job, step=Step.CHUNKED, records=len(drafts)))
        return await self._store(job, drafts)

    def _kind(self, job: Job) -> Kind:
        return kind_of(self._tools.path_of(job.order.content_cid), job.order.name or "")

    async def _drafts(self, job: Job, kind: Kind) -> tuple[Job, list[Draft]]:
        return await (self._image(job) if kind is Kind.IMAGE else self._document(job))

    async def _document(self, job: Job) -> tuple[Job, list[Draft]]:
        document = await self._read(job)
        read = replace(
            job,
            step=Step.EXTRACTED,
            pages=len(document.pages) or None,
            pages_read=len(document.pages),
            problems=tuple(document.problems),
        )
        job = await self._keep(read)
        chunks = await asyncio.to_thread(self._tools.chunker.chunks, document)
        order = job.order
        return job, records_of(document, chunks, order.content_cid, order.metadata)

    async def _read(self, job: Job) -> Document:
        loop = asyncio.get_running_loop()

        def progress(done: int, total: int) -> None:
            told = replace(job, pages=total or None, pages_read=done)
            loop.call_soon_threadsafe(self._tools.tell, told)

        path = self._tools.path_of(job.order.content_cid)
        return await asyncio.to_thread(
            read_document, path, job.order.name or "", self._tools.limits, progress
        )

    async def _image(self, job: Job) -> tuple[Job, list[Draft]]:
        """One record. What was said of the image before is said again, so that the CID stays."""
        tools, content_cid = self._tools, job.order.content_cid
        source = tools.describer.source
        said = await asyncio.to_thread(tools.book.description, content_cid, source)
        if said is None:
            picture = await asyncio.to_thread(open_picture, tools.path_of(content_cid))
            said = await tools.describer.describe(picture)
            said = await asyncio.to_thread(tools.book.add_description, content_cid, source, said)
        job = await self._keep(replace(job, step=Step.DESCRIBED))
        return job, [image_record(said, source, content_cid, job.order.metadata)]

    async def _store(self, job: Job, drafts: Sequence[Draft]) -> Job:
        """All records; the one that stands for the file last, so that it promises nothing."""
        stored = await asyncio.to_thread(self._tools.book.stored, job.id)
        missing = [at for at in [*range(1, len(drafts)), 0] if at not in stored]
        for group in groups(missing):
            job = await self._store_group(job, drafts, group)
        cid = (await asyncio.to_thread(self._tools.book.stored, job.id))[0]
        whole = job.replicated >= len(drafts)
        step = Step.REPLICATED if whole else Step.STORED
        return await self._keep(replace(job, state=State.DONE, step=step, cid=cid))

    async def _store_group(self, job: Job, drafts: Sequence[Draft], group: Sequence[int]) -> Job:
        items = [{"text": drafts[at].text, "metadata": drafts[at].metadata} for at in group]
        outcomes = await self._tools.writes.ingest_many(items)
        news = [
            (at, one.cid, is_replicated(one))
            for at, one in zip(group, outcomes, strict=True)
            if isinstance(one, Ingested)
        ]
        job = replace(job, updated_at=self._tools.now(), step=Step.EMBEDDED)
        job = await asyncio.to_thread(self._tools.book.add_stored, job, news)
        self._tools.tell(job)
        for at, one in zip(group, outcomes, strict=True):
            if isinstance(one, Failed):
                raise refused(one, at, len(drafts))
        return job

    async def replicate(self, job: Job) -> Job:
        """Ask for the copies that nobody had acknowledged by the time a record was stored.

        Storing it again says how many there are now, and makes no second record.
        """
        tools = self._tools
        missing = await asyncio.to_thread(tools.book.not_replicated, job.id, TOGETHER)
        if not missing:
            return await self._keep(replace(job, step=Step.REPLICATED))
        kind = await asyncio.to_thread(self._kind, job)
        job, drafts = await self._drafts(job, kind)
        job = await self._store_group(job, drafts, [at for at, _ in missing])
        done = job.replicated >= len(drafts)
        return await self._keep(replace(job, step=Step.REPLICATED if done else Step.STORED))

    async def _keep(self, job: Job) -> Job:
        job = replace(job, updated_at=self._tools.now())
        await asyncio.to_thread(self._tools.book.keep, job)
        self._tools.tell(job)
        return job


def groups(positions: Sequence[Position]) -> Iterator[Sequence[Position]]:
    """So many at a time; the file's own record (0) by itself, after all others."""
    chunks = [at for at in positions if at != 0]
    for start in range(0, len(chunks), TOGETHER):
        yield chunks[start : start + TOGETHER]
    if len(chunks) < len(positions):
        yield [0]


def is_replicated(stored: Outcome) -> bool:
    """True if every holder has the record; a node that knows of no others is one."""
    if not isinstance(stored, Ingested):
        return False
    replicas = stored.replicas
    return replicas is None or replicas.acknowledged >= replicas.required


def refused(failed: Failed, position: Position, of: int) -> EngramError:
    """The error of one record: to be tried again, or the job's end."""
    where = f"Record {position} of {of}"
    if failed.code in FOR_NOW:
        return Overloaded(f"{where} waits: {failed.error}", retry_after=5)
    return ServerError(f"{where} was refused: {failed.error}", code=failed.code, status=502)
