"""Delete and its kin: on a socket file of the owner's, never on the network."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engram.storage import describe_holder
from tests.miner.live import LiveMiner


@pytest.fixture
def miner(tmp_path: Path) -> Iterator[LiveMiner]:
    with LiveMiner(tmp_path / "records") as running:
        yield running
        if running.process is not None and running.process.poll() is None:
            assert running.stop() == 0


def socket_of(miner: LiveMiner) -> Path:
    holder = describe_holder(miner.data_dir)
    assert holder is not None
    assert holder.url == miner.url
    assert holder.operator_socket is not None
    return Path(holder.operator_socket)


def operate(miner: LiveMiner, command: str, body: dict[str, Any] | None = None) -> httpx.Response:
    transport = httpx.HTTPTransport(uds=str(socket_of(miner)))
    with httpx.Client(transport=transport, base_url="http://operator", timeout=60) as client:
        return client.post(f"/operator/{command}", json=body)


def ingest(miner: LiveMiner, text: str) -> httpx.Response:
    return httpx.post(f"{miner.url}/IngestSynapse", json={"text": text}, timeout=30)


def test_delete_is_for_good_until_it_is_lifted(miner: LiveMiner) -> None:
    cid = ingest(miner, "to be forgotten").json()["cid"]
    kept = ingest(miner, "to be kept").json()["cid"]

    assert operate(miner, "delete", {"cid": cid}).json() == {"deleted": True}
    assert operate(miner, "delete", {"cid": cid}).json() == {"deleted": False}

    assert ingest(miner, "to be forgotten").status_code == 410
    assert httpx.get(f"{miner.url}/retrieve/{cid}").json()["code"] == "refused_here"
    found = httpx.post(f"{miner.url}/QuerySynapse", json={"query_text": "forgotten"}, timeout=30)
    assert [hit["cid"] for hit in found.json()["results"]] == [kept]

    miner.kill()
    miner.start()
    assert ingest(miner, "to be forgotten").status_code == 410
    assert operate(miner, "undelete", {"cid": cid}).json() == {"undeleted": True}
    assert operate(miner, "undelete", {"cid": cid}).json() == {"undeleted": False}
    again = ingest(miner, "to be forgotten").json()
    assert (again["cid"], again["duplicate"]) == (cid, False)


def test_snapshot_and_fsck(miner: LiveMiner) -> None:
    ingest(miner, "to be checked")
    assert operate(miner, "snapshot").json() == {"snapshot": True}
    report = operate(miner, "fsck", {}).json()
    assert report["ok"] is True
    assert report["records"] == 1


def test_bad_orders_are_refused_like_bad_requests(miner: LiveMiner) -> None:
    for body in ({}, {"cid": "v1::short"}, {"cid": 3}):
        answer = operate(miner, "delete", body)
        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid_cid"
    assert operate(miner, "format_disk", {}).status_code == 404


def test_the_network_cannot_give_orders(miner: LiveMiner) -> None:
    cid = ingest(miner, "safe").json()["cid"]
    for command in ("delete", "undelete", "snapshot", "fsck"):
        answer = httpx.post(f"{miner.url}/operator/{command}", json={"cid": cid})
        assert answer.status_code == 404
    assert httpx.get(f"{miner.url}/retrieve/{cid}").status_code == 200


def test_only_the_owner_may_open_the_socket(miner: LiveMiner) -> None:
    path = socket_of(miner)
    assert path == miner.data_dir / "operator.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_data_directory_with_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / "records"
    deep.parent.mkdir()
    miner = LiveMiner(deep)
    with miner:
        path = socket_of(miner)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        cid = ingest(miner, "far down").json()["cid"]
        assert operate(miner, "delete", {"cid": cid}).json() == {"deleted": True}
        assert miner.stop() == 0
    assert not path.parent.exists()


def test_a_socket_that_a_killed_miner_left_behind(tmp_path: Path) -> None:
    miner = LiveMiner(tmp_path / "records")
    with miner:
        miner.kill()
        assert (miner.data_dir / "operator.sock").exists()
    with miner:
        assert operate(miner, "snapshot").status_code == 200
        assert miner.stop() == 0
