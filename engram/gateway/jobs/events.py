"""Who is told when a job comes further."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from engram.gateway.jobs.job import Job, State


class Hub:
    """The newest state of each job, for whoever watches. Only the newest: none is waited for."""

    def __init__(self) -> None:
        self._bells: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self.newest: dict[str, Job] = {}
        """Jobs that somebody works on or watches."""

    def tell(self, job: Job) -> None:
        """A job has come further. Called on the event loop."""
        self.newest[job.id] = job
        for bell in self._bells.get(job.id, ()):
            bell.set()

    def forget(self, job: Job) -> None:
        """Nobody works on the job any more."""
        if job.id not in self._bells:
            self.newest.pop(job.id, None)

    async def watch(self, job: Job, pulse_s: float) -> AsyncIterator[Job | None]:
        """The job now, and again whenever it changed; None every ``pulse_s`` while it does not.

        Ends with a job that is not running any more.
        """
        with self._bell(job.id) as bell:
            while True:
                job = self.newest.get(job.id, job)
                yield job
                if job.state is not State.RUNNING:
                    return
                while not await rung(bell, pulse_s):
                    yield None
                bell.clear()

    @contextmanager
    def _bell(self, identity: str) -> Iterator[asyncio.Event]:
        bell = asyncio.Event()
        self._bells[identity].add(bell)
        try:
            yield bell
        finally:
            self._bells[identity].discard(bell)
            if not self._bells[identity]:
                del self._bells[identity]


async def rung(bell: asyncio.Event, seconds: float) -> bool:
    """False if it was not rung within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return False
    return True
