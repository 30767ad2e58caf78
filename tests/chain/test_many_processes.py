"""Several processes on one ledger, none of them the node."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from engram.chain.dev import DevChain, DevOperator, Rules, create
from tests.chain.worlds import World, signer

PROCESSES = 3
TIMES = 40


def live(path: Path, name: str) -> dict[int, bytes]:
    """Register, mint, look; the blocks that were seen."""
    chain, operator = DevChain(path, signer(name)), DevOperator(path)
    assert chain.register(netuid=1).ok
    seen = {}
    for _ in range(TIMES):
        operator.faucet(signer(name).coldkey or "", 1)
        block = chain.block()
        seen[block.number] = block.hash
        time.sleep(0.002)
    return seen


def test_they_see_the_same_blocks_and_lose_no_write(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    create(path, block_time_s=0.01, subnet_rules={1: Rules(tempo=5)})
    names = [f"process{n}" for n in range(PROCESSES)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(PROCESSES) as pool:
        views = pool.starmap(live, [(path, name) for name in names])
    chain, operator = DevChain(path), DevOperator(path)
    for view in views:
        for number, seen in view.items():
            assert chain.snapshot(1, number).block.hash == seen
    assert operator.totals()["minted"] == PROCESSES * TIMES
    operator.advance(1)
    neurons = chain.snapshot(1).neurons
    assert {n.hotkey for n in neurons} == {signer(name).hotkey for name in names}
    assert [n.uid for n in neurons] == list(range(PROCESSES))
    chain.close()
    operator.close()


def test_threads_of_one_process_lose_no_write(dev: World) -> None:
    names = [f"thread{n}" for n in range(16)]
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda n: dev.ledger(n).register(netuid=dev.netuid), names))
    assert all(receipt.ok for receipt in receipts)
    dev.advance()
    neurons = dev.open().snapshot(dev.netuid).neurons
    assert sorted(n.hotkey for n in neurons) == sorted(signer(name).hotkey for name in names)
