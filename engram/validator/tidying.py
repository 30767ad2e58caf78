"""Forgets evidence that nobody needs any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engram.net.background import attempted
from engram.validator.state import evidence

if TYPE_CHECKING:
    from engram.validator.parts import Parts

EVERY_S = 3_600.0


async def tidy(parts: Parts) -> None:
    """Once an hour, until cancelled."""
    while True:
        await parts.clock.sleep(EVERY_S)
        await attempted("tidy", lambda: asyncio.to_thread(prune, parts))


def prune(parts: Parts) -> None:
    """Forget rounds older than the operator wants to keep."""
    before = parts.clock.now() - parts.settings.keep_days * 86_400
    with parts.state.write() as tx:
        evidence.prune(tx, before)
