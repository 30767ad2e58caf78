"""Five hosts, and what befalls their network: a cable pulled, a split, kill -9."""

from __future__ import annotations

from random import Random

import pytest

from tests.network.network import Network
from tests.network.records import Clients, nothing_waits, sees_silent

pytestmark = pytest.mark.slow

RECORDS = 12
ROUNDS = 5


def settle(network: Network, clients: Clients) -> None:
    """Everything that three holders acknowledged is there, and everybody agrees where."""
    miners = network.miners
    network.until("the outboxes are empty", lambda: nothing_waits(miners))
    network.until("every holder has what was acknowledged", lambda: not clients.lost())
    network.until("assignments agree", lambda: not clients.disputed())


def cut_one_off(network: Network, clients: Clients) -> None:
    """The others go on, and bring it what it missed."""
    one, *others = network.miners
    one.host.cut()
    clients.write(others, RECORDS, least=2)
    network.until("the others see that it is gone", lambda: sees_silent(others, [one]))
    clients.write(others, RECORDS)
    one.host.mend()
    settle(network, clients)


def split(network: Network, clients: Clients) -> None:
    """Two and three hosts, each of which thinks that the others are gone."""
    left, right = network.miners[:3], network.miners[3:]
    for node in right:
        node.host.plug_into("right")
    network.until("the right sees that the left is gone", lambda: sees_silent(right, left))
    clients.write(left, RECORDS, least=1)
    clients.write(right, RECORDS, least=1)
    for node in right:
        node.host.plug_into("left")
    settle(network, clients)


def kill_two(network: Network, clients: Clients, random: Random) -> None:
    """While records come in."""
    fallen = random.sample(network.miners, 2)
    for node in fallen:
        clients.write(network.miners, RECORDS // 2)
        node.kill()
    clients.write([node for node in network.miners if node not in fallen], RECORDS, least=1)
    for node in fallen:
        node.start()
    network.until("they are back", lambda: all(node.answers("/ready") for node in fallen))
    settle(network, clients)


def test_nothing_that_three_acknowledged_is_lost(network: Network) -> None:
    clients = Clients(network)
    assert clients.write(network.miners, RECORDS) == RECORDS
    cut_one_off(network, clients)
    split(network, clients)
    kill_two(network, clients, clients.random)
    assert len(clients.everywhere) >= 2 * RECORDS


@pytest.mark.chaos
def test_again_and_again(network: Network) -> None:
    clients = Clients(network)
    for _ in range(ROUNDS):
        for befall in (cut_one_off, split):
            befall(network, clients)
        kill_two(network, clients, clients.random)
    assert len(clients.everywhere) >= ROUNDS * RECORDS
