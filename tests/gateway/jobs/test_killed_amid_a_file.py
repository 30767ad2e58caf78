"""The gateway dies anywhere: after the next start every job ends, and nothing is there twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from engram.errors import DescriberRefused, DescriberUnavailable, Overloaded, ServerUnreachable
from engram.gateway.jobs.job import State
from tests.documents import made
from tests.gateway.jobs.bench import Bench


def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.txt"
    path.write_text(" ".join(made.sentences(900)))
    return path


@pytest.mark.parametrize("posts", [0, 1, 2, 3])
async def test_stopped_after_so_many_posts(tmp_path: Path, posts: int) -> None:
    path = book(tmp_path)
    whole = Bench(tmp_path / "whole")
    desk = whole.start()
    expected = await desk.finished(await desk.open(whole.order(path)))
    await desk.close()
    bench = Bench(tmp_path / "stopped")
    bench.town.hangs_at = posts
    desk = bench.start()
    job = await desk.open(bench.order(path))
    await bench.town.hangs.wait()
    await desk.close()
    bench.book.close()
    bench.town.hangs_at = None
    desk = bench.start()
    assert await desk.resume() == 1
    job = await desk.finished(job)
    assert (job.state, job.cid, job.stored) == (State.DONE, expected.cid, expected.records)
    assert bench.town.records.keys() == whole.town.records.keys()
    await desk.close()


async def test_what_was_stored_is_not_posted_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    desk = bench.start()
    bench.town.failures = [None, ServerUnreachable("gone"), None]
    job = await desk.finished(await desk.open(bench.order(book(tmp_path))))
    assert job.state is State.DONE
    texts = [text for post in bench.town.posts for text in post]
    again = len(texts) - len(set(texts))
    assert again == len(bench.town.posts[1])  # the one post that failed
    await desk.close()


async def test_a_network_that_is_away_is_waited_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.town.failures = [ServerUnreachable("away")] * 3 + [Overloaded("busy", retry_after=70)]
    desk = bench.start()
    job = await desk.finished(await desk.open(bench.order(book(tmp_path))))
    assert job.state is State.DONE
    assert bench.slept[:4] == [1, 2, 4, 70]
    assert any(told.waits_for == "away" for told in bench.told)
    assert job.waits_for is None
    await desk.close()


async def test_a_record_that_is_refused_for_good_ends_the_job(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.town.refused = {"Sentence 800 "}
    desk = bench.start()
    job = await desk.finished(await desk.open(bench.order(book(tmp_path))))
    assert (job.state, job.code, job.cid) == (State.FAILED, "refused_here", None)
    assert job.error is not None and "was refused" in job.error
    assert 0 < job.stored < (job.records or 0)
    assert not any(record["type"] == "document" for record in bench.town.records.values())
    await desk.close()


async def test_a_file_that_cannot_be_read_ends_the_job(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    desk = bench.start()
    path = made.encrypted_pdf(tmp_path / "secret.pdf")
    job = await desk.finished(await desk.open(bench.order(path)))
    assert (job.state, job.code, job.stored) == (State.FAILED, "invalid_file", 0)
    assert job.error is not None and "encrypted" in job.error
    await desk.close()


async def test_a_describer_that_is_away_is_waited_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.eyes.failures = [DescriberUnavailable("slow", retry_after=7)]
    path = tmp_path / "red.png"
    Image.new("RGB", (20, 20), "red").save(path)
    desk = bench.start()
    job = await desk.finished(await desk.open(bench.order(path)))
    assert job.state is State.DONE
    assert bench.slept[:1] == [7]
    await desk.close()


async def test_a_describer_that_refuses_says_why(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.eyes.failures = [DescriberRefused("Set the key anew.")]
    path = tmp_path / "red.png"
    Image.new("RGB", (20, 20), "red").save(path)
    desk = bench.start()
    job = await desk.finished(await desk.open(bench.order(path)))
    assert (job.state, job.error) == (State.FAILED, "Set the key anew.")
    await desk.close()


async def test_a_fault_of_our_own_ends_its_job_only(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.town.failures = [RuntimeError("a bug")]
    desk = bench.start()
    first = await desk.finished(await desk.open(bench.order(book(tmp_path))))
    assert (first.state, first.code) == (State.FAILED, "internal")
    second = await desk.finished(await desk.open(bench.order(book(tmp_path))))
    assert second.state is State.DONE
    await desk.close()
