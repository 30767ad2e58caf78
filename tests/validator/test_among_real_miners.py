"""The validator's real HTTP, among real miners with real stores, on a real dev chain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engram.chain.dev import DevChain, DevOperator, Fault, Rules, create
from engram.core import embedding_bytes
from engram.storage import EmbeddedStore
from engram.validator import report
from engram.validator.miner_client import HttpTransport
from engram.validator.parts import Parts
from engram.validator.state import pool, replicas
from engram.validator.state.replicas import Finding, Proof
from tests.chain.worlds import signer
from tests.validator.clocks import StillClock
from tests.validator.real_miners import Delayed, RealMiner, running, store_all, users_records
from tests.validator.simulated_miners import half
from tests.validator.world import PLACEMENT_BLOCKS, parts_of, settings_for

MINERS = 3
RULES = Rules(tempo=9, weights_rate_limit=5, serving_rate_limit=0)
KNOWN = 20


@dataclass
class Subnet:
    """Real everything but the clock."""

    miners: list[RealMiner]
    operator: DevOperator
    parts: Parts
    clock: StillClock
    transport: Delayed

    async def placed(self) -> None:
        await self.parts.follower.turn()
        for _ in range(2):  # what nobody signed for is offered from the next placement block on
            for _ in range(KNOWN):
                await self.parts.placing.turn()
            await self.blocks(PLACEMENT_BLOCKS)

    async def blocks(self, count: int) -> None:
        self.operator.advance(count)
        await self.parts.follower.turn()

    async def judged(self, rounds: int = 5) -> None:
        for _ in range(rounds):
            self.clock.seconds += 300
            await self.parts.challenger.round()
            await self.parts.scorer.round()

    def scores(self) -> list[dict[str, Any]]:
        assignments = self.parts.roster.assignments()
        with self.parts.state.read() as connection:
            return report.scores(connection, assignments, self.parts.rules)


def prepared_chain(path: Path, miners: list[RealMiner]) -> DevOperator:
    """Miners that serve, a validator with a permit, two placement blocks behind them."""
    create(path, block_time_s=0, subnet_rules={1: RULES})
    operator = DevOperator(path)
    for number, miner in enumerate(miners):
        chain = DevChain(path, signer(f"miner {number}"))
        assert chain.register(netuid=1).ok
        assert chain.serve_axon(miner.axon, netuid=1).ok
        chain.close()
    chain = DevChain(path, signer("validator"))
    assert chain.register(netuid=1).ok
    operator.faucet(signer("validator").coldkey or "", 1_000)
    assert chain.add_stake(900, netuid=1).ok
    chain.close()
    operator.advance(2 * PLACEMENT_BLOCKS)
    return operator


@pytest.fixture
async def subnet(tmp_path: Path) -> AsyncIterator[Subnet]:
    async with AsyncExitStack() as stack:
        clock = StillClock()
        miners = [
            await stack.enter_async_context(running(tmp_path / f"miner-{n}", clock.now))
            for n in range(MINERS)
        ]
        path = tmp_path / "chain.sqlite"
        operator = prepared_chain(path, miners)
        stack.callback(operator.close)
        transport = Delayed(await stack.enter_async_context(HttpTransport(16, clock)))
        key = signer("validator")
        parts = parts_of(
            settings_for(tmp_path / "validator", min_known=KNOWN),
            DevChain(path, key),
            transport,
            clock,
            key=key,
        )
        stack.callback(parts.state.close)
        stack.callback(parts.link.close)
        yield Subnet(miners, operator, parts, clock, transport)


async def test_from_the_first_record_to_weights_and_pay(subnet: Subnet) -> None:
    await subnet.placed()
    await subnet.judged()
    assert [score["composite"] for score in subnet.scores()] == [1, 1, 1]
    await subnet.parts.weights.attempt()
    assert subnet.parts.weights.last is not None
    assert subnet.parts.weights.last.code == "set"
    await subnet.blocks(RULES.tempo + 1)
    snapshot = await subnet.parts.link.snapshot()
    assert [round(n.incentive, 2) for n in snapshot.neurons if n.axon] == [0.33] * 3


async def test_each_fault_costs_what_the_formula_says(subnet: Subnet) -> None:
    await subnet.placed()
    forgetful, confused, slow = subnet.miners
    forget_half(forgetful.store)
    answer_at_random(confused.store)
    subnet.transport.seconds[slow.axon.url] = 0.6
    await subnet.judged(10)
    scores = subnet.scores()
    assert scores[0]["recall"] == pytest.approx(0.5, abs=0.25)
    assert scores[0]["proof_rate"] == pytest.approx(0.5, abs=0.25)
    assert (scores[1]["recall"], scores[1]["latency_score"]) == (0, 0)
    assert scores[1]["composite"] == pytest.approx(0.2)
    assert scores[2]["composite"] == pytest.approx(0.7)


async def test_wrong_bytes_fail_every_proof(subnet: Subnet) -> None:
    await subnet.placed()
    await subnet.judged(3)
    corrupt(subnet.miners[1].store)
    await subnet.judged(15)
    scores = subnet.scores()
    assert scores[1]["slashed"]
    assert scores[1]["weight"] == 0
    assert not scores[0]["slashed"]


async def test_a_hundred_times_as_many_records_of_users(subnet: Subnet) -> None:
    users = users_records(100 * KNOWN, seed=3)
    for miner in subnet.miners:
        store_all(miner.store, users)
        miner.store.drain()
    await subnet.placed()
    oblige_to(subnet, users[:200])
    await subnet.blocks(PLACEMENT_BLOCKS)
    await subnet.judged(6)
    with subnet.parts.state.read() as connection:
        spots = connection.execute(
            "SELECT count(*) AS n, avg(s.recall) AS recall FROM samples AS s "
            "JOIN probes ON probes.id = probe JOIN records ON records.id = record "
            "WHERE namespace IS NULL"
        ).fetchone()
    assert spots["n"] == 2 * MINERS * 6
    assert spots["recall"] >= 0.95
    for score in subnet.scores():
        assert score["recall"] >= 0.95
        assert not score["slashed"]


async def test_a_user_record_that_was_dropped_is_missed(subnet: Subnet) -> None:
    users = users_records(60, seed=4)
    for miner in subnet.miners[:2]:
        store_all(miner.store, users)
    await subnet.placed()
    oblige_to(subnet, users)
    await subnet.blocks(PLACEMENT_BLOCKS)
    await subnet.judged(6)
    scores = subnet.scores()
    assert scores[0]["recall"] == scores[1]["recall"] == 1
    assert scores[2]["recall"] == pytest.approx(5 / 7)  # two of seven answers are spot probes


async def test_our_own_clock_is_an_hour_ahead(subnet: Subnet) -> None:
    await subnet.placed()
    await subnet.judged()
    before = [score["proof_rate"] for score in subnet.scores()]
    examiner = subnet.parts.challenger._examiner
    examiner._clock = StillClock(subnet.clock.seconds + 3_600)
    for _ in range(10):
        await subnet.parts.challenger.round()
    assert [score["proof_rate"] for score in subnet.scores()] == before
    with subnet.parts.state.read() as connection:
        kinds = connection.execute("SELECT kind, counted FROM rounds ORDER BY id").fetchall()
    assert [(row["kind"], row["counted"]) for row in kinds[-10:]] == [("challenge", 0)] * 10


async def test_the_dev_chain_down_rejecting_and_back(subnet: Subnet) -> None:
    await subnet.placed()
    await subnet.judged()
    for fault, code in [(Fault.DOWN, "chain_unavailable"), (Fault.REJECTING, "rejected")]:
        subnet.operator.switch_on(fault)
        await subnet.parts.weights.attempt()
        assert subnet.parts.weights.last is not None
        assert subnet.parts.weights.last.code == code
        subnet.operator.switch_off()
    await subnet.judged(1)
    await subnet.parts.weights.attempt()
    assert subnet.parts.weights.last is not None
    assert subnet.parts.weights.last.code == "set"


def oblige_to(subnet: Subnet, users: list[Any]) -> None:
    """As pages do that members signed for."""
    placement = subnet.parts.roster.placement
    assert placement is not None
    with subnet.parts.state.write() as tx:
        for record in users:
            made = pool.add_record(tx, record.cid, embedding_bytes(record.embedding), {}, None)
            assert made is not None
            for miner in subnet.parts.roster.miners:
                replicas.note(tx, Finding(made, miner.id, True, Proof.PAGE, 1.0, placement))


def forget_half(store: EmbeddedStore) -> None:
    for record in list(store.scan()):
        if half(record.cid):
            store.delete(record.cid)


def answer_at_random(store: EmbeddedStore) -> None:
    """Another vector than the one asked for: real records, and the wrong ones."""
    others = users_records(50, seed=9)
    store_all(store, others)
    patch(store, "search", lambda search: lambda vector, k, where: search(-vector, k, None))


def corrupt(store: EmbeddedStore) -> None:
    def zeroed(read: Callable[..., Any]) -> Callable[..., Any]:
        return lambda cids: [None if raw is None else raw[::-1] for raw in read(cids)]

    patch(store, "embeddings", zeroed)


def patch(store: EmbeddedStore, name: str, change: Callable[..., Any]) -> None:
    setattr(store, name, change(getattr(store, name)))
