"""A simulated validator: the real rounds, books and weights, over the simulated network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from engram.chain.interface import Chain
from engram.chain.signatures import verify
from engram.config import ValidatorSettings
from engram.core import generate_cid
from engram.core.embedding import from_base64
from engram.dht import RoutingTable
from engram.validator.api import build_app
from engram.validator.chain_link import ChainLink
from engram.validator.corpus import Corpus
from engram.validator.miner_client import Answer, Request, error_code, retry_after
from engram.validator.parts import Given, Parts
from engram.validator.serve import until
from engram.validator.state import State
from engram.validator.verdict import Failure, Verdict
from tests.miner.hash_embedder import HashEmbedder
from tests.simulation import network
from tests.simulation.books import Sent
from tests.simulation.chain import SimulatedChain
from tests.simulation.clock import SkewedClock
from tests.simulation.doorway import doorway
from tests.simulation.keys import Key
from tests.simulation.life import Life
from tests.simulation.network import Reply, Silence
from tests.simulation.world import World
from tests.validator.world import passages

T = TypeVar("T")
JSON = {"Content-Type": "application/json"}
VERDICT = {
    Silence.REFUSED: Verdict.UNREACHABLE,
    Silence.BROKEN: Verdict.INVALID,
    Silence.UNANSWERED: Verdict.UNREACHABLE,
    Silence.LATE: Verdict.SLOW,
}


class Validator:
    """What outlives the process, and the process."""

    def __init__(
        self, world: World, name: str, key: Key, uid: int, settings: ValidatorSettings
    ) -> None:
        self.world = world
        self.name = name
        self.key = key
        self.chain = SimulatedChain(world.ledger, uid)
        self.clock = SkewedClock(world.loop)
        self.random = world.part(name)
        self.settings = settings
        self.life: Life | None = None
        self.url = f"http://{name}"
        self.parts: Parts | None = None
        world.others.append(name)
        world.network.name(self.url, name)

    def start(self) -> None:
        """Begin a process, on whatever its folder holds."""
        self.life = Life(self.name)
        self.life.run(self._live(self.life))

    def crash(self) -> None:
        """SIGKILL."""
        assert self.life is not None and self.parts is not None
        self.life.end()
        self.parts.state.close()
        self.parts = None

    async def _live(self, life: Life) -> None:
        self.parts = Parts(self.settings, self._given())
        self.world.network.listen(self.name, life, doorway(build_app(self.parts)))
        await until(asyncio.Event(), self.parts)

    def _given(self) -> Given:
        folder: Path = self.settings.data_dir
        return Given(
            chain=self.chain,
            signer=self.key,
            verify=verify,
            state=State(folder),
            table=RoutingTable(self.settings.placement_blocks, folder=folder / "placement"),
            transport=SimulatedTransport(self.world, self.name, self.settings.max_in_flight),
            embedder=HashEmbedder(),
            corpus=Corpus(passages(self.random.getrandbits(32)), self.random, secret=True),
            clock=self.clock,
            random=self.random,
        )


class SimulatedTransport:
    """The Transport of one validator."""

    def __init__(self, world: World, name: str, in_flight: int) -> None:
        self._world = world
        self._name = name
        self._places = asyncio.Semaphore(in_flight)

    async def send(self, request: Request) -> Answer | Failure:
        content = request.content()
        sent = self._own(request)
        method = "GET" if content is None else "POST"
        carried = network.Request(method, request.path, content or b"", {**JSON, **request.headers})
        async with self._places:
            began = self._world.loop.time()
            found = await self._world.network.ask(
                self._name, request.url, carried, request.timeout_s
            )
            seconds = self._world.loop.time() - began
        if sent is not None and isinstance(found, Reply) and found.status == 200:
            self._world.promised(request.url, sent)
        return judged(found, seconds, request.most_bytes)

    def _own(self, request: Request) -> Sent | None:
        """The record that is about to be stored, if it is one."""
        if request.path != "/IngestSynapse":
            return None
        embedding, metadata = from_base64(request.body["embedding_b64"]), request.body["metadata"]
        sent = Sent(generate_cid(embedding, metadata), embedding, metadata)
        return self._world.books.known.setdefault(sent.cid, sent)


def judged(found: Reply | Silence, seconds: float, most_bytes: int) -> Answer | Failure:
    """As engram.validator.miner_client judges a response of aiohttp."""
    if isinstance(found, Silence):
        return Failure(VERDICT[found], found.value)
    if len(found.body) > most_bytes:
        return Failure(Verdict.INVALID, f"The answer has more than {most_bytes:,} bytes.")
    if found.status == 200:
        return Answer(found.body, seconds)
    code = error_code(found.body) or f"http_{found.status}"
    wait = retry_after(found.headers.get("Retry-After"))
    return Failure(Verdict.REFUSED, f"It answered {found.status}.", code=code, retry_after=wait)


class LinkWithoutThread(ChainLink):
    """The validator's link to its chain, whose calls are made on the loop."""

    def __init__(self, chain: Chain, netuid: int, deadline_s: float) -> None:
        self.chain = chain
        self.netuid = netuid
        self.problem = "not connected yet"
        self.block_number = None
        self._turn = asyncio.Lock()

    async def _answered(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)

    def close(self) -> None:
        pass
