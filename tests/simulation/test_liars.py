"""Lying miners among honest ones, and what a client sees of them."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from engram.sdk.network.results import NetworkResults
from tests.simulation.books import Sent
from tests.simulation.keys import Key
from tests.simulation.liars import (
    Lie,
    answers_wrong_bytes,
    keeps_only_hashes,
    mints,
    swallows,
)
from tests.simulation.readers import Reader
from tests.simulation.scenarios import holders, live, written
from tests.simulation.world import World
from tests.simulation.writers import Writer

RECORDS = 40
LIAR = "m4"


async def prepared(world: World) -> tuple[Reader, list[Sent]]:
    """Records that are old enough to be confirmed, some of them at the liar."""
    records = await written(Writer(world, "writer"), world.miners[0], RECORDS)
    await asyncio.sleep(60)
    at_liar = [sent for sent in records if LIAR in {m.name for m in holders(world, sent.cid)}]
    assert at_liar
    return Reader(world, "reader"), at_liar


async def searched(reader: Reader, sent: Sent, *, verify: bool) -> NetworkResults:
    return await reader.network.query(
        sent.embedding.tolist(), 5, {"namespace": "writer"}, verify=verify
    )


@pytest.mark.parametrize("verify", [False, True])
def test_minted_records_are_in_no_confirmed_result(verify: bool) -> None:
    async def main(world: World) -> None:
        reader, records = await prepared(world)
        minted = 0
        for sent in records:
            found = await searched(reader, sent, verify=verify)
            confirmed = [hit for hit in found if hit.confirmed]
            assert confirmed[0].cid == sent.cid
            assert all(hit.cid in world.books.known for hit in confirmed)
            unknown = {hit.cid for hit in found} | {one.cid for one in found.rejected}
            minted += len(unknown - world.books.known.keys())
        assert minted > 0  # the liar was asked, and did lie

    live(main, miners=5, liars={LIAR: mints(Random(1))})


def test_wrong_bytes_are_named_and_dropped() -> None:
    async def main(world: World) -> None:
        reader, records = await prepared(world)
        liar = world.miners[4].axon.url
        named = set()
        for sent in records:
            found = await searched(reader, sent, verify=True)
            named |= {node.url for node in found.liars}
            [hit] = [hit for hit in found if hit.cid == sent.cid]
            assert hit.metadata == sent.metadata and hit.verified
            await reader.get(sent)
        assert named == {liar}
        verdicts = await reader.network.verify(records[0].cid)
        wrong = {one.node.url for one in verdicts.holders if not one.verification.bytes_match}  # type: ignore[union-attr]
        assert wrong == {liar}

    live(main, miners=5, liars={LIAR: answers_wrong_bytes(Random(1))})


@pytest.mark.parametrize("lie", [keeps_only_hashes(Random(1)), swallows(Key(LIAR))])
def test_what_a_liar_threw_away_is_found_and_read(lie: Lie) -> None:
    async def main(world: World) -> None:
        reader, records = await prepared(world)
        for sent in records:
            found = await searched(reader, sent, verify=False)
            assert sent.cid in {hit.cid for hit in found if hit.confirmed}
            await reader.get(sent)
        assert reader.found == len(records)

    live(main, miners=5, liars={LIAR: lie})
