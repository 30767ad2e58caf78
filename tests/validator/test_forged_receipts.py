"""Receipts that are not what they seem are no evidence of anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engram.protocol import PageReceipt, SignedReceipt
from tests.chain.worlds import signer
from tests.validator.chain_in_memory import miner_name
from tests.validator.simulated_miners import SimulatedMiner
from tests.validator.world import World

NewWorld = Callable[..., World]
Json = dict[str, Any]
METADATA = {"text": "a record"}
CID, OTHER = f"v1::{1:064x}", f"v1::{2:064x}"


def receipt_of(miner: SimulatedMiner, world: World, cid: str = CID) -> Json:
    placement = world.parts.roster.placement
    assert placement is not None
    [receipt] = miner.receipt(cid, METADATA, placement)
    return receipt


def evidence(world: World, *given: Json, cid: str = CID) -> list[int]:
    """UIDs of the miners whose receipts count."""
    receipts = [SignedReceipt(**receipt) for receipt in given]
    return [g.miner.uid for g in world.parts.receipts.of_record(cid, METADATA, receipts)]


@pytest.fixture
async def world(new_world: NewWorld) -> World:
    world = new_world()
    await world.parts.follower.turn()
    return world


async def test_a_genuine_one_counts(world: World) -> None:
    assert evidence(world, receipt_of(world.miners[1], world)) == [1]
    assert world.parts.receipts.refused == 0


async def test_one_replayed_from_another_cid(world: World) -> None:
    other = receipt_of(world.miners[1], world, OTHER)
    assert evidence(world, other) == []
    assert evidence(world, other | {"cid": CID}) == []
    assert world.parts.receipts.refused == 2


async def test_one_signed_by_somebody_else(world: World) -> None:
    """The forwarder signs in the name of its neighbour."""
    receipt = receipt_of(world.miners[0], world)
    assert evidence(world, receipt | {"hotkey": world.miners[1].hotkey}) == []


async def test_one_of_a_hotkey_that_is_no_member(world: World) -> None:
    from random import Random

    stranger = SimulatedMiner(77, Random(1))
    assert stranger.hotkey == signer(miner_name(77)).hotkey
    assert evidence(world, receipt_of(stranger, world)) == []


@pytest.mark.parametrize("change", [{"size": 1}, {"placement": 5}, {"signature": "00" * 64}])
async def test_one_with_another_number(world: World, change: Json) -> None:
    assert evidence(world, receipt_of(world.miners[1], world) | change) == []


async def test_one_of_a_placement_long_ago(world: World) -> None:
    old = receipt_of(world.miners[1], world)
    await world.blocks(10)
    assert evidence(world, old) == [1]  # the one before
    await world.blocks(10)
    assert evidence(world, old) == []


async def test_many_are_not_all_looked_at(world: World) -> None:
    false = receipt_of(world.miners[1], world) | {"signature": "11" * 64}
    assert evidence(world, *([false] * 100), receipt_of(world.miners[1], world)) == []


async def test_a_page_receipt_is_for_its_records_in_their_order(world: World) -> None:
    miner = world.miners[1]
    [known] = [one for one in world.parts.roster.miners if one.uid == 1]
    given = PageReceipt(**miner.page_receipt([CID, OTHER]))
    check = world.parts.receipts.of_page
    assert check(known, [CID, OTHER], given) is not None
    assert check(known, [OTHER, CID], given) is None
    assert check(known, [CID], given) is None
    assert check(world.parts.roster.miners[2], [CID, OTHER], given) is None
    foreign = PageReceipt(**world.miners[2].page_receipt([CID, OTHER]))
    assert check(known, [CID, OTHER], foreign) is None


async def test_forged_for_neighbours_that_never_got_the_record(new_world: NewWorld) -> None:
    """They owe nothing for it, and the books do not say that they hold it."""
    world = new_world(3)
    liar, *neighbours = world.miners
    for miner in neighbours:
        miner.signs = False

    def in_their_name(receipt: Json) -> Json:
        return receipt | {"hotkey": neighbours[0].hotkey}

    liar.forges = in_their_name
    liar.forwards = False
    await world.parts.follower.turn()
    await world.handed()
    assert world.parts.receipts.refused > 0
    assert [world.score(miner.uid)["known"] for miner in neighbours] == [0, 0]
    with world.parts.state.read() as connection:
        copies = connection.execute("SELECT count(*) FROM copies WHERE miner > 1").fetchone()[0]
    assert copies == 0
