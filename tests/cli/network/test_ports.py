"""Nodes get ports that are free, and different ones."""

from __future__ import annotations

import socket

import pytest

from engram.cli.network import ports
from engram.errors import Unavailable


def test_busy_ports_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: port not in {8092, 8100})
    assert ports.choose(8091, 3, 1) == ([8091, 8093, 8094], [8101])


def test_miners_leave_the_validators_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _: True)
    miners, validators = ports.choose(8091, 12, 2)
    assert validators == [8100, 8101]
    assert len(miners) == 12
    assert not set(miners) & set(validators)


def test_too_few_free_ports_say_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    with pytest.raises(Unavailable, match="--port"):
        ports.choose(8091, 3, 1)


def test_the_highest_ports_are_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _: True)
    assert ports.choose(65_534, 2, 0) == ([65_534, 65_535], [])
    with pytest.raises(Unavailable):
        ports.choose(65_535, 2, 0)


def test_the_system_s_choice_is_all_different() -> None:
    miners, validators = ports.choose(0, 8, 2)
    assert len({*miners, *validators}) == 10


def test_a_port_that_listens_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not ports.is_free(server.getsockname()[1])
