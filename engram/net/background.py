"""Background loops on the event loop never die silently: the boundary where their errors end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger("engram.background")


async def attempted(name: str, turn: Callable[[], Awaitable[None]]) -> bool:
    """Run one turn of a loop; False if it failed, which is logged with its traceback.

    Whoever loops decides when the next turn comes. Cancelling is no failure.
    """
    try:
        await turn()
    except Exception:  # one failed turn must not end the loop
        log.exception("a background turn failed and will be repeated", loop=name)
        return False
    return True
