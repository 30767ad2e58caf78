"""The dev chain's fault switches: what a call meets while one is on."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engram.chain.dev import DevChain, Fault
from engram.chain.dev.faults import Faults, Gate
from engram.chain.dev.ledger import Deadline
from engram.errors import ChainUnavailable, InvalidInput
from tests.chain.worlds import World


class Patience:
    """A clock that moves only while somebody waits."""

    def __init__(self) -> None:
        self.time = 0.0
        self.closed_at = float("inf")

    def __call__(self) -> float:
        return self.time

    def wait(self, seconds: float) -> bool:
        self.time += seconds
        return self.time >= self.closed_at


@pytest.fixture
def patience() -> Iterator[Patience]:
    yield Patience()


def test_a_frozen_call_hangs_until_its_deadline(patience: Patience) -> None:
    gate = Gate(lambda: {Fault.FROZEN: 0.0}, patience.wait)
    with pytest.raises(ChainUnavailable, match="no answer in time"):
        gate.passed(Deadline(30, patience))
    assert patience.time == pytest.approx(30)


def test_a_frozen_call_is_answered_when_the_chain_thaws(patience: Patience) -> None:
    def look() -> Faults:
        return {Fault.FROZEN: 0.0} if patience.time < 12 else {}

    assert Gate(look, patience.wait).passed(Deadline(30, patience)) == {}
    assert 12 <= patience.time < 13


def test_a_slow_call_is_answered_late(patience: Patience) -> None:
    gate = Gate(lambda: {Fault.SLOW: 7.0}, patience.wait)
    assert Fault.SLOW in gate.passed(Deadline(30, patience))
    assert patience.time == 7


def test_a_call_slower_than_its_deadline_is_given_up(patience: Patience) -> None:
    gate = Gate(lambda: {Fault.SLOW: 40.0}, patience.wait)
    with pytest.raises(ChainUnavailable):
        gate.passed(Deadline(30, patience))
    assert patience.time == 30


def test_closing_frees_a_call_that_hangs(patience: Patience) -> None:
    patience.closed_at = 5
    with pytest.raises(ChainUnavailable, match="closed"):
        Gate(lambda: {Fault.FROZEN: 0.0}, patience.wait).passed(Deadline(30, patience))
    assert 5 <= patience.time < 6


def test_a_real_call_that_hangs_is_freed_by_closing(dev: World) -> None:
    chain = dev.open(deadline_s=600)
    dev.freeze()
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(chain.block)
        chain.close()
        with pytest.raises(ChainUnavailable):
            hanging.result()


def test_down_fails_at_once_and_says_how_to_mend_it(dev: World) -> None:
    dev.down()
    with pytest.raises(ChainUnavailable, match="engram chain fault"):
        dev.open().connect()


def test_rejecting_leaves_reading_alone(dev: World) -> None:
    dev.reject()
    receipt = dev.ledger("ann").register(netuid=dev.netuid)
    assert (receipt.ok, receipt.code, receipt.retry_after_blocks) == (False, "rejected", 1)
    assert dev.open().snapshot(dev.netuid).neurons == ()


def test_blocks_are_made_while_nobody_can_reach_the_chain(dev: World) -> None:
    before = dev.open().block().number
    dev.down()
    dev.advance(5)
    dev.mend()
    assert dev.open().block().number == before + 5


def meets_the_fault(path: Path) -> bool:
    try:
        DevChain(path).block()
    except ChainUnavailable:
        return True
    return False


def test_another_process_meets_the_same_fault(dev: World) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        dev.down()
        assert pool.apply(meets_the_fault, (dev.path,))
        dev.mend()
        assert not pool.apply(meets_the_fault, (dev.path,))


def test_switches_are_in_the_history(dev: World) -> None:
    dev.freeze()
    dev.mend()
    assert [event.detail["on"] for event in dev.operator.history(9, "fault")] == ["frozen", "none"]
    assert dev.operator.faults() == {}


def test_a_fault_has_sane_seconds(dev: World) -> None:
    with pytest.raises(InvalidInput):
        dev.operator.switch_on(Fault.SLOW, -1)
