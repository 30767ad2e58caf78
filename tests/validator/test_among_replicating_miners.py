"""Real miners that replicate among themselves, as processes on a dev chain, and a validator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from engram.chain.dev import DEFAULT_NETUID, DevChain
from engram.chain.wallet import load_signer
from engram.cli.network.plan import PLACEMENT_BLOCKS
from engram.cli.network.registry import prepare
from engram.core.embedding import to_base64
from engram.validator import coverage, report
from engram.validator.clock import SystemClock
from engram.validator.miner_client import HttpTransport
from engram.validator.parts import Parts
from engram.validator.placing import shortfall
from engram.validator.state import pool, posts, repairs, replicas
from engram.validator.state.replicas import Finding, Proof
from tests.miner.replication.processes import Processes, processes
from tests.validator.real_miners import users_records
from tests.validator.world import parts_of, settings_for

pytestmark = pytest.mark.slow
MINERS, KNOWN, USERS = 4, 8, 30


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    with processes(tmp_path_factory.mktemp("replicating") / "network", MINERS) as network:
        prepare(network.layout, {"validator": "validator"})
        yield network


@pytest.fixture
async def parts(network: Processes, tmp_path: Path) -> AsyncIterator[Parts]:
    layout, clock = network.layout, SystemClock()
    key = load_signer(layout.wallet("validator"), layout.wallets)
    settings = settings_for(
        tmp_path,
        min_known=KNOWN,
        placement_blocks=PLACEMENT_BLOCKS,
        netuid=DEFAULT_NETUID,
        request_timeout_s=20,
    )
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(HttpTransport(16, clock))
        chain = DevChain(layout.ledger, key)
        seed = Random(str(tmp_path)).randrange(2**31)
        parts = parts_of(settings, chain, transport, clock, seed=seed, key=key)
        stack.callback(parts.state.close)
        stack.callback(parts.link.close)
        while len(parts.roster.miners) < MINERS:
            await parts.follower.turn()
            await asyncio.sleep(0.2)
        yield parts


async def placed(parts: Parts) -> None:
    """Until every own record was posted once."""
    while True:
        await parts.placing.turn()
        lacking = shortfall(parts.roster.assignments(), KNOWN)
        with parts.state.read() as connection:
            if not lacking and not posts.due(connection, parts.clock.now(), 1):
                return


async def written(network: Processes, seed: int) -> list[str]:
    """Users' records, each through any miner."""
    cids = []
    for n, record in enumerate(users_records(USERS, seed)):
        body = {
            "embedding_b64": to_base64(record.embedding),
            "metadata": record.metadata,
            "min_replicas": 3,
        }
        miner = network.miners[n % MINERS]
        status, reply = await asyncio.to_thread(miner.ask, "POST", "/IngestSynapse", body)
        assert status == 200, reply
        cids.append(reply["cid"])
    return cids


async def test_one_post_and_everybody_who_is_named_has_signed(parts: Parts) -> None:
    await placed(parts)
    with parts.state.read() as connection:
        offered = connection.execute("SELECT state, signed FROM offers").fetchall()
        records = len(pool.live_records(connection))
        scores = report.scores(connection, parts.roster.assignments(), parts.rules)
        found = replicas.totals(
            connection, replicas.counting(connection, parts.roster.present), own=True
        )
    assert [tuple(row) for row in offered] == [("held", 1)] * (3 * records)
    assert all(score["known"] >= KNOWN and not score["warming_up"] for score in scores)
    assert found.healthy == records
    assert parts.receipts.refused == 0


async def test_users_records_are_healthy_owed_and_found(network: Processes, parts: Parts) -> None:
    cids = await written(network, seed=1)
    await placed(parts)
    await parts.survey.turn()
    with parts.state.read() as connection:
        shares = coverage.coverage(connection, parts.roster.miners)["users"]["shares"]
        told = coverage.of_cid(connection, cids[0], parts.roster.miners)
    assert shares["HEALTHY"] == 1
    assert told["detail"] == "HEALTHY: 3 of 3"
    for _ in range(3):
        await parts.scorer.round()
    await parts.challenger.round()
    with parts.state.read() as connection:
        recalls = connection.execute(
            "SELECT s.recall FROM samples AS s JOIN probes ON probes.id = probe "
            "JOIN records ON records.id = probes.record WHERE namespace IS NULL"
        ).fetchall()
        scores = report.scores(connection, parts.roster.assignments(), parts.rules)
    assert [row["recall"] for row in recalls] == [1] * (MINERS * 2 * 3)
    assert all(score["recall"] == 1 and score["proof_rate"] == 1 for score in scores)


async def test_a_holder_takes_a_signed_request_for_repair(network: Processes, parts: Parts) -> None:
    [cid, *_] = await written(network, seed=2)
    await parts.survey.turn()
    with parts.state.write() as tx:
        record = pool.id_of(tx, cid)
        assert record is not None
        [first, *_] = parts.roster.assigned_to([cid])[0]
        replicas.note(tx, Finding(record, first, False, Proof.CHALLENGE, parts.clock.now()))
        repairs.add(tx, [record])
    for _ in range(100):  # a miner reads the metagraph every 3 s: who has a permit
        await parts.mending.turn()
        if parts.mending.handed:
            break
        with parts.state.write() as tx:
            repairs.add(tx, [record])
        await asyncio.sleep(0.2)
    assert parts.mending.handed == 1
