"""``engram route`` and ``engram peers``: at miners that know each other, and at one alone."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tests.cli.shell import Shell
from tests.miner.network import network

NOWHERE = "v1::" + "5e" * 32


async def test_a_way_and_the_members_as_tables(tmp_path: Path, shell: Shell) -> None:
    async with network(tmp_path, 5) as net:
        first = net.miners[0]
        stored = await first.post("/IngestSynapse", {"text": "a sentence"})
        cid = stored.json["cid"]
        ran = await asyncio.to_thread(shell.ok, "route", cid, "--url", first.url)
        lines = ran.out.splitlines()
        assert lines[0].strip() == f"placement block {net.block}"
        assert lines[1].split() == ["role", "uid", "address", "distance", "answers", "hotkey"]
        current = first.table.current
        assert current is not None
        for line, member in zip(lines[2:5], current.order(cid), strict=False):
            _, uid, address, distance, answers, hotkey = line.split()
            assert (uid, hotkey) == (str(member.uid), member.hotkey)
            assert (f"http://{address}", answers) == (member.url, "yes")
            assert distance.endswith("…")
        assert lines[5] == "The node that was asked holds it."

        ran = await asyncio.to_thread(shell.ok, "route", NOWHERE, "--url", first.url)
        assert ran.out.splitlines()[-1] == "The node that was asked does not."

        ran = await asyncio.to_thread(shell.ok, "peers", "--url", first.url)
        rows = [line.split() for line in ran.out.splitlines()[2:]]
        assert [row[0] for row in rows] == ["0", "1", "2", "3", "4"]
        assert [row[2] for row in rows] == ["asked", "yes", "yes", "yes", "yes"]


async def test_json_is_the_body(tmp_path: Path, shell: Shell) -> None:
    async with network(tmp_path, 3) as net:
        url = net.miners[0].url
        ran = await asyncio.to_thread(shell.ok, "route", NOWHERE, "--url", url, "--json")
        assert ran.json.keys() == {"cid", "placement", "holders", "held", "warnings"}
        ran = await asyncio.to_thread(shell.ok, "peers", "--url", url, "--json")
        assert [member["uid"] for member in ran.json["members"]] == [0, 1, 2]


async def test_a_silent_member_shows(tmp_path: Path, shell: Shell) -> None:
    async with network(tmp_path, 3) as net:
        first = net.miners[0]
        current = first.table.current
        assert current is not None
        await net.miners[2].stop()
        first.replication.reach.failed(current.members[2])
        ran = await asyncio.to_thread(shell.ok, "route", NOWHERE, "--url", first.url)
        [row] = [line for line in ran.out.splitlines() if current.members[2].hotkey in line]
        assert row.split()[4] == "no"
        ran = await asyncio.to_thread(shell.ok, "peers", "--url", first.url)
        assert re.search(r"no, for \d+ s", ran.out)


def test_a_node_that_is_alone_says_so(at_node: Shell) -> None:
    assert "no peers" in at_node.ok("peers").out
    out = at_node.ok("route", NOWHERE).out
    assert "no peers" in out
    assert out.splitlines()[-1] == "The node that was asked does not."


def test_what_is_no_cid(at_node: Shell) -> None:
    ran = at_node("route", "v1::xyz", "--json")
    assert (ran.code, ran.json["code"]) == (2, "invalid_cid")


async def test_an_error_says_who_holds_it(tmp_path: Path, shell: Shell) -> None:
    async with network(tmp_path, 3) as net:
        ran = await asyncio.to_thread(shell, "get", NOWHERE, "--url", net.miners[0].url, "--json")
        assert (ran.code, ran.json["code"]) == (4, "not_found")
        assert [holder["uid"] for holder in ran.json["holders"]] != []


async def test_an_ingest_says_how_many_have_it(tmp_path: Path, shell: Shell) -> None:
    async with network(tmp_path, 3) as net:
        url = net.miners[0].url
        ran = await asyncio.to_thread(
            shell.ok, "ingest", "a text", "--url", url, "--embed", "remote", "--min-replicas", 3
        )
        assert ran.out.startswith("v1::")
        assert "3 of 3 replicas" in ran.err


async def test_too_few_in_time_is_an_error_that_names_the_record(
    tmp_path: Path, shell: Shell
) -> None:
    async with network(tmp_path, 3, replicate_deadline_s=0.1) as net:
        first, *others = net.miners
        for miner in others:
            await miner.stop()
        ingest = ("ingest", "a text", "--url", first.url, "--embed", "remote")
        refused = await asyncio.to_thread(shell, *ingest, "--min-replicas", 2, "--json")
        assert (refused.code, refused.json["code"]) == (5, "too_few_replicas")
        assert refused.json["replicas"]["acknowledged"] == 1
        assert first.store.get(refused.json["cid"]) is not None
        ran = await asyncio.to_thread(shell.ok, *ingest)
        assert "1 of 3 replicas; the node goes on sending it." in ran.err
