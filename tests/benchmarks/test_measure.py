"""A gate judges the median of paired ratios, in the direction that it names."""

from __future__ import annotations

import pytest

from benchmarks.measure import Gate, alternate, ratio


def test_ratios_are_taken_pair_by_pair() -> None:
    gate = ratio("rate", [10.0, 30.0, 20.0], [20.0, 40.0, 50.0], "at least", 0.5, "1/s")
    assert gate.values == [0.5, 0.75, 0.4]
    assert gate.median == 0.5
    assert gate.met


@pytest.mark.parametrize(("sense", "met"), [("at least", False), ("at most", True)])
def test_the_sense_decides_which_side_of_the_target_is_good(sense: str, met: bool) -> None:
    gate = Gate("latency", 2.0, sense, [1.9])  # type: ignore[arg-type]
    assert gate.met is met


def test_runs_alternate() -> None:
    order: list[str] = []
    alternate(2, lambda: order.append("ours"), lambda: order.append("floor"))
    assert order == ["ours", "floor", "ours", "floor"]
