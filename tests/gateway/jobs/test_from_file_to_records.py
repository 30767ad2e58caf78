"""A file becomes records, step by step, and whoever watches sees each step."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from PIL import Image

from engram.errors import Overloaded
from engram.gateway.jobs.job import Job, State, Step
from tests.documents import made
from tests.gateway.jobs.bench import Bench


async def test_a_pdf(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    path = made.pdf(tmp_path / "book.pdf", [made.sentences(20)] * 4, title="A book")
    desk = bench.start()
    job = await desk.open(bench.order(path, namespace="books"))
    job = await desk.finished(job)
    assert (job.state, job.step, job.kind, job.pages) == (State.DONE, Step.REPLICATED, "pdf", 4)
    assert job.records == job.stored == job.replicated == len(bench.town.records)
    assert job.cid is not None
    whole = bench.town.records[job.cid]
    assert (whole["type"], whole["namespace"], whole["title"]) == ("document", "books", "A book")
    assert whole["chunks"] == job.records - 1
    assert list(bench.town.records)[-1] == job.cid  # it promises nothing that is not there
    await desk.close()


async def test_every_step_is_told_in_order(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    path = made.pdf(tmp_path / "book.pdf", [made.sentences(60)] * 8)
    desk = bench.start()
    await desk.finished(await desk.open(bench.order(path)))
    steps = list(dict.fromkeys(job.step for job in bench.told))
    assert steps == [Step.RECEIVED, Step.EXTRACTED, Step.CHUNKED, Step.EMBEDDED, Step.REPLICATED]
    assert [job.pages_read for job in bench.told if job.pages_read][:3] == [1, 2, 3]
    stored = [job.stored for job in bench.told if job.step is Step.EMBEDDED]
    assert stored == sorted(stored)
    assert len(stored) > 2
    await desk.close()


async def test_an_image(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    path = tmp_path / "red.png"
    Image.new("RGB", (20, 20), "red").save(path)
    desk = bench.start()
    job = await desk.finished(await desk.open(bench.order(path)))
    assert (job.kind, job.records, job.state) == ("image", 1, State.DONE)
    assert job.cid is not None
    record = bench.town.records[job.cid]
    assert record["text"] == "Picture 1, mostly red."
    assert (record["type"], record["description_source"]) == ("image", "a model")
    await desk.close()


async def test_the_same_file_twice_is_the_same_record(tmp_path: Path) -> None:
    """Whoever describes says something else each time; what was said first stays."""
    bench = Bench(tmp_path)
    path = tmp_path / "red.png"
    Image.new("RGB", (20, 20), "red").save(path)
    desk = bench.start()
    jobs = [await desk.finished(await desk.open(bench.order(path))) for _ in range(2)]
    assert jobs[0].cid == jobs[1].cid
    assert jobs[0].id != jobs[1].id
    assert bench.eyes.asked == 1
    assert len(bench.town.records) == 1
    await desk.close()


async def test_an_order_that_is_being_worked_on_is_not_taken_twice(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.town.held = asyncio.Event()
    path = made.pdf(tmp_path / "book.pdf", [made.sentences(3)])
    desk = bench.start()
    first = await desk.open(bench.order(path))
    assert (await desk.open(bench.order(path))).id == first.id
    assert (await desk.open(bench.order(path, namespace="other"))).id != first.id
    bench.town.held.set()
    await desk.finished(first)
    await desk.close()


async def test_too_many_are_turned_away(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.town.held = asyncio.Event()
    path = made.pdf(tmp_path / "book.pdf", [made.sentences(3)])
    desk = bench.start(at_once=1, waiting=1)
    for number in range(2):
        await desk.open(bench.order(path, number=number))
    with pytest.raises(Overloaded):
        await desk.open(bench.order(path, number=2))
    await desk.close()


async def test_what_is_watched(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.town.held = asyncio.Event()
    path = made.pdf(tmp_path / "book.pdf", [made.sentences(3)])
    desk = bench.start()
    job = await desk.open(bench.order(path))
    seen: list[Job | None] = []
    async for now in bench.hub.watch(job, pulse_s=0.05):
        seen.append(now)
        if now is None:
            bench.town.held.set()
    assert None in seen
    last = seen[-1]
    assert last is not None and last.state is State.DONE
    await desk.close()


async def test_copies_that_came_late_are_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.town.acknowledged = 2
    path = made.pdf(tmp_path / "book.pdf", [made.sentences(3)])
    desk = bench.start()
    job = await desk.open(bench.order(path))
    async for now in bench.hub.watch(job, pulse_s=5):
        last = now
    assert last is not None
    assert (last.state, last.step, last.replicated) == (State.DONE, Step.STORED, 0)
    bench.town.acknowledged = 3
    last = await desk.finished(last)
    assert (last.step, last.replicated) == (Step.REPLICATED, last.records)
    await desk.close()
