"""Three real servers in this process, on a loop of their own, so that anybody may block."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from engram.sdk.network.loop_thread import LoopThread
from tests.miner.harness import Served, served


@contextmanager
def three_miners() -> Iterator[list[Served]]:
    thread = LoopThread()
    context = _three()
    try:
        yield thread.run(context.__aenter__())
    finally:
        thread.run(context.__aexit__(None, None, None))
        thread.close()


@asynccontextmanager
async def _three() -> AsyncIterator[list[Served]]:
    async with served() as one, served() as two, served() as three:
        yield [one, two, three]


def spread(miners: Sequence[Served]) -> None:
    """Every record to every miner, as replication does."""
    known = {cid: one for miner in miners for cid, one in miner.store.records.items()}
    for miner in miners:
        for cid, one in known.items():
            miner.store.records.setdefault(cid, one)
