"""A process killed at any moment leaves a ledger in which all it was told is done."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engram.chain.dev import Rules, create
from tests.chain.test_random_histories import require_balanced
from tests.chain.worlds import NETUID, World, dev_world

ROUNDS = 6
RULES = Rules(tempo=3, weights_rate_limit=0, max_uids=4, immunity_period=1, registration_cost=0.01)
WRITER = """
import sys
from pathlib import Path
from engram.chain.dev import DevChain, DevOperator
from tests.chain.worlds import signer

path, name = Path(sys.argv[1]), sys.argv[2]
chain, operator = DevChain(path, signer(name)), DevOperator(path)
count = 0
while True:
    count += 1
    operator.faucet(signer(name).coldkey, 1)
    print("faucet", count, flush=True)
    chain.register(netuid=1)
    chain.add_stake(0.5, netuid=1)
    chain.set_weights({signer(str(n)).hotkey: n + 1.0 for n in range(6)}, 0, netuid=1)
    operator.advance(2)
"""


def killed_writer(path: Path, name: str, after: float) -> int:
    """Faucet payments that a writer was told of before it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        said = [first, *process.stdout.read().split("\n")]
    return max(int(line.split()[1]) for line in said if line.startswith("faucet "))


@pytest.mark.parametrize("seed", [1])
def test_what_was_acknowledged_is_there_and_the_books_balance(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    told = 0
    with dev_world(tmp_path, RULES) as world:
        for number in range(ROUNDS):
            told += killed_writer(world.path, str(number), chance.uniform(0, 0.1))
            require_whole(world)
            assert told <= world.operator.totals()["minted"] <= told + 1 + number
            require_balanced(world)
            assert len(world.open().snapshot(NETUID).neurons) <= RULES.max_uids
            assert world.advance()


def require_whole(world: World) -> None:
    with world.look() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_creation_that_was_killed_leaves_no_chain_behind(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom engram.chain.dev import create, operator\n"
        "operator.subnets.start = lambda *a: os.kill(os.getpid(), 9)\ncreate(Path(sys.argv[1]))"
    )
    path = tmp_path / "chain.sqlite"
    ran = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert ran.returncode == -signal.SIGKILL
    assert not path.exists()
    create(path)
    assert path.exists()
