"""Neither the SDK nor what we do with it talks to anybody but the node it was given."""

from __future__ import annotations

import sys
from ipaddress import ip_address
from typing import Any

import pytest

from engram.chain.interface import Axon
from tests.chain.subtensor.conftest import Wire, weights

_watching: list[list[Any]] = []  # an audit hook can never be taken out again, only put to sleep


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in {"socket.connect", "socket.sendto", "socket.getaddrinfo"}:
        _watching[0].append(arguments[0] if event == "socket.getaddrinfo" else arguments[1][0])


sys.addaudithook(_hook)


@pytest.mark.parametrize("commit_reveal", [False, True])
def test_reading_serving_and_weighing_stay_on_this_machine(wire: Wire, commit_reveal: bool) -> None:
    wire.world.operator.change_rules(1, commit_reveal=commit_reveal)
    hosts: list[Any] = []
    _watching.append(hosts)
    try:
        chain = wire.validator()
        chain.snapshot(1)
        assert chain.serve_axon(Axon("203.0.113.7", 8091), netuid=1).ok
        assert chain.set_weights(weights(ann=1), 0, netuid=1).ok
    finally:
        _watching.clear()
    assert hosts
    assert all(ip_address(host).is_loopback for host in hosts), hosts
