"""/stats carries what validators say of the miner, and no nonsense."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from engram.miner.scores import MOST_BYTES, ScoreBoard, said_of
from engram.net.server import Runner
from tests.chain.worlds import signer
from tests.miner.harness import served
from tests.miner.linked import linked_on_dev_chain

HOTKEY = signer("miner").hotkey
NOBODY = "http://127.0.0.1:9"


def answer(validator: str, composite: float | None) -> dict[str, Any]:
    others = {"uid": 1, "hotkey": "another", "composite": 0.1}
    ours = {"uid": 0, "hotkey": HOTKEY, "composite": composite}
    return {"validator": validator, "scores": [others, ours]}


class Validators:
    """Several validators on one server; each says what the test wants."""

    def __init__(self, url: str, said: dict[str, web.Response]) -> None:
        self.url = url
        self.said = said

    def says(self, name: str, response: web.Response) -> str:
        """The URL of a validator that answers so."""
        self.said[name] = response
        return f"{self.url}/{name}"


@pytest.fixture
async def validators() -> AsyncIterator[Validators]:
    said: dict[str, web.Response] = {}

    async def scores(request: web.Request) -> web.Response:
        return said[request.match_info["name"]]

    app = web.Application()
    app.router.add_get("/{name}/scores", scores)
    runner = Runner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Validators(f"http://127.0.0.1:{runner.addresses[0][1]}", said)
    await runner.cleanup()


async def merged(*urls: str) -> dict[str, float | None]:
    board = ScoreBoard(urls, HOTKEY, 1)
    async with aiohttp.ClientSession() as session:
        await board.refresh(session)
    return board.scores


async def test_those_who_answer_are_merged(validators: Validators) -> None:
    one = validators.says("one", web.json_response(answer("5one", 0.93)))
    two = validators.says("two", web.json_response(answer("5two", None)))
    assert await merged(one, two + "/", NOBODY) == {"5one": 0.93, "5two": None}


@pytest.mark.parametrize(
    "response",
    [
        lambda: web.Response(text="no JSON", content_type="application/json"),
        lambda: web.json_response([]),
        lambda: web.json_response({"validator": "5x", "scores": [{"hotkey": HOTKEY}]}),
        lambda: web.json_response({"validator": "5x", "scores": None}),
        lambda: web.json_response(answer("5x", 0.5), status=503),
        lambda: web.Response(status=302, headers={"Location": NOBODY}),
        lambda: web.Response(body=b" " * MOST_BYTES, content_type="application/json"),
        lambda: web.Response(text="{}", content_type="text/html"),
    ],
)
async def test_nonsense_says_nothing(validators: Validators, response: Any) -> None:
    good = validators.says("good", web.json_response(answer("5good", 0.5)))
    bad = validators.says("bad", response())
    assert await merged(bad, good) == {"5good": 0.5}


async def test_whoever_falls_silent_is_forgotten(validators: Validators) -> None:
    url = validators.says("one", web.json_response(answer("5one", 0.93)))
    board = ScoreBoard([url], HOTKEY, 1)
    async with aiohttp.ClientSession() as session:
        await board.refresh(session)
        board.urls = [NOBODY]
        await board.refresh(session)
    assert board.scores == {}


def test_a_validator_that_does_not_judge_us_says_nothing() -> None:
    assert said_of("somebody", answer("5one", 0.9)) == {}


async def test_stats_carry_them(validators: Validators, tmp_path: Path) -> None:
    url = validators.says("one", web.json_response(answer("5one", 0.93)))
    with linked_on_dev_chain(tmp_path) as on_chain:
        async with served(validators=url) as miner:
            assert (await miner.get("/stats")).json["scores"] == {}
            miner.node.join(on_chain.link)
            while not (await miner.get("/stats")).json["scores"]:
                pass
            assert (await miner.get("/stats")).json["scores"] == {"5one": 0.93}
            await miner.node.leave()
