"""What validators say of this miner, asked now and then for /stats."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp
import structlog

from engram.net.background import attempted

ASK_TIMEOUT_S = 5.0
MOST_BYTES = 4 * 1024 * 1024  # 256 miners take some 200 kB

log = structlog.get_logger("engram.miner")


class ScoreBoard:
    """The last word of each validator that answers.

    Validators announce no address on the chain, so the operator names those to ask.
    """

    def __init__(self, urls: Sequence[str], hotkey: str, every_s: float) -> None:
        self.urls = urls
        self.hotkey = hotkey
        self.every_s = every_s
        self.scores: dict[str, float | None] = {}
        """Composite (0..1) by the validator's hotkey; None while it still gets to know us."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin asking, on the event loop that runs."""
        self._task = asyncio.create_task(self._run(), name="scores")

    async def stop(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ASK_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await attempted("scores", lambda: self.refresh(session))
                await asyncio.sleep(self.every_s)

    async def refresh(self, session: aiohttp.ClientSession) -> None:
        """Ask all validators at once; who does not answer says nothing."""
        said = await asyncio.gather(*[self._ask(session, url) for url in self.urls])
        self.scores = {validator: score for one in said for validator, score in one.items()}

    async def _ask(self, session: aiohttp.ClientSession, url: str) -> dict[str, float | None]:
        try:
            async with session.get(url.rstrip("/") + "/scores", allow_redirects=False) as reply:
                if reply.status != 200 or (reply.content_length or MOST_BYTES) >= MOST_BYTES:
                    return {}
                return said_of(self.hotkey, await reply.json())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            log.info("a validator does not tell its scores", url=url, reason=str(error))
            return {}


def said_of(hotkey: str, body: Any) -> dict[str, float | None]:
    """The validator's score of a hotkey; nothing if it does not judge it.

    Raises ValueError if the body is no answer to /scores.
    """
    try:
        return {
            str(body["validator"]): None if each["composite"] is None else float(each["composite"])
            for each in body["scores"]
            if each["hotkey"] == hotkey
        }
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no answer to /scores: {error!r}") from None
