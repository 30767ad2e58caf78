"""A host is gone or behind a firewall: nobody says no, the packets just vanish."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from engram.dht import Member
from engram.miner.replication import peers
from engram.miner.replication.clock import NodeClock
from engram.miner.replication.interface import Failure, Trouble
from engram.miner.replication.peers import SignedPeers
from tests.chain.worlds import signer


@pytest.fixture
def black_hole() -> Iterator[str]:
    """The URL of a socket whose queue of connections is full, so that the kernel drops more."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield f"http://127.0.0.1:{full.getsockname()[1]}"


async def test_it_is_unreachable_long_before_a_slow_answer_would_be_given_up(
    black_hole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "CONNECT_S", 0.2)
    member = Member(1, "hotkey", bytes(32), black_hole, 7, bytes(32))
    clock = NodeClock(time.time, time.monotonic)
    async with SignedPeers(signer("a"), clock, public=False) as asking:
        answer = await asking.send(member, "/compare", b"{}", timeout_s=3_600)
    assert answer == Failure(Trouble.UNREACHABLE, "No connection within 0.2 s.")
