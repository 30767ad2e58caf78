"""Any history of the dev chain: no coin is lost, and the past stays as it was."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engram.chain.dev import Rules
from engram.chain.dev.schema import FOREVER
from engram.chain.interface import Axon, Snapshot
from tests.chain.worlds import World, dev_world, signer

NAMES = ["ann", "ben", "cat", "dan"]
NAME = st.sampled_from(NAMES)
RULES = Rules(
    tempo=3,
    weights_rate_limit=2,
    serving_rate_limit=1,
    immunity_period=4,
    max_uids=3,
    max_validators=2,
    activity_cutoff=12,
    registration_cost=0.1,
    emission_per_block=1 / 3,
)
Happening = Callable[[World], object]


def register(name: str) -> Happening:
    return lambda world: world.ledger(name).register(netuid=1)


def mint(name: str) -> Happening:
    return lambda world: world.operator.faucet(signer(name).coldkey or "", 7.7)


def stake(name: str, amount: float) -> Happening:
    return lambda world: world.ledger(name).add_stake(amount, netuid=1)


def say(name: str, weights: dict[str, float]) -> Happening:
    named = {signer(who).hotkey: weight for who, weight in weights.items()}
    return lambda world: world.ledger(name).set_weights(named, 0, netuid=1)


def serve(name: str, port: int) -> Happening:
    return lambda world: world.ledger(name).serve_axon(Axon("203.0.113.7", port), netuid=1)


def secretly(wanted: bool) -> Happening:
    return lambda world: world.operator.change_rules(1, commit_reveal=wanted)


def advance(blocks: int) -> Happening:
    return lambda world: world.advance(blocks)


HAPPENINGS = st.lists(
    st.one_of(
        st.builds(register, NAME),
        st.builds(mint, NAME),
        st.builds(stake, NAME, st.floats(0, 10)),
        st.builds(say, NAME, st.dictionaries(NAME, st.floats(0, 1))),
        st.builds(serve, NAME, st.integers(1, 3)),
        st.builds(secretly, st.booleans()),
        st.builds(advance, st.integers(1, 6)),
    ),
    min_size=5,
    max_size=40,
)


@settings(max_examples=25, deadline=None)
@given(HAPPENINGS)
def test_no_coin_is_lost_and_the_past_stays(happenings: list[Happening]) -> None:
    with tempfile.TemporaryDirectory() as folder, dev_world(Path(folder), RULES) as world:
        chain = world.open()
        seen: dict[int, Snapshot] = {}
        for name in NAMES:
            mint(name)(world)
            register(name)(world)
        for happening in happenings:
            happening(world)
            now = chain.snapshot(1)
            assert seen.setdefault(now.block.number, now) == now
            require_balanced(world)
        assert {block: chain.snapshot(1, block) for block in seen} == seen


def require_balanced(world: World) -> None:
    """All that was minted and emitted is in a balance, in a stake, or recycled; to the last rao."""
    with world.look() as connection:
        (balances,) = connection.execute("SELECT sum(rao) FROM balances").fetchone()
        (stakes,) = connection.execute(
            "SELECT coalesce(sum(stake), 0) FROM neurons WHERE until = ?", (FOREVER,)
        ).fetchone()
        totals = dict(connection.execute("SELECT name, rao FROM totals"))
    came = totals.get("minted", 0) + totals.get("emitted", 0)
    assert balances + stakes + totals.get("recycled", 0) == came
