"""The loop on which simulations run: time jumps, order is fixed, and what hangs is found."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.simulation.life import LIFE, Life
from tests.simulation.loop import Circling, Deadlock, simulate


def test_an_hour_passes_at_once() -> None:
    async def main() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert simulate(main()) == 3600


def test_timers_go_off_in_their_order_at_their_time() -> None:
    seen: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, asyncio.get_running_loop().time()))

    async def main() -> None:
        await asyncio.gather(*(sleeper(name, s) for name, s in (("c", 3), ("a", 1), ("b", 2.5))))

    simulate(main())
    assert seen == [("a", 1), ("b", 2.5), ("c", 3)]


def test_work_on_threads_is_done_here_and_later() -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        work = asyncio.ensure_future(asyncio.to_thread(seen.append, "work"))
        await asyncio.sleep(0)
        seen.append("meanwhile")
        await work
        return seen

    assert simulate(main()) == ["meanwhile", "work"]


def test_what_work_raises_is_raised_where_it_is_awaited() -> None:
    async def main() -> None:
        await asyncio.to_thread(int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        simulate(main())


def test_timeouts_are_simulated_too() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert simulate(main()) == 60


def test_who_waits_for_nothing_is_found() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        simulate(main())


def test_who_runs_in_circles_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.simulation.loop.MOST_TURNS_AT_ONCE", 1_000)

    async def main() -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(0)

    with pytest.raises(Circling):
        simulate(main())


def test_an_error_in_nobody_s_hands_fails_the_simulation() -> None:
    async def fails() -> None:
        raise ValueError("unseen")

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(fails())
        await asyncio.sleep(1)
        del task

    with pytest.raises(AssertionError, match="unseen"):
        simulate(main())


def test_a_process_ends_with_everything_that_it_started() -> None:
    seen: list[str] = []

    async def child() -> None:
        try:
            await asyncio.sleep(10)
            seen.append("child went on")
        finally:
            LIFE.get().check()
            seen.append("the dead wrote")

    async def process() -> None:
        await asyncio.gather(child(), asyncio.create_task(child()))

    async def main() -> None:
        life = Life("process")
        task = life.run(process())
        life.at_end(lambda: seen.append("ended"))
        await asyncio.sleep(1)
        life.end()
        await asyncio.sleep(20)
        assert task.cancelled()

    simulate(main())
    assert seen == ["ended"]


def test_no_wall_clock_time_is_waited() -> None:
    async def main() -> None:
        for _ in range(1_000):
            await asyncio.sleep(1_000)

    before = time.process_time()
    simulate(main())
    assert time.process_time() - before < 60  # a million seconds


def test_sets_of_tasks_are_gone_through_in_one_order() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        pile = [loop.create_future() for _ in range(100)]  # moves what comes next in memory
        tasks = {loop.create_task(asyncio.sleep(1, n)) for n in range(20)}
        done, _ = await asyncio.wait(tasks)
        assert len(pile) == 100
        return [task.result() for task in done]

    assert simulate(main()) == simulate(main())
