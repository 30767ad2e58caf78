"""Wherever the sending stops, the same transaction goes on: never two that could both be paid."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from engram.blobs.arweave.pinning import UNSEEN_S, Caps
from engram.blobs.arweave.transaction import Transaction, from_json
from engram.blobs.interface import PinState
from engram.blobs.journal import Journal
from tests.blobs.arweave.conftest import World
from tests.blobs.arweave.golden_vectors import data_of

BIG = data_of(3 * 256 * 1024 + 1)


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(
    "where", ["GET /price", "GET /tx_anchor", "GET /info", "POST /tx", "POST /chunk", "GET /tx/"]
)
async def test_broken_off_anywhere_and_begun_again(world: World, where: str, status: int) -> None:
    content_cid = await world.queue(BIG)
    world.faults.refuse_once[where] = status
    stopped = await world.pinning().advance(content_cid)
    assert stopped.reason
    again = await world.pinning().advance(content_cid)
    assert again.state is PinState.PENDING
    assert stopped.id in (None, again.id)
    assert world.ids(content_cid) == [again.id]


async def test_chunks_go_on_where_they_stopped(world: World) -> None:
    content_cid = await world.queue(BIG)
    world.faults.refuse_once["POST /chunk"] = 503
    await world.pinning().advance(content_cid)
    await world.pinning().advance(content_cid)
    assert world.faults.seen.count("POST /chunk") == 1 + 4
    assert world.faults.seen.count("POST /tx") == 1


async def test_an_outage_longer_than_the_anchor_lives(world: World) -> None:
    """Nobody ever saw the first transaction, and nobody can mine it now: only then a second."""
    content_cid = await world.queue(BIG)
    world.faults.refuse_once["POST /tx"] = 503
    first = await world.pinning().advance(content_cid)
    assert first.id is not None
    world.ledger.mine(50)
    world.faults.refuse_once["POST /tx"] = 503
    assert (await world.pinning().advance(content_cid)).id == first.id  # it might still be mined
    world.ledger.mine(11)
    second = await world.pinning().advance(content_cid)
    assert second.state is PinState.PENDING
    assert second.id != first.id
    assert second.earlier_ids == (first.id,)
    assert world.ids(content_cid) == [second.id]


async def test_an_outage_after_the_header_was_taken(world: World) -> None:
    """The chain has the first transaction, so it stays the only one, however long it took."""
    content_cid = await world.queue(BIG)
    world.faults.refuse_once["POST /chunk"] = 503
    first = await world.pinning().advance(content_cid)
    world.ledger.mine(200)
    second = await world.pinning().advance(content_cid)
    assert second.id == first.id
    assert second.state is PinState.PERMANENT
    assert world.ids(content_cid) == [first.id]


async def test_the_answer_to_the_header_was_lost(world: World) -> None:
    """Taken, but we never heard of it; the anchor is long dead when we come back."""
    content_cid = await world.queue(BIG)
    world.faults.refuse_once["POST /tx"] = 503
    first = await world.pinning().advance(content_cid)
    world.ledger.take(kept_transaction(world, content_cid), b"")
    world.ledger.mine(100)
    second = await world.pinning().advance(content_cid)
    assert second.id == first.id
    assert world.ids(content_cid) == [first.id]


def kept_transaction(world: World, content_cid: str) -> Transaction:
    entry = Journal(world.root / "journal").read(content_cid)
    assert entry is not None and entry.transaction is not None
    return from_json(entry.transaction)


async def test_dropped_from_the_mempool_it_is_handed_in_again(world: World) -> None:
    content_cid = await world.queue(BIG)
    first = await world.pinning().advance(content_cid)
    world.ledger.forget_mempool()
    for _ in range(2):  # gateways show things late: at first nothing is done
        assert (await world.pinning().advance(content_cid)).state is PinState.PENDING
    world.time += UNSEEN_S + 1
    await world.pinning().advance(content_cid)
    again = await world.pinning().advance(content_cid)
    assert (again.id, again.state) == (first.id, PinState.PENDING)
    assert world.ids(content_cid) == [first.id]


async def test_a_poor_wallet_waits_and_goes_on(world: World) -> None:
    content_cid = await world.queue(b"memory")
    assert world.wallet is not None
    world.ledger.mint(world.wallet.address, -world.ledger.balance(world.wallet.address))
    poor = await world.pinning().advance(content_cid)
    assert poor.state is PinState.UNDERFUNDED
    assert "Send AR" in poor.reason
    world.ledger.mint(world.wallet.address, 10**12)
    paid = await world.pinning().advance(content_cid)
    assert (paid.state, paid.id) == (PinState.PENDING, poor.id)


async def test_the_cap_of_a_file_is_kept(world: World) -> None:
    content_cid = await world.queue(b"memory")
    stingy = replace(world, caps=Caps(per_file=1, per_day=10**12))
    refused = await stingy.pinning().advance(content_cid)
    assert (refused.state, refused.id) == (PinState.REJECTED, None)
    assert "cap" in refused.reason
    await world.pinning().retry(content_cid)
    assert (await world.pinning().advance(content_cid)).state is PinState.PENDING


async def test_the_cap_of_a_day_is_kept_until_the_next(world: World) -> None:
    first, second = await world.queue(b"one"), await world.queue(b"two")
    careful = replace(world, caps=Caps(10**12, per_day=world.ledger.price(3) + 1))
    assert (await careful.pinning().advance(first)).state is PinState.PENDING
    waits = await careful.pinning().advance(second)
    assert (waits.state, waits.id) == (PinState.WAITING, None)
    careful = replace(careful, time=careful.time + 90_000)
    assert (await careful.pinning().advance(second)).state is PinState.PENDING


async def test_no_gateway_at_all(world: World) -> None:
    content_cid = await world.queue(b"memory")
    await world.http.aclose()
    async with httpx.AsyncClient(base_url="http://127.0.0.1:9", trust_env=False) as nobody:
        found = await replace(world, http=nobody).pinning().advance(content_cid)
    assert (found.state, found.id) == (PinState.WAITING, None)
    assert "not reached" in found.reason
