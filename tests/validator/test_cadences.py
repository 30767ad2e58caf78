"""Three actions at their own intervals: one that overruns leaves turns out and delays nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import structlog

from engram.config import ValidatorSettings
from engram.validator.schedule import Cadence
from tests.validator.clocks import SteppedClock
from tests.validator.world import World


def test_the_defaults_are_the_seeds() -> None:
    settings = ValidatorSettings()
    assert settings.scoring_every_s == 120
    assert settings.challenge_every_s == 300
    assert settings.weights_every_s == 600
    assert settings.probes == 5
    assert settings.port == 8100
    assert settings.max_in_flight == 16


async def test_each_runs_at_its_own_interval() -> None:
    clock = SteppedClock()
    runs: dict[float, list[float]] = {120: [], 300: [], 600: []}

    def job(every: float) -> Callable[[], object]:
        async def turn() -> None:
            runs[every].append(clock.monotonic())

        return turn

    began = clock.monotonic()
    cadences = [Cadence(f"every {s}", s, job(s), clock) for s in runs]  # type: ignore[arg-type]
    tasks = [asyncio.create_task(cadence.run()) for cadence in cadences]
    await clock.advance(1_200)
    for every, moments in runs.items():
        assert moments == [began + every * n for n in range(int(1_200 / every) + 1)]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_turn_that_overruns_makes_others_be_left_out_and_counted() -> None:
    clock = SteppedClock()
    lengths = iter([250.0, 10.0, 10.0])
    began: list[float] = []

    async def job() -> None:
        began.append(clock.monotonic())
        clock.seconds += next(lengths)

    cadence = Cadence("scoring", 120, job, clock)
    start = clock.monotonic()
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            clock.seconds = max(clock.seconds, cadence.next_at)
            await cadence.turn()
    assert [moment - start for moment in began] == [0, 360, 480]
    assert (cadence.runs, cadence.skipped) == (3, 2)
    assert [line["left_out"] for line in lines if "left out" in line["event"]] == [2]


async def test_a_turn_that_fails_is_counted_and_comes_again() -> None:
    clock = SteppedClock()

    async def job() -> None:
        raise RuntimeError("a bug")

    cadence = Cadence("scoring", 120, job, clock)
    with structlog.testing.capture_logs() as lines:
        await cadence.turn()
    assert (cadence.runs, cadence.failed) == (1, 1)
    assert cadence.seconds_left() == 120
    assert lines[0]["log_level"] == "error"


async def test_a_job_may_ask_for_an_earlier_turn() -> None:
    clock = SteppedClock()

    async def job() -> float:
        return 24.0

    cadence = Cadence("weights", 600, job, clock)
    await cadence.turn()
    assert cadence.seconds_left() == 24


@pytest.mark.parametrize(
    ("last", "wait"), [(None, 0), (-700, 0), (-100, 500), (-600, 0), (3_000, 600)]
)
def test_a_restart_does_not_begin_an_interval_anew(last: float | None, wait: float) -> None:
    clock = SteppedClock()
    began = None if last is None else clock.now() + last

    async def job() -> None:
        raise AssertionError("not run")

    assert Cadence("weights", 600, job, clock, began).seconds_left() == wait


async def test_the_state_knows_when_each_last_began(new_world: Callable[..., World]) -> None:
    world = new_world()
    await world.live(4_000)
    left = {cadence.name: cadence.seconds_left() for cadence in world.parts.cadences}
    world.restart()
    again = {cadence.name: cadence.seconds_left() for cadence in world.parts.cadences}
    assert {n: again[n] for n in ("scoring", "challenge")} == pytest.approx(
        {n: left[n] for n in ("scoring", "challenge")}
    )
    assert again["weights"] <= 600
