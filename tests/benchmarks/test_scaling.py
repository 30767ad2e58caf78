"""The computed network, small: the same from the same seed, and nothing appears or disappears."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.scaling import balance, fanout
from benchmarks.scaling.damage import Piece, damage
from benchmarks.scaling.fanout import NEAR, Lines
from benchmarks.scaling.flows import Flow, course
from benchmarks.scaling.measured import Measured, drawn
from benchmarks.scaling.repair import found, repair
from benchmarks.scaling.rounds import Diary, Miner
from benchmarks.scaling.rules import Rules
from benchmarks.scaling.run import compute
from benchmarks.scaling.world import World
from engram.core.limits import REPLICAS
from engram.sdk.network.async_network import DEADLINE_S

WORLD = World(miners=32, records=100_000, seed=1)
RULES = Rules()
MEASURED = Measured.load()


def test_equal_seeds_give_equal_results() -> None:
    assert compute(WORLD, searches=20) == compute(WORLD, searches=20)


def test_another_seed_is_another_network() -> None:
    other = replace(WORLD, seed=2)
    assert WORLD.membership() != other.membership()
    assert balance.load(WORLD) != balance.load(other)


def test_every_record_has_three_holders_and_one_primary() -> None:
    load = balance.load(WORLD)
    assert sum(load["held"]) == REPLICAS * WORLD.records
    assert sum(load["primary"]) == WORLD.records


@pytest.mark.parametrize("loss", [0.01, 0.1, 0.3])
def test_the_damage_is_that_of_each_record(loss: float) -> None:
    membership, dead = WORLD.membership(), WORLD.dead(loss)
    harm = damage(WORLD, membership, dead)
    holders = np.concatenate([membership.holders_many(each) for each in WORLD.digests()])
    living = REPLICAS - np.isin(holders, dead).sum(axis=1)
    assert harm.lost == (living == 0).sum()
    assert harm.degraded == ((living > 0) & (living < REPLICAS)).sum()
    assert harm.copies == (REPLICAS - living[living > 0]).sum()
    assert not {uid for piece in harm.pieces for uid in (piece.sender, piece.receiver)} & set(dead)
    assert all(set(piece.because) <= set(dead) for piece in harm.pieces)


@pytest.mark.parametrize("loss", [0.01, 0.1, 0.3])
def test_everything_is_repaired_after_the_silence_was_long_enough(loss: float) -> None:
    done = repair(WORLD, loss, MEASURED, RULES)
    summary = done.summary(MEASURED)
    assert summary["copies stuck"] == 0
    assert done.course.missing[0] == done.damage.copies
    assert done.course.missing[-1] == pytest.approx(0, abs=1e-6)
    assert summary["first stand-in, s"] > RULES.absent_after_s
    assert summary["first stand-in, s"] <= summary["half repaired, s"] <= summary["repaired, s"]
    assert 1 < summary["moved over minimum"] < 1.5


def test_members_that_may_not_be_named_are_not_stood_in_for() -> None:
    few = repair(WORLD, 0.3, MEASURED, replace(RULES, most_absent=2))
    assert 0 < few.stuck < few.damage.copies
    assert few.course.missing[0] == few.damage.copies - few.stuck


def test_a_receiver_that_looks_first_is_enough() -> None:
    piece = Piece(sender=1, receiver=2, records=10, because=(9,))
    slow = Diary(absent_at={9: 700.0}, compared_at={2: [650.0, 800.0]})
    fast = Diary(absent_at={9: 610.0}, compared_at={1: [600.0, 620.0]})
    diaries, named = {1: slow, 2: fast}, {1: {9}, 2: {9}}
    assert found([piece], diaries, named) == ([Flow(1, 2, 10, 620.0)], 0)
    assert found([piece], diaries, {1: {9}, 2: set()}) == ([Flow(1, 2, 10, 800.0)], 0)
    assert found([piece], diaries, {1: set(), 2: set()}) == ([], 10)


def test_a_whole_network_is_compared_with_once_in_an_interval() -> None:
    diary = Miner(range(1, 32), [31], RULES, WORLD.chance("test")).live()
    spans = [np.diff(ended) for ended in diary.compared_at.values()]
    before = [span[: -len(diary.absent_at) - 1] for span in spans]
    assert np.median(np.concatenate(before)) == pytest.approx(RULES.compare_every_s, rel=0.2)
    assert set(diary.absent_at) == {31}


def test_a_byte_rate_is_shared_by_those_that_it_feeds() -> None:
    rules = replace(RULES, request_s=1e-9)
    seconds = 30
    records = seconds * RULES.repair_bytes_per_s / 1_000
    alone = course([Flow(0, 1, int(records), 0.0)], 1_000, rules)
    crowd = course([Flow(0, uid, int(records / 5), 0.0) for uid in range(1, 6)], 1_000, rules)
    assert alone.until(1.0) == crowd.until(1.0) == seconds
    assert crowd.busiest_sender == records


def test_hedging_makes_good_for_silent_members() -> None:
    def run(hedged: bool) -> dict[str, float]:
        return fanout.searches(WORLD, MEASURED, lines=Lines(), hedged=hedged, silent=2, count=50)

    assert run(hedged=True)["complete"] == 1.0
    assert run(hedged=False)["complete"] == 0.0
    assert run(hedged=True)["p99, ms"] < DEADLINE_S * 1e3 == run(hedged=False)["p50, ms"]


def test_a_search_takes_at_least_what_its_slowest_miner_does() -> None:
    one = World(miners=1, records=0, seed=1)
    alone = fanout.searches(one, MEASURED, lines=NEAR, hedged=False, count=500)
    many = fanout.searches(WORLD, MEASURED, lines=NEAR, hedged=False, count=500)
    assert alone["asked at once"] == 1
    assert many["p50, ms"] > alone["p50, ms"]
    assert many["p99, ms"] <= MEASURED.latency_s.max() * 1e3


def test_quantiles_are_drawn_as_they_were_measured() -> None:
    chances = np.linspace(0, 1, len(MEASURED.latency_s))
    assert (drawn(MEASURED.latency_s, chances) == MEASURED.latency_s).all()
    assert (np.diff(MEASURED.latency_s) >= 0).all()
