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


async def test_stats_and_metrics_say_how_it_stands(tmp_path: Path) -> None:
    async with network(tmp_path, 3) as net:
        first = net.miners[0]
        await first.post("/IngestSynapse", {"text": "a sentence"})
        async with first.session.get(first.url + "/stats") as reply:
            told = (await reply.json())["replication"]
        assert (told["member"], told["outbox"], told["answering"], told["absent"]) == (
            True,
            0,
            2,
            [],
        )
        assert told["deliveries"]["delivered"] == 2
        assert [peer["uid"] for peer in told["peers"]] == [1, 2]
        async with first.session.get(first.url + "/metrics") as reply:
            text = await reply.text()
        assert 'engram_replication_deliveries_total{what="delivered"} 2.0' in text
        assert 'engram_outbox_records{uid="1"} 0.0' in text
        assert "engram_members_answering 2.0" in text
