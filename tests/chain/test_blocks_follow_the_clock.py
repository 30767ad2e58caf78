"""Blocks of the dev chain: made by whoever looks, when they are due, with hashes nobody knew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engram.chain.dev import DevChain, DevOperator, Rules, create
from engram.chain.dev.growth import MOST_EPOCHS

HOUR = 3600.0
TEMPO = 9


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def chain(tmp_path: Path, hands: Hands) -> Iterator[DevChain]:
    path = tmp_path / "chain.sqlite"
    create(path, block_time_s=12, subnet_rules={1: Rules(tempo=TEMPO)}, now=hands)
    made = DevChain(path, now=hands)
    yield made
    made.close()


@pytest.fixture
def operator(chain: DevChain, tmp_path: Path, hands: Hands) -> Iterator[DevOperator]:
    made = DevOperator(tmp_path / "chain.sqlite", now=hands)
    yield made
    made.close()


def test_a_block_comes_when_it_is_due_and_not_before(chain: DevChain, hands: Hands) -> None:
    assert chain.block().number == 0
    hands.time += 11.9
    assert chain.block().number == 0
    hands.time += 0.2
    assert chain.block().number == 1
    hands.time += 36
    assert chain.block().number == 4


def test_hours_of_sleep_are_made_up_for_with_their_epochs(
    chain: DevChain, operator: DevOperator, hands: Hands
) -> None:
    hands.time += 3 * HOUR
    assert chain.block().number == 900
    epochs = [event.block for event in operator.history(1000, "epoch")]
    assert epochs == [block for block in range(1, 901) if (block + 2) % (TEMPO + 1) == 0]
    assert operator.totals()["emitted"] == epochs[-1]


def test_after_a_very_long_sleep_the_rest_of_the_time_is_skipped(
    chain: DevChain, operator: DevOperator, hands: Hands
) -> None:
    hands.time += 1000 * HOUR
    head = chain.block().number
    assert len(operator.history(1000, "epoch")) == MOST_EPOCHS
    assert head == operator.next_epoch(1) - 1
    (skipped,) = operator.history(1, "skipped")
    assert skipped.detail["blocks"] == 300_000 - head
    hands.time += 12
    assert chain.block().number == head + 1


def test_a_clock_set_back_does_not_stop_the_chain(chain: DevChain, hands: Hands) -> None:
    hands.time += HOUR
    before = chain.block()
    hands.time -= HOUR
    assert chain.block() == before
    hands.time += 12
    assert chain.block().number == before.number + 1


def test_a_clock_that_trembles_makes_no_block_early(chain: DevChain, hands: Hands) -> None:
    hands.time += 25
    assert chain.block().number == 2
    hands.time -= 2
    assert chain.block().number == 2
    hands.time += 12
    assert chain.block().number == 2
    hands.time += 2
    assert chain.block().number == 3


def test_blocks_made_by_hand_move_the_clock_along(
    chain: DevChain, operator: DevOperator, hands: Hands
) -> None:
    assert operator.advance(100).number == 100
    hands.time += 12
    assert chain.block().number == 101


def test_a_hash_stays_what_it_was(chain: DevChain, hands: Hands) -> None:
    seen = []
    for _ in range(5):
        hands.time += 30
        seen.append(chain.block())
    hands.time += HOUR
    chain.block()
    assert [chain.snapshot(1, block.number).block for block in seen] == seen


def test_blocks_of_one_run_have_different_hashes(chain: DevChain, hands: Hands) -> None:
    hands.time += HOUR
    chain.block()
    hashes = {chain.snapshot(1, number).block.hash for number in range(301)}
    assert len(hashes) == 301
    assert all(len(one) == 32 for one in hashes)


def test_nobody_can_know_the_next_hash(chain: DevChain, hands: Hands, tmp_path: Path) -> None:
    """Two copies of one ledger, at the same moment, make different blocks."""
    chain.close()
    copy = tmp_path / "copy.sqlite"
    shutil.copy(tmp_path / "chain.sqlite", copy)
    hands.time += 12
    one, other = DevChain(tmp_path / "chain.sqlite", now=hands), DevChain(copy, now=hands)
    assert one.snapshot(1, 0).block == other.snapshot(1, 0).block
    assert one.block().number == other.block().number == 1
    assert one.block().hash != other.block().hash
    one.close()
    other.close()


def test_every_chain_has_its_own_genesis(tmp_path: Path, operator: DevOperator) -> None:
    create(tmp_path / "other.sqlite")
    other = DevOperator(tmp_path / "other.sqlite")
    assert other.genesis() != operator.genesis()
    other.close()


def test_epochs_of_several_subnets_come_in_order(tmp_path: Path) -> None:
    path = tmp_path / "two.sqlite"
    create(path, block_time_s=0, subnet_rules={1: Rules(tempo=4), 2: Rules(tempo=6)})
    operator = DevOperator(path)
    operator.advance(30)
    epochs = [(event.block, event.netuid) for event in operator.history(100, "epoch")]
    assert epochs == sorted(epochs)
    assert [block for block, netuid in epochs if netuid == 1] == [3, 8, 13, 18, 23, 28]
    assert [block for block, netuid in epochs if netuid == 2] == [4, 11, 18, 25]
    operator.close()
