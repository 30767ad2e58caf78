"""The chain accepts calls and never answers: its own thread waits, the event loop does not."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.miner.harness import Served
from tests.miner.linked import linked, linked_on_dev_chain


def test_each_call_ends_at_its_deadline(tmp_path: Path) -> None:
    with linked_on_dev_chain(tmp_path) as miner:
        miner.turn()
        with linked(tmp_path, miner.world, deadline_s=0.05) as frozen:
            frozen.turn()
            miner.world.freeze()
            frozen.turn()
            assert (frozen.link.view.state, frozen.link.view.attempts) == ("connecting", 1)
            miner.world.mend()
            frozen.turn()
            assert frozen.link.view.state == "connected"


async def test_requests_are_answered_while_the_thread_hangs(miner: Served, tmp_path: Path) -> None:
    with linked_on_dev_chain(tmp_path) as on_chain:
        on_chain.turn()
        on_chain.world.freeze()
        with linked(tmp_path, on_chain.world, deadline_s=600) as frozen:
            miner.node.join(frozen.link)
            for number in range(5):
                stored = await miner.post("/IngestSynapse", {"text": f"while it hangs {number}"})
                assert stored.json["error"] is None
            assert (await miner.get("/stats")).json["chain_state"] == "connecting"
            frozen.link.close()
            assert not any("engram-chain" in t.name for t in threading.enumerate())
