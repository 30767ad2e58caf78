"""A miner that takes calls and never answers is judged even where rounds are seconds apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from engram.config import ValidatorSettings
from engram.validator.miner_client import Answer, Request
from engram.validator.parts import IN_TIME, SPREAD, timeout_s
from engram.validator.verdict import Failure, Verdict
from tests.validator.simulated_miners import SimulatedNetwork
from tests.validator.world import World

NewWorld = Callable[..., World]


@pytest.mark.parametrize("every", [0.3, 3.0, 120.0, 600.0])
def test_a_request_fails_before_its_round_ends(every: float) -> None:
    settings = ValidatorSettings(scoring_every_s=every, challenge_every_s=every)
    assert timeout_s(settings) + SPREAD * every < IN_TIME * every
    assert timeout_s(settings) <= 3


class PartlyFrozen(SimulatedNetwork):
    """One URL uses up the whole timeout."""

    frozen = ""

    async def send(self, request: Request) -> Answer | Failure:
        if request.url != self.frozen:
            return await super().send(request)
        await asyncio.sleep(request.timeout_s)
        return Failure(Verdict.UNREACHABLE, "No whole answer.")


async def test_it_loses_its_score_and_then_its_weight(new_world: NewWorld) -> None:
    world = new_world(scoring_every_s=0.3, challenge_every_s=0.3)
    network = PartlyFrozen(world.network.miners)
    world.network = world.parts._asker._transport = network
    await world.placed()
    await world.judged()
    assert world.score(1)["composite"] > 0.9
    network.frozen = "http://127.0.0.1:20001"
    await world.judged(8)
    assert world.score(1)["recall"] == 0
    assert world.score(1)["weight"] == 0
    assert world.score(0)["composite"] > 0.9
