"""The receiver is killed when a record is on its disk and at no other holder's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.miner.live_network import items, live_network

NEVER = "36000"  # neither comparisons nor sweeps may do the outbox's work here


@pytest.mark.slow
def test_its_outbox_delivers_after_the_restart(tmp_path: Path) -> None:
    pace = {"compare_every_s": NEVER, "sweep_every_s": NEVER, "absent_after_s": NEVER}
    with live_network(tmp_path / "net", 3, **pace) as net:
        for other in (1, 2):
            net.miners[other].kill()
        reply = net.post(0, "/batch/ingest", {"items": items(40, seed=1)}).json()
        cids = {each["cid"] for each in reply["outcomes"]}
        assert {each["replicas"]["acknowledged"] for each in reply["outcomes"]} == {1}
        [demanding] = items(1, seed=2)
        refused = net.post(0, "/IngestSynapse", demanding | {"min_replicas": 3})
        assert (refused.status_code, refused.json()["code"]) == (503, "too_few_replicas")
        assert refused.json()["replicas"]["acknowledged"] == 1
        cids.add(refused.json()["cid"])
        net.miners[0].kill()

        for other in (1, 2):
            net.restart(other)
            assert not net.held(other) & cids
        net.restart(0)
        net.until("delivered", lambda: all(net.held(n) >= cids for n in (1, 2)))
        net.until("taken off", lambda: net.replication(net.miners[0])["outbox"] == 0)
        again = net.post(0, "/IngestSynapse", demanding | {"min_replicas": 3})
        assert again.json()["replicas"]["acknowledged"] == 3
