"""Takes orders, works on a few at a time, and goes on with all of them after a restart."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from engram.errors import EngramError, Overloaded, ServerUnreachable, Throttled, Unavailable
from engram.gateway.jobs.events import Hub
from engram.gateway.jobs.job import Job, Order, State, Step
from engram.gateway.jobs.work import Tools, Work
from engram.net.background import attempted

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 300.0
COPIES_LOOKS = 5  # times that missing copies are asked for after a file is stored
COPIES_WAIT_S = 5.0

WILL_PASS = (Unavailable, ServerUnreachable, Throttled)
Sleep = Callable[[float], Awaitable[None]]

log = structlog.get_logger("engram.gateway")


class Desk:
    """Orders come in, jobs come out: ``at_once`` are worked on, ``waiting`` more may wait."""

    def __init__(
        self, tools: Tools, hub: Hub, *, at_once: int, waiting: int, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._tools = tools
        self._hub = hub
        self._work = Work(tools)
        self._places = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._sleep = sleep
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def open(self, order: Order) -> Job:
        """Write the order down and begin; an order that is being worked on is not taken twice.

        Raises Overloaded while too many wait. The file must be in its place already.
        """
        running = self._alike(order)
        if running is not None:
            return running
        if len(self._tasks) >= self._most:
            raise Overloaded("Too many files wait for their turn; try again.", retry_after=10)
        now = self._tools.now()
        job = Job(secrets.token_hex(16), order, now, now)
        await asyncio.to_thread(self._tools.book.open, job)
        self._begin(job)
        return job

    async def resume(self) -> int:
        """Go on with whatever was not finished; how many jobs."""
        jobs = await asyncio.to_thread(self._tools.book.running)
        for job in jobs:
            self._begin(job)
        return len(jobs)

    async def finished(self, job: Job) -> Job:
        """The job once it is done or has failed."""
        task = self._tasks.get(job.id)
        if task is not None:
            await asyncio.shield(task)
        return await asyncio.to_thread(self._tools.book.job, job.id) or job

    async def close(self) -> None:
        """Stop where it is; everything goes on at the next start."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _alike(self, order: Order) -> Job | None:
        jobs = (self._hub.newest.get(identity) for identity in self._tasks)
        return next((job for job in jobs if job is not None and job.order == order), None)

    def _begin(self, job: Job) -> None:
        self._hub.tell(job)
        task = asyncio.create_task(self._guarded(job), name=f"job {job.id}")
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._ended(job))

    def _ended(self, job: Job) -> None:
        self._tasks.pop(job.id, None)
        self._hub.forget(job)

    async def _guarded(self, job: Job) -> None:
        """A fault of our own ends this job alone, and shows in it."""
        if not await attempted("file", lambda: self._through(job)):
            sentence = "An internal error, which the gateway's log describes."
            await self._note(job, state=State.FAILED, error=sentence, code=EngramError.code)

    async def _through(self, job: Job) -> None:
        """Until the job is done or has failed. What will pass is waited for, without a place."""
        failures = 0
        while True:
            try:
                async with self._places:
                    job = await self._work.run(job)
                break
            except WILL_PASS as error:
                failures += 1
                job = await self._note(job, waits_for=error.message)
                await self._sleep(waiting_time(failures, error))
            except EngramError as error:
                log.info("a file cannot be stored", job=job.id, code=error.code)
                job = await self._note(
                    job, state=State.FAILED, error=error.message, code=error.code
                )
                return
        await self._copies(job)

    async def _copies(self, job: Job) -> None:
        """The file is stored; a few looks at copies that were not acknowledged then."""
        for _ in range(COPIES_LOOKS):
            if job.step is Step.REPLICATED:
                return
            await self._sleep(COPIES_WAIT_S)
            try:
                async with self._places:
                    job = await self._work.replicate(job)
            except EngramError as error:
                log.info("copies are asked for later", job=job.id, reason=error.message)

    async def _note(self, job: Job, **changes: object) -> Job:
        latest = await asyncio.to_thread(self._tools.book.job, job.id) or job
        noted = replace(latest, updated_at=self._tools.now(), **changes)  # type: ignore[arg-type]
        await asyncio.to_thread(self._tools.book.keep, noted)
        self._hub.tell(noted)
        return noted


def waiting_time(failures: int, error: EngramError) -> float:
    """Seconds: what the other side asked for, or twice as many after each failure in a row."""
    growing = float(min(FIRST_WAIT_S * 2 ** min(failures - 1, 30), LONGEST_WAIT_S))
    return max(growing, error.retry_after or 0.0)
