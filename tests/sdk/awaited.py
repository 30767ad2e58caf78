"""An AsyncMemory behind Memory's own face, so that one suite judges both."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

from engram import AsyncMemory


class Awaited:
    """Runs each call on an event loop of its own."""

    def __init__(self, opener: Callable[[], AsyncMemory]) -> None:
        self._runner = asyncio.Runner()
        self._memory = opener()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._memory, name)

        def call(*args: Any, **options: Any) -> Any:
            result = method(*args, **options)
            return self._runner.run(_all(result) if inspect.isasyncgen(result) else result)

        return call

    def shut(self) -> None:
        """Close the memory and the loop."""
        self._runner.run(self._memory.close())
        self._runner.close()


async def _all(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]
