"""Several records at once: each as it would come alone, and no more than a reply may hold."""

from __future__ import annotations

from typing import Any

import pytest

from engram.miner.records import ENOUGH_BYTES
from engram.protocol import MAX_RETRIEVE
from tests.miner.harness import Served

UNKNOWN = "v1::" + "0" * 64


async def stored(miner: Served, **metadata: Any) -> str:
    body = {"text": f"text {len(miner.store.records)}", "metadata": metadata}
    cid: str = (await miner.post("/IngestSynapse", body)).json["cid"]
    return cid


async def test_each_is_answered_as_it_would_be_alone(miner: Served) -> None:
    one, deleted, two = [await stored(miner, n=n) for n in range(3)]
    miner.store.delete(deleted)
    cids = [two, UNKNOWN, deleted, one, two]
    reply = await miner.post("/batch/retrieve", {"cids": cids, "colour": "red"})
    alone = [(await miner.get(f"/retrieve/{cid}")).json for cid in cids]
    assert reply.json["outcomes"] == alone
    codes = [outcome.get("code") for outcome in alone]
    assert codes == [None, "not_found", "refused_here", None, None]
    assert "colour" in reply.json["warnings"][0]


async def test_large_records_come_in_parts_that_begin_at_the_front(miner: Served) -> None:
    large = "x" * 60_000
    cids = [await stored(miner, n=n, large=large) for n in range(30)]
    first = (await miner.post("/batch/retrieve", {"cids": cids})).json["outcomes"]
    assert [each["cid"] for each in first] == cids[: len(first)]
    assert 0 < len(first) < 30
    assert (len(first) - 1) * 60_000 < ENOUGH_BYTES <= len(first) * 70_000


@pytest.mark.parametrize(
    ("cids", "code"),
    [
        ([], "invalid_cid"),
        ([UNKNOWN] * (MAX_RETRIEVE + 1), "invalid_cid"),
        ([UNKNOWN.upper()], "invalid_cid"),
        (UNKNOWN, "invalid_cid"),
        (None, "invalid_cid"),
    ],
)
async def test_what_is_no_list_of_cids_is_refused(miner: Served, cids: Any, code: str) -> None:
    assert (await miner.post("/batch/retrieve", {"cids": cids})).is_error(400, code)
