"""A record posted to one miner of three is on all three when the reply comes."""

from __future__ import annotations

from pathlib import Path

from engram.chain.signatures import verify
from engram.core.receipt import receipt_bytes, record_size
from tests.chain.worlds import signer
from tests.miner.network import network


async def test_a_record_is_everywhere_when_the_reply_comes(tmp_path: Path) -> None:
    async with network(tmp_path, 3) as net:
        first = net.miners[0]
        reply = await first.post("/IngestSynapse", {"text": "a sentence", "metadata": {"n": 1}})
        assert reply.status == 200, reply.json
        replicas, cid = reply.json["replicas"], reply.json["cid"]
        assert (replicas["required"], replicas["acknowledged"]) == (3, 3)
        assert {each["hotkey"] for each in replicas["receipts"]} == {m.hotkey for m in net.miners}
        keys = {miner.hotkey: signer(miner.name).public_key for miner in net.miners}
        for each in replicas["receipts"]:
            assert (each["cid"], each["size"]) == (cid, record_size({"n": 1}))
            signed = receipt_bytes(cid, each["size"], each["placement"], each["hotkey"])
            assert verify(keys[each["hotkey"]], signed, bytes.fromhex(each["signature"]))
        for miner in net.miners:
            record = miner.store.get(cid)
            assert record is not None and record.text == "a sentence"
        assert [miner.requests("/replica") for miner in net.miners] == [0, 1, 1]
