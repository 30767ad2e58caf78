"""A miner's one connection to its chain, with one thread that owns it.

The event loop never waits for the chain: it reads ``view``, which the thread replaces. Without a
chain the miner serves on by what it last knew.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import structlog

from engram.chain.interface import Axon, Block, Chain, Snapshot
from engram.dht import Membership, RoutingTable
from engram.errors import ChainRejected, ChainUnavailable
from engram.miner import chain_warnings
from engram.miner.chain_view import ChainView
from engram.miner.chain_warnings import Concern
from engram.storage.health import Health, Loop

ATTEMPTS = 5  # seed: then the miner runs chain-less
UNTIL_READY_S = 0.2  # how often it is looked whether the miner can be announced
LEAST_POLL_S = 0.2  # a dev chain whose blocks are made by hand has a block time of 0
FAREWELL_S = 5.0  # that a call to the chain may take when the miner stops

log = structlog.get_logger("engram.chain")


@dataclass(frozen=True, slots=True)
class Place:
    """Who the miner is on its chain, and where it serves."""

    netuid: int
    hotkey: str
    """SS58 address."""
    coldkey_here: Path | None
    """File of a coldkey whose secret lies on this machine."""
    host: str
    """Address that it binds."""
    axon: Axon | None
    """Where others reach it; None if it has no such address."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks at the chain."""

    connect_every_s: float
    metagraph_every_s: float


class ChainLink:
    """Connects, follows the blocks, announces the miner, keeps the routing table current.

    ``ready`` says whether the miner can be announced, ``answers`` whether a node serves at a URL.
    """

    def __init__(
        self,
        chain: Chain,
        table: RoutingTable,
        place: Place,
        pace: Pace,
        *,
        ready: Callable[[], bool],
        answers: Callable[[str], bool] = chain_warnings.answers,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.chain = chain
        self.table = table
        self.place = place
        self.pace = pace
        self.view = ChainView(
            chain.name, is_dev=not chain.is_public, state="connecting", hotkey=place.hotkey
        )
        self._ready = ready
        self._answers = answers
        self._monotonic = monotonic
        self._block_time_s = 0.0
        self._sync_at = monotonic()
        self._announced = False
        self._same_chain = False
        """False until the membership was compared with the chain that answers now."""
        self._stop = Event()
        self._thread = Loop("chain", self._turn_and_wait, Health())

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and let go of the chain. Blocks for FAREWELL_S at the most."""
        self._stop.set()
        self._thread.hurry()
        self.chain.close()
        if self._thread.is_alive():
            self._thread.join(FAREWELL_S)

    def _turn_and_wait(self) -> bool:
        return not self._stop.is_set() and not self._stop.wait(self.turn())

    def turn(self) -> float:
        """Do what is due; seconds until the next turn. Blocks as long as the chain does."""
        try:
            return self._follow()
        except (ChainUnavailable, ChainRejected) as error:
            self._missed(error.message)
            return self.pace.connect_every_s

    def _follow(self) -> float:
        block = self._reach()
        if not self._ready():
            return UNTIL_READY_S
        if self.table.behind(block.number) or not self._same_chain:
            self._place_anew(block)
        if self._monotonic() >= self._sync_at:
            self._sync()
        return max(LEAST_POLL_S, self._block_time_s)

    def _reach(self) -> Block:
        """The last finalized block, over a connection that is made if there is none."""
        if self.view.state != "connected":
            self.chain.connect()
            self._block_time_s = self.chain.hyperparameters(self.place.netuid).block_time_s
        block = self.chain.block()
        if self.view.state != "connected":
            self._same_chain = False
            self._sync_at = self._monotonic()
            log.info("chain is connected", chain=self.view.name, block=block.number)
            self._see(warnings=())
        self._see(state="connected", attempts=0, block=block.number)
        return block

    def _missed(self, reason: str) -> None:
        """The chain did not answer, or refused to be read."""
        if self._stop.is_set():
            return
        attempts = self.view.attempts + 1
        self._see(attempts=attempts, state="connecting" if attempts < ATTEMPTS else "chain-less")
        if attempts <= ATTEMPTS:
            log.warning("chain is not reached", attempt=f"{attempts}/{ATTEMPTS}", reason=reason)
        if attempts == ATTEMPTS:
            log.warning("serving chain-less; the chain is tried again in the background")
        self._see(warnings=(reason,))

    def _place_anew(self, block: Block) -> None:
        """Move to the placement block that rules now, if every member's block hash is known."""
        number = self.table.placement_block(block.number)
        earlier = number - self.table.every
        if earlier < 0:
            return  # a chain so young has no two placement blocks
        before = self.table.current
        try:
            current = self.chain.snapshot(self.place.netuid, number)
            previous = self.chain.snapshot(self.place.netuid, earlier)
        except ChainRejected as error:
            log.warning("placement stays where it is", reason=error.message)
            return
        if self.table.bootstrap(current, previous):
            self._same_chain = True
            self._tell_placement(before)

    def _tell_placement(self, before: Membership | None) -> None:
        now = self.table.current
        if now is not None and (before is None or before.members != now.members):
            member = self.table.local is not None
            log.info("members changed", block=now.number, members=len(now.members), member=member)

    def _sync(self) -> None:
        """Read the whole metagraph, announce the miner if need be, and look for what is wrong."""
        self._sync_at = self._monotonic() + self.pace.metagraph_every_s
        metagraph = self.chain.snapshot(self.place.netuid)
        self.table.learn(metagraph)
        self._see(metagraph=metagraph)
        self._warn(self._concerns(metagraph))

    def _concerns(self, metagraph: Snapshot) -> list[Concern]:
        place = self.place
        found: list[Concern] = []
        if place.coldkey_here is not None and self.chain.is_public:
            found.append(chain_warnings.coldkey_here(place.coldkey_here))
        neuron = metagraph.by_hotkey(place.hotkey)
        if neuron is None:
            return [*found, chain_warnings.not_registered(place.hotkey, place.netuid)]
        if place.axon is None:
            return [*found, chain_warnings.no_address(place.host)]
        if self.chain.is_public and chain_warnings.is_private(place.axon.ip):
            found.append(chain_warnings.private_address(place.axon))
        found += self._announce(neuron.axon, place.axon)
        if not self._answers(place.axon.url):
            found.append(chain_warnings.unreachable(place.axon))
        return found

    def _announce(self, listed: Axon | None, ours: Axon) -> list[Concern]:
        """Have the chain list our address, unless a living miner took it over: no tug of war."""
        if listed == ours:
            self._announced = True
            return []
        found = []
        if listed is not None and self._answers(listed.url):
            found.append(chain_warnings.two_miners(self.place.hotkey, listed))
        return found if found and self._announced else [*found, *self._serve(ours)]

    def _serve(self, ours: Axon) -> list[Concern]:
        try:
            receipt = self.chain.serve_axon(ours, netuid=self.place.netuid)
        except ChainRejected as error:
            return [chain_warnings.not_announced(ours, error.message)]
        if receipt.ok:
            self._announced = True
            log.info("axon is announced", url=ours.url)
            return []
        if receipt.retry_after_blocks is not None:
            wait_s = receipt.retry_after_blocks * self._block_time_s
            self._sync_at = min(self._sync_at, self._monotonic() + wait_s)
        return [chain_warnings.not_announced(ours, receipt.message)]

    def _warn(self, concerns: list[Concern]) -> None:
        """Log what is new, and what is over; /stats shows what is."""
        before, found = self.view.warnings, [str(concern) for concern in concerns]
        for sentence in found:
            if sentence not in before:
                log.warning(sentence)
        for sentence in before:
            if sentence not in found:
                log.info("no longer so", warning=sentence)
        self._see(warnings=tuple(found))

    def _see(self, **changes: Any) -> None:
        self.view = replace(self.view, **changes)
