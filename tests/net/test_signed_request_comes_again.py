"""A signed request counts once: repeated by whoever saw it, at any time, it is refused."""

from __future__ import annotations

import pytest

from engram.errors import ClockSkew, Replayed, Throttled
from engram.net.signed import KEEP_S, WINDOW_S, Claim, Nonces
from tests.net.signing import Receiver, signed


@pytest.mark.parametrize("seconds", [0, 1, WINDOW_S - 1, WINDOW_S])
async def test_within_the_window_its_nonce_is_known(seconds: float) -> None:
    receiver = Receiver()
    receiver.clocks.pass_(1)
    request = signed(receiver)
    await receiver.take(request)
    receiver.clocks.pass_(seconds)
    with pytest.raises(Replayed):
        await receiver.take(request)


@pytest.mark.parametrize("ahead_s", [0.0, 30.0, WINDOW_S])
async def test_there_is_no_moment_at_which_it_is_taken_again(ahead_s: float) -> None:
    receiver = Receiver()
    receiver.clocks.pass_(1)
    request = signed(receiver, late_s=-ahead_s)
    await receiver.take(request)
    for _ in range(50):
        receiver.clocks.pass_(KEEP_S / 40)
        with pytest.raises((Replayed, ClockSkew)):
            await receiver.take(request)


async def test_a_clock_that_is_set_back_opens_no_door() -> None:
    receiver = Receiver()
    receiver.clocks.pass_(100)
    request = signed(receiver)
    await receiver.take(request)
    receiver.clocks.pass_(2 * KEEP_S)
    await receiver.take(signed(receiver))  # by now the first nonce is forgotten
    receiver.clocks.wall -= 2 * KEEP_S
    with pytest.raises(ClockSkew):
        await receiver.take(request)


async def test_a_restart_opens_no_door() -> None:
    receiver = Receiver()
    receiver.clocks.pass_(10)
    request = signed(receiver)
    await receiver.take(request)
    receiver.clocks.pass_(0.5)
    receiver.restart()
    with pytest.raises(ClockSkew, match="before this node began to remember"):
        await receiver.take(request)
    receiver.clocks.pass_(0.001)
    await receiver.take(signed(receiver))


async def test_a_replay_costs_the_sender_nothing() -> None:
    receiver = Receiver()
    receiver.clocks.pass_(1)
    request = signed(receiver)
    await receiver.take(request)
    for _ in range(5):
        with pytest.raises(Replayed):
            await receiver.take(request)
    assert receiver.paid == 1


async def test_two_senders_may_draw_the_same_nonce() -> None:
    receiver = Receiver()
    receiver.clocks.pass_(1)
    for sender in ("sender", "another"):
        await receiver.take(signed(receiver, sender=sender, nonce="0f" * 16))


async def test_nonces_are_forgotten_when_they_can_do_no_harm() -> None:
    receiver = Receiver()
    for _ in range(20):
        receiver.clocks.pass_(KEEP_S / 4)
        await receiver.take(signed(receiver))
    assert len(receiver.seal.nonces) <= 5


def claim(nonce: int) -> Claim:
    return Claim("sender", "receiver", f"{nonce:032x}", 1_000 + nonce, "")


def test_memory_is_bounded_and_the_excess_waits() -> None:
    now = [0.0]
    nonces = Nonces(lambda: now[0], most=3)
    for number in range(3):
        now[0] += 1
        nonces.take(claim(number), lambda: None)
    with pytest.raises(Throttled) as caught:
        nonces.take(claim(9), lambda: None)
    assert caught.value.retry_after == KEEP_S - 2
    now[0] += KEEP_S - 2
    nonces.take(claim(9), lambda: None)
    assert len(nonces) == 3


def test_what_is_not_paid_for_is_not_remembered() -> None:
    def empty() -> None:
        raise Throttled("no tokens left", retry_after=1)

    nonces = Nonces(lambda: 0.0)
    with pytest.raises(Throttled):
        nonces.take(claim(1), empty)
    assert len(nonces) == 0
    nonces.take(claim(1), lambda: None)
