"""A file goes to Arweave once, is found there by its content, and comes back verified."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engram.blobs.arweave.merkle import CHUNK_BYTES
from engram.blobs.content import content_cid_of
from engram.blobs.interface import PinState
from engram.errors import BlobMismatch
from tests.blobs.arweave.conftest import TAGS, World
from tests.blobs.arweave.golden_vectors import VECTORS, data_of


@pytest.mark.parametrize("size", [vector["size"] for vector in VECTORS])
async def test_every_size_is_taken_and_comes_back(world: World, tmp_path: Path, size: int) -> None:
    data = data_of(size)
    content_cid = await world.queue(data)
    pinning = world.pinning()
    sent = await pinning.advance(content_cid)
    assert (sent.state, sent.reason) == (PinState.PENDING, "")
    world.ledger.mine()
    assert await pinning.fetch(content_cid, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    assert world.ids(content_cid) == [sent.id]
    chunks = world.faults.seen.count("POST /chunk")
    assert chunks == (0 if size <= CHUNK_BYTES else len(list(vector_of(size)["chunks"])))


def vector_of(size: int) -> dict[str, list[object]]:
    return next(vector for vector in VECTORS if vector["size"] == size)


async def test_confirmations_until_it_is_permanent(world: World) -> None:
    content_cid = await world.queue(b"memory")
    pinning = world.pinning()
    states = [(await pinning.advance(content_cid)).state]
    for _ in range(10):
        world.ledger.mine()
        states.append((await pinning.advance(content_cid)).state)
    assert states == [PinState.PENDING, *[PinState.CONFIRMED] * 9, PinState.PERMANENT]
    assert await pinning.waiting() == []


async def test_the_same_file_twice_is_paid_once(world: World) -> None:
    content_cid = await world.queue(b"memory")
    first = await world.pinning().advance(content_cid)
    assert await world.queue(b"memory") == content_cid
    assert (await world.pinning().advance(content_cid)).id == first.id
    assert world.ids(content_cid) == [first.id]


async def test_a_file_of_nobody_is_not_found(world: World, tmp_path: Path) -> None:
    assert not await world.pinning().fetch("sha256:" + "0" * 64, tmp_path / "back")
    assert not (tmp_path / "back").exists()


async def test_a_gateway_that_flips_one_byte_is_found_out(world: World, tmp_path: Path) -> None:
    content_cid = await world.queue(data_of(700_000))
    await world.pinning().advance(content_cid)
    world.ledger.mine()
    world.faults.flip_data = True
    with pytest.raises(BlobMismatch):
        await world.pinning().fetch(content_cid, tmp_path / "back")
    assert not (tmp_path / "back").exists()


async def test_a_signed_upload_of_other_bytes_is_passed_over(world: World, tmp_path: Path) -> None:
    """Anybody may tag anything with a content id; the bytes decide."""
    right = await world.queue(b"right")
    await world.pinning().advance(right)
    path = tmp_path / "given"
    path.write_bytes(b"wrong")
    liar = world.pinning()
    await liar.put(path, content_cid_of(b"wrong"), TAGS | {"Content-CID": right})
    await liar.advance(content_cid_of(b"wrong"))
    world.ledger.mine()
    assert len(world.ids(right)) == 2
    assert await liar.fetch(right, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"right"


async def test_nothing_is_sent_without_a_wallet(world: World) -> None:
    content_cid = await world.queue(b"memory")
    poor = replace(world, wallet=None)
    found = await poor.pinning().advance(content_cid)
    assert (found.state, found.id) == (PinState.WAITING, None)
    assert "wallet" in found.reason
    assert (await world.pinning().advance(content_cid)).state is PinState.PENDING
