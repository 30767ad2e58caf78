"""A world in which the chain is reached through Bittensor's SDK and a node on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from engram.chain.interface import Chain, Signer
from engram.chain.subtensor import SubtensorChain
from tests.chain.subtensor.node import Node
from tests.chain.subtensor.runtime import Runtime, real_runtime
from tests.chain.worlds import DEADLINE_S, World, dev_world

SHORTEST_DEADLINE_S = 2.0  # the SDK dials, and reads the metadata, on a busy machine


@contextmanager
def node_world(folder: Path, runtime: Runtime | None = None) -> Iterator[tuple[World, Node]]:
    """The dev ledger behind a subtensor node."""
    chosen = runtime or real_runtime()
    opened: list[Chain] = []
    with dev_world(folder) as dev, pytest.MonkeyPatch.context() as patch:
        patch.setenv("BITTENSOR_RUNTIME_CACHE_DIR", str(folder / "runtime-cache"))
        patch.setenv("BTCLI_TOKEN_SYMBOLS_CACHE", str(folder / "symbols.json"))
        node = Node(chosen, dev.path)
        node.start()

        def open_chain(signer: Signer | None = None, *, deadline_s: float = DEADLINE_S) -> Chain:
            deadline = max(deadline_s, SHORTEST_DEADLINE_S)
            opened.append(SubtensorChain(node.url, signer, deadline_s=deadline))
            return opened[-1]

        def freeze() -> None:
            node.faults.frozen = True

        def reject() -> None:
            node.faults.pool = "Inability to pay some fees (e.g. account balance too low)"

        world = replace(
            dev,
            open=open_chain,
            down=node.kill,
            freeze=freeze,
            reject=reject,
            mend=node.mend,
            opens_commits=False,
        )
        try:
            yield world, node
        finally:
            for chain in opened:
                chain.close()
            node.close()


@contextmanager
def subtensor_world(folder: Path) -> Iterator[World]:
    """The same, for the contract."""
    with node_world(folder) as (world, _node):
        yield world
