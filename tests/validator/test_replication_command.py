"""``engram replication`` over a validator's HTTP: counts, pages, one record, and errors."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from engram.validator.api import build_app
from tests.validator.users import stored
from tests.validator.world import World

NewWorld = Callable[..., World]


async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "engram", "replication", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


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


async def test_status_counts_and_tells_members(url: str) -> None:
    shown = await run("status", "--url", url)
    assert shown.returncode == 0, shown.stderr
    assert "users'" in shown.stdout
    body = json.loads((await run("status", "--url", url, "--json")).stdout)
    assert body["users"]["records"] == 12
    assert (body["users"]["HEALTHY"], body["users"]["DEGRADED"]) == (11, 1)
    assert body["users"]["shares"]["HEALTHY"] == pytest.approx(11 / 12)
    assert sum(member["to_hold"] for member in body["members"]) == 36
    assert sum(member["confirmed"] for member in body["members"]) == 35


async def test_list_goes_page_by_page(url: str) -> None:
    found: list[str] = []
    cursor: list[str] = []
    while True:
        done = await run("list", "--url", url, "--limit", "5", "--json", *cursor)
        body = json.loads(done.stdout)
        found += [record["cid"] for record in body["records"]]
        if body["cursor"] is None:
            break
        cursor = ["--cursor", body["cursor"]]
    assert len(found) == len(set(found)) == 12


async def test_list_by_status_and_show(url: str) -> None:
    done = await run("list", "--url", url, "--status", "degraded", "--json")
    [short] = json.loads(done.stdout)["records"]
    assert short["detail"] == "DEGRADED: 2 of 3"
    assert len(short["missing"]) == 1
    shown = await run("show", short["cid"], "--url", url)
    assert shown.returncode == 0, shown.stderr
    assert "DEGRADED: 2 of 3" in shown.stdout
    assert "NO" in shown.stdout
    assert "page" in shown.stdout


async def test_what_is_not_known(url: str, tmp_path: Path) -> None:
    assert (await run("show", f"v1::{0:064x}", "--url", url)).returncode == 4
    assert (await run("show", "abc", "--url", url)).returncode == 2
    nobody = await run("status", "--data-dir", str(tmp_path))
    assert nobody.returncode == 5
    assert "start it, or name --url" in nobody.stderr
