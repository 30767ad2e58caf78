"""Real miners in processes of their own, members of one subnet on a dev chain."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from engram.chain.dev import DEFAULT_NETUID, DevChain
from engram.cli.network.layout import Layout, Role
from engram.cli.network.plan import MINER_PACE, PLACEMENT_BLOCKS
from engram.cli.network.registry import prepare
from engram.core.embedding import to_base64
from engram.dht import Membership, RoutingTable
from tests.miner.live import LiveMiner

Json = dict[str, Any]

PATIENCE_S = 240.0  # only how long something broken may hang before the test fails
POLL_S = 0.2
PAGE = 1_000


class LiveNetwork:
    """The miners by number. A miner that is started again keeps its port, key and records."""

    def __init__(self, folder: Path, count: int, pace: dict[str, str]) -> None:
        self.layout = Layout(folder)
        folder.mkdir(parents=True)
        names = [f"miner-{number}" for number in range(count)]
        roles: dict[str, Role] = dict.fromkeys(names, "miner")
        hotkeys = prepare(self.layout, roles)
        self.hotkeys = [hotkeys[name] for name in names]
        environment = {f"ENGRAM_{name.upper()}": value for name, value in pace.items()}
        environment["ENGRAM_WALLET_DIR"] = str(self.layout.wallets)
        self.miners = [self._miner(name, environment) for name in names]
        self.client = httpx.Client(timeout=30, trust_env=False)

    def _miner(self, name: str, environment: dict[str, str]) -> LiveMiner:
        options = ("--chain", self.layout.chain, "--netuid", str(DEFAULT_NETUID))
        wallet = ("--wallet", self.layout.wallet(name))
        return LiveMiner(self.layout.data(name), *options, *wallet, environment=environment)

    def start(self) -> None:
        """Have all of them serve and be members."""
        for miner in self.miners:
            miner.spawn()
        for miner in self.miners:
            miner.url = miner.wait_for("miner is ready")["url"]
            miner.port = int(miner.url.rpartition(":")[2])
        self.until("all are members", lambda: all(map(self._knows_all, self.miners)))

    def restart(self, number: int) -> None:
        """Start it again after its end; returns once it serves."""
        self.miners[number].start()

    def close(self) -> None:
        self.client.close()
        for miner in self.miners:
            if miner.process is not None and miner.process.poll() is None:
                miner.kill()

    def _knows_all(self, miner: LiveMiner) -> bool:
        shared = self.replication(miner)
        return bool(shared.get("member")) and len(shared["peers"]) == len(self.miners) - 1

    def replication(self, miner: LiveMiner) -> Json:
        found: Json = self.client.get(miner.url + "/stats").json()["replication"]
        return found

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait for it; fail with everybody's last words if it does not come."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"not in time: {what}\n{self._last_words()}"
            time.sleep(POLL_S)

    def _last_words(self) -> str:
        tails = [(miner.data_dir.name, miner.log.read_text()[-3_000:]) for miner in self.miners]
        return "\n".join(f"{name}:\n{tail}" for name, tail in tails)

    def post(self, number: int, path: str, body: Json) -> httpx.Response:
        return self.client.post(self.miners[number].url + path, json=body)

    def held(self, number: int) -> set[str]:
        """All CIDs that the miner has."""
        found: set[str] = set()
        cursor = None
        while True:
            page = self.post(number, "/list", {"limit": PAGE, "cursor": cursor}).json()
            found |= {record["cid"] for record in page["records"]}
            cursor = page["cursor"]
            if cursor is None:
                return found

    def membership(self) -> Membership:
        """Who the members are by the ledger, as of the last placement block."""
        with closing(DevChain(self.layout.ledger)) as chain:
            table = RoutingTable(PLACEMENT_BLOCKS)
            number = table.placement_block(chain.block().number)
            now, before = (
                chain.snapshot(DEFAULT_NETUID, at) for at in (number, number - PLACEMENT_BLOCKS)
            )
        assert table.bootstrap(now, before)
        assert table.current is not None
        return table.current

    def assignments(self, cids: Sequence[str]) -> list[set[str]]:
        """What each miner is to hold of these."""
        members = self.membership()
        held_by = list(zip(cids, members.assigned_many(cids), strict=True))
        return [
            {cid for cid, holders in held_by if hotkey in {each.hotkey for each in holders}}
            for hotkey in self.hotkeys
        ]


@contextmanager
def live_network(folder: Path, count: int, **pace: str) -> Iterator[LiveNetwork]:
    """Miners that are members; none is left afterwards. ``pace`` are settings by name."""
    made = LiveNetwork(folder, count, MINER_PACE | pace)
    try:
        made.start()
        yield made
    finally:
        made.close()


def items(count: int, seed: int) -> list[Json]:
    """Ingests of random vectors."""
    rows = np.random.default_rng(seed).standard_normal((count, 384)).astype(np.float32)
    return [
        {"embedding_b64": to_base64(row), "metadata": {"n": n, "seed": seed}}
        for n, row in enumerate(rows)
    ]
