"""Who the members are: from a chain at its placement blocks, or from any node's word."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from engram import EngramNetwork
from engram.chain.interface import Axon
from engram.dht import Member
from engram.errors import ChainUnavailable, InvalidInput, ServerError, ServerUnreachable
from engram.sdk.exchange import Answer
from engram.sdk.network.ask import Asking
from engram.sdk.network.from_chain import ChainDiscovery
from engram.sdk.network.from_peers import PeersDiscovery
from engram.sdk.network.roll import Roll
from engram.sdk.network.standing import Standing
from engram.sdk.network.view import View
from tests.chain.worlds import NETUID, World, dev_world
from tests.sdk.network.town import Town, direction, records, refusal, run

EVERY = 10


def announce(world: World, *names: str) -> None:
    world.register(*names)
    for at, name in enumerate(names):
        world.ledger(name).serve_axon(Axon("198.51.100.7", 8000 + at), netuid=NETUID)


def discovery(world: World, folder: Path | None = None, **options: Any) -> ChainDiscovery:
    return ChainDiscovery(
        f"dev:{world.path}", netuid=NETUID, placement_blocks=EVERY, folder=folder, **options
    )


def uids(view: View) -> list[int]:
    return [member.uid for member in view.members]


async def test_the_members_are_those_of_the_placement_block(tmp_path: Path) -> None:
    with dev_world(tmp_path) as world:
        announce(world, "a", "b")
        found = discovery(world)
        with pytest.raises(ChainUnavailable, match="too young"):
            await found.look()
        world.advance(3 * EVERY)
        view = await found.look()
        assert uids(view) == [0, 1]
        assert view.placement is not None and view.placement % EVERY == 0
        assert not view.public
        announce(world, "c")
        world.advance(EVERY)
        assert uids(await found.look()) == [0, 1], "it was not there one placement block before"
        world.advance(EVERY)
        view = await found.look()
        assert uids(view) == [0, 1, 2]
        assert view.previous is not None and view.stayed == {0, 1}
        await found.close()


async def test_without_an_answer_of_the_chain_the_last_members_stay(tmp_path: Path) -> None:
    with dev_world(tmp_path) as world:
        announce(world, "a", "b")
        world.advance(3 * EVERY)
        found = discovery(world, deadline_s=2)
        view = await found.look()
        world.down()
        assert (await found.look()).current == view.current
        other = discovery(world, deadline_s=2)
        with pytest.raises(ChainUnavailable):
            await other.look()
        world.mend()
        assert (await other.look()).current == view.current
        await found.close()
        await other.close()


async def test_a_folder_keeps_the_last_members_while_they_are_young(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    with dev_world(tmp_path) as world:
        announce(world, "a", "b")
        world.advance(3 * EVERY)
        found = discovery(world, folder)
        assert found.remembered() is None
        view = await found.look()
        await found.close()
        again = discovery(world, folder)
        remembered = again.remembered()
        assert remembered is not None and remembered.current == view.current
        written = (folder / "placement").stat().st_mtime
        assert discovery(world, folder, now=lambda: written + 12 * EVERY + 1).remembered() is None
        world.down()
        late = discovery(world, folder, now=lambda: written + 10**6, deadline_s=2)
        assert (await late.look()).current == view.current, "old is better than none"
        await again.close()
        await late.close()


async def test_the_next_look_is_at_the_next_placement_block(tmp_path: Path) -> None:
    with dev_world(tmp_path) as world:
        announce(world, "a")
        world.advance(3 * EVERY)
        found = discovery(world)
        await found.look()
        assert await found.next_look_s() >= 1
        await found.close()


def peers_body(members: Sequence[Member], placement: int | None = 100, **changes: Any) -> bytes:
    said = [
        {
            "uid": one.uid,
            "hotkey": one.hotkey,
            "url": one.url,
            "node_id": one.node_id.hex(),
            "registered_at": one.registered_at,
            "registered_hash": one.registered_hash.hex(),
            "reachable": True,
            "silent_s": None,
            "waiting": 0,
            "itself": False,
        }
        | changes
        for one in members
    ]
    return orjson.dumps({"placement": placement, "previous": None, "members": said})


class Says:
    """An Ask that answers GET /peers."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def send(self, url: str, method: str, path: str, content: bytes | None) -> Answer:
        assert (method, path, content) == ("GET", "/peers", None)
        return self.answer

    async def close(self) -> None:
        pass


async def test_a_node_names_the_members_and_places_as_the_chain_does() -> None:
    town = Town(12)
    said = Says(Answer(200, peers_body([*reversed(town.membership.members)])))
    view = await PeersDiscovery("http://192.168.0.7:8091", said).look()
    for one in records(50):
        assert [m.uid for m in view.holders(one.cid)] == town.holders(one.cid)
    assert not view.public


async def test_a_public_node_cannot_send_anybody_into_their_own_network() -> None:
    town = Town(3)
    body = peers_body(town.membership.members, url="http://192.168.0.7:8091")
    view = await PeersDiscovery("http://8.8.8.8:8091", Says(Answer(200, body))).look()
    assert view.public and not any(view.dials(member) for member in view.members)
    asking = Asking(Says(Answer(200, b"{}")), Standing(lambda: 0.0))
    asking.dials = view.dials
    with pytest.raises(ServerUnreachable, match="public internet"):
        await asking.answer(view.members[0], "GET", "/peers", None, 1)


@pytest.mark.parametrize(
    "answer",
    [refusal(404, "not_found"), Answer(200, peers_body([], None))],
    ids=["too old to say", "without a chain"],
)
async def test_a_node_that_knows_of_nobody_is_the_whole_network(answer: Answer) -> None:
    view = await PeersDiscovery("http://node:8091/", Says(answer)).look()
    assert [member.url for member in view.members] == ["http://node:8091"]
    assert view.placement is None


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        peers_body(Town(3).membership.members, node_id="00" * 32),
        peers_body(Town(3).membership.members, url="file:///etc/passwd"),
        peers_body(Town(3).membership.members, registered_hash="short"),
    ],
)
async def test_what_breaks_the_protocol_is_no_list_of_members(body: bytes) -> None:
    with pytest.raises(ServerError):
        await PeersDiscovery("http://node:8091", Says(Answer(200, body))).look()


def test_new_members_are_asked_once_the_placement_moved() -> None:
    async def main() -> None:
        small, large = Town(2), Town(4)
        for node in large.nodes.values():
            for one in records(40):
                node.put(one)
        places = [small, large]

        class Moving(Town):
            async def look(self) -> View:
                return await places[min(self.looks(), 1)].look()

            async def next_look_s(self) -> float:
                return 60.0

            count = 0

            def looks(self) -> int:
                self.count += 1
                return self.count - 1

        moving = Moving(4)
        moving.nodes = large.nodes
        async with moving.network() as network:
            assert (await network.query(direction("q"), 5)).asked == 2
            await asyncio.sleep(61)
            assert (await network.query(direction("q"), 5)).asked == 4

    run(main)


async def test_a_look_that_fails_keeps_the_members_and_is_repeated() -> None:
    looks = 0
    slept: list[float] = []
    enough = asyncio.Event()

    class Flaky(Town):
        async def look(self) -> View:
            nonlocal looks
            looks += 1
            if looks > 1:
                raise ChainUnavailable("The chain is away.")
            return await super().look()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)
        if len(slept) >= 6:
            enough.set()
            await asyncio.Event().wait()

    roll = Roll(Flaky(3), sleep)
    view = await roll.view()
    await asyncio.wait_for(enough.wait(), 30)
    assert await roll.view() is view
    assert looks >= 3
    await roll.close()


@pytest.mark.parametrize("ways", [{}, {"chain": "dev:x", "url": "http://node"}])
def test_one_way_to_find_them_must_be_named(ways: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="one way"):
        EngramNetwork(**ways)
