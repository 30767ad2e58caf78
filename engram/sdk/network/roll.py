"""The roll of members: read once, then kept current in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from engram.errors import EngramError
from engram.sdk.network.view import Discovery, View

RETRY_S = 10.0  # seed: seconds between attempts to reach a chain

log = logging.getLogger("engram.sdk.network")


class Roll:
    """The last good view is never let go for a worse one."""

    def __init__(
        self,
        discovery: Discovery,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._discovery = discovery
        self._sleep = sleep
        self._view: View | None = None
        self._first = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None

    async def view(self) -> View:
        """The members. Waits for the first look only; raises what that raises."""
        if self._view is None:
            async with self._first:
                if self._view is None:
                    self._view = await self._begin()
        return self._view

    async def refresh(self) -> View:
        """Look now. Raises what a look raises."""
        self._view = await self._discovery.look()
        return self._view

    async def close(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])
        await self._discovery.close()

    async def _begin(self) -> View:
        remembered = await asyncio.to_thread(self._discovery.remembered)
        view = remembered or await self._discovery.look()
        self._following = asyncio.create_task(self._follow(remembered is not None))
        return view

    async def _follow(self, at_once: bool) -> None:
        while True:
            wait_s = RETRY_S
            try:
                if not at_once:
                    wait_s = await self._discovery.next_look_s()
                    await self._sleep(wait_s)
                at_once = False
                await self.refresh()
            except (EngramError, OSError) as error:
                log.warning("the members are those of the last look: %s", error)
                await self._sleep(RETRY_S)
