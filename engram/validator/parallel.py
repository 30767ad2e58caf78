"""Many coroutines side by side, until they are done or the time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def finished(work: Iterable[Coroutine[Any, Any, None]], within_s: float) -> bool:
    """Run all of it; False if some had to be broken off. What one raises ends the others."""
    try:
        async with asyncio.timeout(within_s), asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except TimeoutError:
        return False
    return True
