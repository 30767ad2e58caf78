"""A member sends bytes that are not what their CID says: refused one by one, and never served."""

from __future__ import annotations

import struct
from pathlib import Path

import orjson

from engram.chain.signatures import verify
from engram.core.receipt import receipt_bytes, record_size
from engram.miner.replication.frame import Copy, Packed, pack
from engram.protocol import ReplicaAck, ReplicaReply
from tests.chain.worlds import signer
from tests.miner.replication.sender import among, changed, copy, fates


async def test_only_the_lie_is_refused(tmp_path: Path) -> None:
    good, lie, last = copy("one", n=1), changed(copy("two", n=2)), copy("three", n=3)
    async with among(tmp_path) as (liar, miner):
        assert fates(await liar.send(miner, [good, lie, last])) == [
            "stored",
            "invalid_cid",
            "stored",
        ]
        assert miner.store.get(lie.cid) is None
        assert [each.cid for each in miner.store.scan()] == [good.cid, last.cid]


async def test_metadata_under_a_cid_that_is_another_s(tmp_path: Path) -> None:
    honest = copy("one", n=1)
    lie = pack(copy("one", n=2)).content
    under_another = Packed(honest.cid, bytes.fromhex(honest.cid[4:]) + lie[32:])
    async with among(tmp_path) as (liar, miner):
        assert fates(await liar.send(miner, [under_another])) == ["invalid_cid"]


async def test_a_lie_beside_the_truth_under_one_cid(tmp_path: Path) -> None:
    honest = copy("one", n=1)
    async with among(tmp_path) as (liar, miner):
        sent = [changed(honest), honest, changed(honest)]
        assert fates(await liar.send(miner, sent)) == ["invalid_cid", "stored", "invalid_cid"]
        stored = miner.store.get(honest.cid)
        assert stored is not None
        assert stored.embedding.tobytes() == honest.embedding.tobytes()


async def test_a_lie_about_what_is_here_changes_nothing(tmp_path: Path) -> None:
    honest = copy("one", n=1)
    async with among(tmp_path) as (liar, miner):
        assert fates(await liar.send(miner, [honest])) == ["stored"]
        assert fates(await liar.send(miner, [changed(honest)])) == ["invalid_cid"]
        assert fates(await liar.send(miner, [honest])) == ["duplicate"]
        stored = miner.store.get(honest.cid)
        assert stored is not None
        assert stored.embedding.tobytes() == honest.embedding.tobytes()


async def test_what_no_record_may_be_is_refused_by_itself(tmp_path: Path) -> None:
    good = copy("one", n=1)
    deep: dict[str, object] = {"a": 1}
    for _ in range(8):
        deep = {"a": deep}
    raw = pack(good).content
    no_object = raw[: 35 + 1536] + struct.pack("<I", 2) + b"[]" + struct.pack("<I", 0)
    too_deep = pack(good).content.replace(b'\x07\0\0\0{"n":1}', counted(deep))
    assert too_deep != raw
    sent: list[Copy | Packed] = [Packed("", no_object), Packed("", too_deep), good]
    async with among(tmp_path) as (liar, miner):
        assert fates(await liar.send(miner, sent)) == ["invalid_metadata", "invalid_cid", "stored"]


def counted(value: object) -> bytes:
    raw = orjson.dumps(value)
    return struct.pack("<I", len(raw)) + raw


async def test_a_receipt_is_given_for_what_is_on_disk_only(tmp_path: Path) -> None:
    good, lie = copy("one", n=1), changed(copy("two"))
    async with among(tmp_path) as (liar, miner):
        reply = await liar.send(miner, [good, lie])
    assert isinstance(reply, ReplicaReply)
    [receipt] = [one.receipt for one in reply.outcomes if isinstance(one, ReplicaAck)]
    assert (receipt.cid, receipt.size) == (good.cid, record_size(good.metadata))
    assert (receipt.hotkey, receipt.placement) == (miner.hotkey, reply.placement)
    message = receipt_bytes(receipt.cid, receipt.size, receipt.placement, receipt.hotkey)
    key = signer(miner.name).public_key
    assert verify(key, message, bytes.fromhex(receipt.signature))
