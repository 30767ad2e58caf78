"""Records for a network of real miners, and where they are."""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np

from engram.core import generate_cid
from engram.core.embedding import to_base64
from tests.network.network import Network, Node, Refused

REPLICAS = 3
NO_ANSWER = (OSError, http.client.HTTPException)


@dataclass
class Clients:
    """Store records at miners, and keep what was promised."""

    network: Network
    random: Random = field(default_factory=lambda: Random(1))
    everywhere: list[str] = field(default_factory=list)
    """CIDs that three holders acknowledged."""

    def write(self, miners: Sequence[Node], count: int, least: int = REPLICAS) -> int:
        """So many records, each at one of the miners; how many were acknowledged by ``least``."""
        return sum([self._write(self.random.choice(miners), least) for _ in range(count)])

    def _write(self, miner: Node, least: int) -> bool:
        rng = np.random.default_rng(self.random.getrandbits(64))
        vector = rng.standard_normal(384).astype(np.float32)
        metadata = {"text": f"record {self.random.getrandbits(32)}"}
        body = {
            "embedding_b64": to_base64(vector),
            "metadata": metadata,
            "min_replicas": least,
        }
        try:
            reply = miner.ask("POST", "/IngestSynapse", body)
        except (Refused, *NO_ANSWER):
            return False
        assert reply["cid"] == generate_cid(vector, metadata)
        if reply["replicas"]["acknowledged"] == REPLICAS:
            self.everywhere.append(reply["cid"])
        return True

    def lost(self) -> list[str]:
        """Those that not all of their holders have."""
        held = {miner.name: held_by(miner, self.everywhere) for miner in self.network.miners}
        named = routes(self.network.miners[0], self.everywhere)
        by_uid = {uid_of(miner): miner.name for miner in self.network.miners}
        return [
            cid for cid, uids in named.items() if any(cid not in held[by_uid[uid]] for uid in uids)
        ]

    def disputed(self) -> list[str]:
        """Those that the miners do not all place alike."""
        said = [routes(miner, self.everywhere) for miner in self.network.miners]
        return [cid for cid in self.everywhere if len({one[cid] for one in said}) > 1]


def held_by(miner: Node, cids: Sequence[str]) -> set[str]:
    return set(miner.ask("POST", "/has", {"cids": list(cids)})["held"])


def routes(miner: Node, cids: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """The UIDs of each CID's three holders, as the miner sees it."""
    found = {}
    for cid in cids:
        holders = miner.ask("GET", f"/route/{cid}")["holders"]
        found[cid] = tuple(one["uid"] for one in holders if one["role"] != "stand-in")
    return found


def uid_of(miner: Node) -> int:
    peers = miner.ask("GET", "/peers")["members"]
    return next(int(one["uid"]) for one in peers if one["itself"])


def nothing_waits(miners: Iterable[Node]) -> bool:
    """True if every outbox is empty."""
    return not any(
        one["waiting"] for miner in miners for one in miner.ask("GET", "/peers")["members"]
    )


def sees_silent(miners: Iterable[Node], silent: Iterable[Node]) -> bool:
    """True if each of the miners takes each of the others as gone."""
    urls = {f"http://{node.host.address}:8091" for node in silent}
    return all(
        urls
        <= {one["url"] for one in miner.ask("GET", "/peers")["members"] if not one["reachable"]}
        for miner in miners
    )
