"""Batches: one outcome for each item, whatever the others are."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from engram.errors import StorageFull
from engram.net.limits import AddressLimits
from engram.protocol import MAX_BATCH, MAX_LINE_BYTES
from tests.miner.harness import Served

NDJSON = {"Content-Type": "application/x-ndjson"}
VECTOR = [0.5] * 384

MIXED: list[tuple[Any, str | None]] = [
    ({"text": "first"}, None),
    ({"text": 5}, "invalid_text"),
    ({"raw_embedding": VECTOR, "metadata": {"n": 1}}, None),
    ({"raw_embedding": VECTOR[1:]}, "invalid_embedding"),
    ({"raw_embedding": [0.0] * 384}, "invalid_embedding"),
    ({"text": "a", "raw_embedding": VECTOR}, "invalid_input"),
    ({"raw_embedding": VECTOR, "metadata": {"": 1}}, "invalid_metadata"),
    ("no object", "invalid_input"),
    ({"text": "x", "model_version": "v9"}, "unsupported_version"),
    ({"text": "last"}, None),
]


def codes(outcomes: list[dict[str, Any]]) -> list[str | None]:
    return [outcome.get("code") for outcome in outcomes]


def lines(items: list[Any]) -> bytes:
    return b"".join(orjson.dumps(item) + b"\n" for item in items)


async def streamed(miner: Served, body: Any) -> list[dict[str, Any]]:
    answer = await miner.send("/batch/ingest", body, NDJSON)
    assert answer.status == 200, answer.raw
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    return [orjson.loads(line) for line in answer.raw.splitlines()]


async def test_one_bad_item_does_not_spoil_the_others(miner: Served) -> None:
    items = [item for item, _ in MIXED]
    outcomes = (await miner.post("/batch/ingest", {"items": items})).json["outcomes"]
    assert codes(outcomes) == [code for _, code in MIXED]
    assert [o["cid"] for o in outcomes if "cid" in o] == list(miner.store.records)


async def test_lines_are_answered_like_items(miner: Served) -> None:
    items = [item for item, _ in MIXED]
    assert codes(await streamed(miner, lines(items))) == [code for _, code in MIXED]


async def test_a_line_that_is_no_json(miner: Served) -> None:
    body = b'{"text": "a"}\n\n{"text": \n  \n{"text": "b", "text": "c"}\n{"text": "d"}'
    assert codes(await streamed(miner, body)) == [None, "malformed_json", "duplicate_key", None]


async def test_each_item_gets_the_reply_that_it_would_get_alone(miner: Served) -> None:
    items = [{"text": "alone", "surplus": 1}, {"raw_embedding": VECTOR, "metadata": {"n": 1}}]
    together = (await miner.post("/batch/ingest", {"items": items})).json["outcomes"]
    alone = [(await miner.post("/IngestSynapse", item)).json for item in items]
    assert together == [reply | {"duplicate": False} for reply in alone]


async def test_the_same_record_twice_in_one_batch(miner: Served) -> None:
    items = [{"text": "twin"}] * 2
    outcomes = (await miner.post("/batch/ingest", {"items": items})).json["outcomes"]
    assert [outcome["duplicate"] for outcome in outcomes] == [False, True]


async def test_a_full_batch_of_texts_does_not_overflow_the_embedders_queue(miner: Served) -> None:
    items = [{"text": f"passage number {i}"} for i in range(MAX_BATCH)]
    bodies = [{"items": items}, {"items": items}]
    answers = await asyncio.gather(*[miner.post("/batch/ingest", body) for body in bodies])
    for answer in answers:
        assert codes(answer.json["outcomes"]) == [None] * MAX_BATCH
    assert len(miner.store.records) == MAX_BATCH


async def test_outcomes_come_while_lines_are_still_to_come(miner: Served) -> None:
    more = asyncio.Event()

    async def body() -> Any:
        yield lines([{"text": f"early {i}"} for i in range(64)])
        await more.wait()
        yield lines([{"text": "late"}])

    async with miner.session.post(
        miner.url + "/batch/ingest", data=body(), headers=NDJSON
    ) as response:
        early = [orjson.loads(await response.content.readline()) for _ in range(64)]
        assert codes(early) == [None] * 64
        assert len(miner.store.records) == 64
        more.set()
        assert orjson.loads(await response.content.readline())["error"] is None


async def test_a_line_too_many(miner: Served) -> None:
    answer = await miner.send("/batch/ingest", lines([{"text": "a"}] * (MAX_BATCH + 1)), NDJSON)
    outcomes = [orjson.loads(line) for line in answer.raw.splitlines()]
    assert codes(outcomes) == [None] * MAX_BATCH + ["body_too_large"]


async def test_a_line_too_long(miner: Served) -> None:
    long = b'{"text": "' + b"x" * MAX_LINE_BYTES + b'"}'
    assert (await miner.send("/batch/ingest", long, NDJSON)).is_error(413, "body_too_large")


@pytest.mark.parametrize("body", [b"", b"\n\n  \n"])
async def test_no_lines_at_all(miner: Served, body: bytes) -> None:
    assert (await miner.send("/batch/ingest", body, NDJSON)).is_error(400, "invalid_input")


async def test_a_full_disk_fails_the_batch_as_a_whole(miner: Served) -> None:
    miner.store.failure = StorageFull("The disk is full; reads go on.", retry_after=60)
    items = [{"text": "a"}, {"text": 5}]
    for answer in (
        await miner.post("/batch/ingest", {"items": items}),
        await miner.send("/batch/ingest", lines(items), NDJSON),
    ):
        assert answer.is_error(503, "storage_full")
        assert answer.headers["Retry-After"] == "60"


async def test_a_disk_that_fills_up_midway_ends_the_stream_with_the_error(miner: Served) -> None:
    full = asyncio.Event()

    async def body() -> Any:
        yield lines([{"text": f"early {i}"} for i in range(64)])
        await full.wait()
        yield lines([{"text": f"late {i}"} for i in range(64)])

    async with miner.session.post(
        miner.url + "/batch/ingest", data=body(), headers=NDJSON
    ) as response:
        early = [orjson.loads(await response.content.readline()) for _ in range(64)]
        miner.store.failure = StorageFull("The disk is full; reads go on.")
        full.set()
        late = [orjson.loads(line) async for line in response.content]
    assert codes(early + late) == [None] * 64 + ["storage_full"]


async def test_a_batch_is_paid_for_item_by_item(
    miner: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    charged: list[int] = []
    monkeypatch.setattr(AddressLimits, "charge", lambda _, __, tokens: charged.append(tokens))
    await miner.post("/batch/ingest", {"items": [{"text": "a"}] * 7})
    await miner.send("/batch/ingest", lines([{"text": "a"}] * 70), NDJSON)
    assert charged == [6, 64, 6]  # the door took one for the JSON body; lines are only counted here
