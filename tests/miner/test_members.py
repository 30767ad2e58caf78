"""Who the members are, where a record's way leads, and who has what is not here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engram.chain.signatures import verify
from engram.core.receipt import page_digest, page_receipt_bytes
from engram.dht import key_of, xor_distance
from tests.chain.worlds import signer
from tests.miner.harness import Served
from tests.miner.network import Miner, network

NOWHERE = "v1::" + "5e" * 32
CHALLENGE = {"cid": NOWHERE, "nonce_hex": "0f" * 32}


async def get(miner: Miner, path: str) -> Any:
    async with miner.session.get(miner.url + path) as response:
        return await response.json()


async def silence(at: Miner, who: Miner) -> None:
    """Stop one miner, and let another notice."""
    await who.stop()
    current = at.table.current
    assert current is not None
    found = current.by_hotkey(who.hotkey)
    assert found is not None
    at.replication.reach.failed(found)
    assert at.replication.reach.silent_s(found) is not None


async def test_everybody_is_listed_and_reachable(tmp_path: Path) -> None:
    async with network(tmp_path, 4) as net:
        first = net.miners[0]
        reply = await get(first, "/peers")
        assert (reply["placement"], reply["previous"]) == (net.block, None)
        assert [each["uid"] for each in reply["members"]] == [0, 1, 2, 3]
        assert [each["itself"] for each in reply["members"]] == [True, False, False, False]
        assert all(each["reachable"] for each in reply["members"])
        current = first.table.current
        assert current is not None
        for told, member in zip(reply["members"], current.members, strict=True):
            assert (told["hotkey"], told["url"]) == (member.hotkey, member.url)
            assert told["node_id"] == member.node_id.hex()
        net.place(net.miners)
        assert (await get(first, "/peers"))["previous"] == net.block - 10


async def test_a_silent_member_is_told_of(tmp_path: Path) -> None:
    async with network(tmp_path, 3) as net:
        await silence(net.miners[0], net.miners[2])
        _, well, silent = (await get(net.miners[0], "/peers"))["members"]
        assert (well["reachable"], well["silent_s"]) == (True, None)
        assert silent["reachable"] is False
        assert silent["silent_s"] >= 0


async def test_what_waits_for_a_member_is_counted(tmp_path: Path) -> None:
    async with network(tmp_path, 3, replicate_deadline_s=0.05) as net:
        first, _, last = net.miners
        await last.stop()
        await first.post("/IngestSynapse", {"text": "a sentence"})
        itself, _, down = (await get(first, "/peers"))["members"]
        assert (itself["waiting"], down["waiting"]) == (0, 1)


async def test_a_way_is_the_order_of_the_key_space(tmp_path: Path) -> None:
    async with network(tmp_path, 5) as net:
        first = net.miners[0]
        stored = await first.post("/IngestSynapse", {"text": "a sentence"})
        cid = stored.json["cid"]
        route = await get(first, f"/route/{cid}")
        current = first.table.current
        assert current is not None
        order = current.order(cid)
        assert (route["cid"], route["placement"]) == (cid, net.block)
        assert [each["uid"] for each in route["holders"]] == [m.uid for m in order[:3]]
        assert [each["role"] for each in route["holders"]] == ["primary", "secondary", "secondary"]
        for told, member in zip(route["holders"], order, strict=False):
            assert int(told["distance"], 16) == xor_distance(member.node_id, key_of(cid))
        assert route["held"] is True
        assert (await get(first, f"/route/{NOWHERE}"))["held"] is False


async def test_a_stand_in_is_named_behind_whom_it_stands_in_for(tmp_path: Path) -> None:
    async with network(tmp_path, 5, absent_after_s=1e-9) as net:
        current = net.miners[0].table.current
        assert current is not None
        order = current.order(NOWHERE)
        by_hotkey = {miner.hotkey: miner for miner in net.miners}
        asked, silent = by_hotkey[order[0].hotkey], by_hotkey[order[1].hotkey]
        await silence(asked, silent)
        holders = (await get(asked, f"/route/{NOWHERE}"))["holders"]
        assert [each["uid"] for each in holders] == [member.uid for member in order[:4]]
        assert [each["role"] for each in holders][2:] == ["secondary", "stand-in"]
        assert [each["reachable"] for each in holders] == [True, False, True, True]


async def test_a_node_that_is_alone_knows_nobody(miner: Served) -> None:
    peers = (await miner.get("/peers")).json
    assert (peers["placement"], peers["previous"], peers["members"]) == (None, None, [])
    route = (await miner.get(f"/route/{NOWHERE}")).json
    assert (route["placement"], route["holders"], route["held"]) == (None, [], False)


async def test_a_way_needs_a_cid(miner: Served) -> None:
    assert (await miner.get("/route/v1::xyz")).is_error(400, "invalid_cid")


@pytest.mark.parametrize("count", [2, 5])
async def test_a_404_names_the_other_holders(tmp_path: Path, count: int) -> None:
    async with network(tmp_path, count) as net:
        for miner in net.miners:
            current = miner.table.current
            assert current is not None
            expected = [
                {"uid": member.uid, "hotkey": member.hotkey, "url": member.url}
                for member in current.holders(NOWHERE)
                if member.hotkey != miner.hotkey
            ]
            missing = await get(miner, f"/retrieve/{NOWHERE}")
            assert (missing["code"], missing["holders"]) == ("not_found", expected)
            challenge = CHALLENGE | {"expires_at": int(miner.node.clock()) + 60}
            missing = (await miner.post("/ChallengeSynapse", challenge)).json
            assert (missing["code"], missing["holders"]) == ("not_found", expected)
            batch = (await miner.post("/batch/challenge", {"items": [challenge]})).json
            assert batch["outcomes"][0]["holders"] == expected


async def test_a_404_of_a_node_that_is_alone_names_nobody(miner: Served) -> None:
    assert (await miner.get(f"/retrieve/{NOWHERE}")).is_error(404, "not_found")


async def test_a_page_is_signed_on_request(tmp_path: Path) -> None:
    async with network(tmp_path, 3) as net:
        first = net.miners[0]
        for number in range(3):
            await first.post("/IngestSynapse", {"text": "x", "metadata": {"n": number}})
        assert (await first.post("/list", {})).json["receipt"] is None
        for query, count in (({"limit": 2}, 2), ({"where": {"n": 9}}, 0)):
            page = (await first.post("/list", query | {"receipt": True})).json
            receipt = page["receipt"]
            digest = page_digest(each["cid"] for each in page["records"])
            assert (receipt["count"], receipt["digest"]) == (count, digest)
            assert (receipt["placement"], receipt["hotkey"]) == (net.block, first.hotkey)
            message = page_receipt_bytes(count, digest, net.block, first.hotkey)
            key = signer(first.name).public_key
            assert verify(key, message, bytes.fromhex(receipt["signature"]))


async def test_a_node_without_a_key_signs_nothing_and_says_so(miner: Served) -> None:
    page = (await miner.post("/list", {"receipt": True})).json
    assert page["receipt"] is None
    assert "no chain" in page["warnings"][0]
