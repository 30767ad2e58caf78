"""Peers over the simulated network: signed and judged as over HTTP."""

from __future__ import annotations

from random import Random
from urllib.parse import quote

from engram.dht import Member
from engram.miner.replication.interface import Answer, Clock, Failure, Trouble
from engram.miner.replication.peers import error_in, placements, retry_after, word
from engram.net.signed import signed_headers
from tests.simulation.keys import Key
from tests.simulation.network import Network, Reply, Request, Silence

TROUBLE = {
    Silence.REFUSED: Trouble.UNREACHABLE,
    Silence.BROKEN: Trouble.UNREACHABLE,
    Silence.UNANSWERED: Trouble.UNREACHABLE,
    Silence.LATE: Trouble.SLOW,
}


class SimulatedPeers:
    """The Peers of one process."""

    def __init__(self, name: str, key: Key, clock: Clock, network: Network, random: Random) -> None:
        self._name = name
        self._key = key
        self._clock = clock
        self._network = network
        self._random = random

    async def send(
        self,
        member: Member,
        path: str,
        body: bytes,
        *,
        content_type: str = "application/json",
        timeout_s: float,
    ) -> Answer | Failure:
        headers = signed_headers(
            self._key,
            member.hotkey,
            "POST",
            path,
            body,
            round(self._clock.now() * 1000),
            f"{self._random.getrandbits(128):032x}",
        )
        request = Request("POST", path, body, headers | {"Content-Type": content_type})
        return judged(await self._network.ask(self._name, member.url, request, timeout_s))

    async def get(self, member: Member, path: str, *, timeout_s: float) -> Answer | Failure:
        request = Request("GET", quote(path, safe="/:"))
        return judged(await self._network.ask(self._name, member.url, request, timeout_s))


def judged(found: Reply | Silence) -> Answer | Failure:
    """As engram.miner.replication.peers judges a response of aiohttp."""
    if isinstance(found, Silence):
        return Failure(TROUBLE[found], found.value)
    if found.status == 200:
        return Answer(found.body)
    said = error_in(found.body)
    code = word(said.get("code")) or f"http_{found.status}"
    return Failure(
        Trouble.REFUSED,
        f"It answered {found.status} {code}.",
        code=code,
        retry_after=retry_after(found.headers.get("Retry-After")),
        placements=placements(said.get("placements")),
    )
