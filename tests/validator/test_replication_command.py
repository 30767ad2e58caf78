"""``engram replication`` over a validator's HTTP: counts, pages, one record, and errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from engram.validator.api import build_app
from tests.cli.shell import Ran, Shell
from tests.validator.users import stored
from tests.validator.world import World

NewWorld = Callable[..., World]


Run = Callable[..., Awaitable[Ran]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    shell = Shell(capsys)

    async def ran(*arguments: str) -> Ran:
        return await asyncio.to_thread(shell, "replication", *arguments)

    return ran


@pytest.fixture
async def surveyed(new_world: NewWorld) -> World:
    """Twelve records of users, each at its three holders, and one that one member lost."""
    world = new_world(4)
    await world.placed()
    cids = stored(world, 12)
    world.lose(cids[0], among=1)
    await world.parts.survey.turn()
    return world


@pytest.fixture
async def url(surveyed: World) -> AsyncIterator[str]:
    async with TestServer(build_app(surveyed.parts)) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_status_counts_and_tells_members(url: str, run: Run) -> None:
    shown = await run("status", "--url", url)
    assert shown.code == 0, shown.err
    assert "users'" in shown.out
    body = json.loads((await run("status", "--url", url, "--json")).out)
    assert body["users"]["records"] == 12
    assert (body["users"]["HEALTHY"], body["users"]["DEGRADED"]) == (11, 1)
    assert body["users"]["shares"]["HEALTHY"] == pytest.approx(11 / 12)
    assert sum(member["to_hold"] for member in body["members"]) == 36
    assert sum(member["confirmed"] for member in body["members"]) == 35


async def test_list_goes_page_by_page(url: str, run: Run) -> None:
    found: list[str] = []
    cursor: list[str] = []
    while True:
        done = await run("list", "--url", url, "--limit", "5", "--json", *cursor)
        body = json.loads(done.out)
        found += [record["cid"] for record in body["records"]]
        if body["cursor"] is None:
            break
        cursor = ["--cursor", body["cursor"]]
    assert len(found) == len(set(found)) == 12


async def test_list_by_status_and_show(url: str, run: Run) -> None:
    done = await run("list", "--url", url, "--status", "degraded", "--json")
    [short] = json.loads(done.out)["records"]
    assert short["detail"] == "DEGRADED: 2 of 3"
    assert len(short["missing"]) == 1
    shown = await run("show", short["cid"], "--url", url)
    assert shown.code == 0, shown.err
    assert "DEGRADED: 2 of 3" in shown.out
    assert "NO" in shown.out
    assert "page" in shown.out


async def test_what_is_not_known(url: str, run: Run, tmp_path: Path) -> None:
    assert (await run("show", f"v1::{0:064x}", "--url", url)).code == 4
    assert (await run("show", "abc", "--url", url)).code == 2
    nobody = await run("status", "--data-dir", str(tmp_path))
    assert nobody.code == 5
    assert "start it, or name --url" in nobody.err
