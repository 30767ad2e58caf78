"""Ports for the nodes of a local network."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from engram.errors import Unavailable

HOST = "127.0.0.1"
VALIDATOR_PORT = 8100  # seed
PORTS_TRIED = 64  # from the first one on


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose(first: int, miners: int, validators: int) -> tuple[list[int], list[int]]:
    """Ports for miners from ``first`` on and for validators from 8100 on, busy ones passed over.

    0 leaves all of them to the system. Raises Unavailable if there are not enough.
    """
    if first == 0:
        picked = any_free(miners + validators)
        return picked[:miners], picked[miners:]
    for_validators = free_from(VALIDATOR_PORT, validators, set())
    return free_from(first, miners, set(for_validators)), for_validators


def free_from(first: int, count: int, taken: set[int]) -> list[int]:
    candidates = range(first, min(first + PORTS_TRIED, 65_536))
    free = [port for port in candidates if port not in taken and is_free(port)][:count]
    if len(free) < count:
        raise Unavailable(
            f"Fewer than {count} of the ports {first} to {candidates[-1]} are free; "
            "name others with --port."
        )
    return free


def any_free(count: int) -> list[int]:
    """Different ports that the system finds free; all are held until the last is found."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]
