"""A desk with everything around it: a folder, a book on disk, and a network in a dict."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from engram.blobs.content import content_cid_of_file
from engram.blobs.folder import Folder
from engram.core import generate_cid
from engram.documents.chunking import Chunker
from engram.documents.images import Picture
from engram.documents.limits import Limits
from engram.embedding.files import find_model
from engram.gateway.jobs.book import Book
from engram.gateway.jobs.desk import Desk
from engram.gateway.jobs.events import Hub
from engram.gateway.jobs.job import Job, Order
from engram.gateway.jobs.work import Tools
from engram.sdk.items import Item
from engram.sdk.results import Failed, Ingested, Outcome, Outcomes, Replicas

VECTOR = [1.0, *[0.0] * 383]  # a CID needs one; which, is the embedder's business


@dataclass
class Town:
    """Stores what it is given under the CID of its metadata; fails as it is told."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    posts: list[list[str]] = field(default_factory=list)
    failures: list[Exception | None] = field(default_factory=list)
    """Raised one after the other by the next posts; None lets one through."""
    refused: set[str] = field(default_factory=set)
    """Words: a text that has one is refused for good."""
    acknowledged: int = 3
    held: asyncio.Event | None = None
    """If set, posts wait for it."""
    hangs_at: int | None = None
    """Number of the post that is never answered."""
    hangs: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once that post came."""

    async def ingest_many(self, items: Iterable[Item]) -> Outcomes:
        given = [dict(item) for item in items if not isinstance(item, str)]
        self.posts.append([item["text"] for item in given])
        if self.hangs_at is not None and len(self.posts) > self.hangs_at:
            self.hangs.set()
            await asyncio.Event().wait()
        if self.held is not None:
            await self.held.wait()
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        return [self._one(item) for item in given]

    def _one(self, item: dict[str, Any]) -> Outcome:
        if any(word in item["text"] for word in self.refused):
            return Failed("It may not be.", "refused_here")
        metadata = item["metadata"]
        assert metadata["text"] == item["text"]
        cid = generate_cid(VECTOR, metadata)
        duplicate = cid in self.records
        self.records[cid] = metadata
        return Ingested(cid, duplicate, replicas=Replicas(3, self.acknowledged))


@dataclass
class Eyes:
    """Describes pictures, and counts how often it was asked."""

    asked: int = 0
    failures: list[Exception] = field(default_factory=list)
    source: str = "a model"

    async def describe(self, picture: Picture) -> str:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return f"Picture {self.asked}, mostly {picture.colours[0]}."


class Listening(Hub):
    """A hub that remembers all it is told."""

    def __init__(self, told: list[Job]) -> None:
        super().__init__()
        self.told = told

    def tell(self, job: Job) -> None:
        self.told.append(job)
        super().tell(job)


@cache
def chunker() -> Chunker:
    return Chunker(find_model().tokenizer)


@dataclass
class Bench:
    """What outlives a gateway: its folder, and the network."""

    root: Path
    town: Town = field(default_factory=Town)
    eyes: Eyes = field(default_factory=Eyes)
    told: list[Job] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.folder = Folder(self.root / "blobs")

    def start(self, at_once: int = 2, waiting: int = 8) -> Desk:
        """As at the start of the process."""
        self.book = Book(self.root / "jobs.sqlite")
        self.hub = Listening(self.told)
        tools = Tools(
            self.book,
            self.folder.path_of,
            self.town,
            chunker(),
            self.eyes,
            self.limits,
            lambda: 1_700_000_000.0,
            self.hub.tell,
        )
        return Desk(tools, self.hub, at_once=at_once, waiting=waiting, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    def order(self, path: Path, **metadata: Any) -> Order:
        """An order for a file, which is put in its place."""
        content_cid = content_cid_of_file(path)
        self.folder.add(path, content_cid)
        return Order(content_cid, path.name, metadata)
