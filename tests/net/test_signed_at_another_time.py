"""A clock that is off by more than a minute, on either side: 401 with the server's time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import ClockSkew
from engram.net.signed import WINDOW_S
from tests.net.signing import Receiver, signed


@pytest.mark.parametrize("late_s", [-WINDOW_S, -1.5, 0.0, 1.5, WINDOW_S])
async def test_a_minute_is_allowed(late_s: float) -> None:
    receiver = Receiver()
    receiver.clocks.pass_(2 * WINDOW_S)
    await receiver.take(signed(receiver, late_s=late_s))


@given(st.floats(WINDOW_S + 0.001, 1e7), st.sampled_from([-1, 1]))
def test_more_is_not(off_s: float, side: int) -> None:
    receiver = Receiver()
    receiver.clocks.pass_(WINDOW_S)
    with pytest.raises(ClockSkew) as caught:
        receiver.seal.claim(signed(receiver, late_s=side * off_s).headers)
    assert caught.value.details == {"time": receiver.clocks.wall}
    assert ("ahead" if side < 0 else "behind") in caught.value.message


async def test_a_body_that_takes_too_long_makes_it_late() -> None:
    receiver = Receiver()
    receiver.clocks.pass_(WINDOW_S)
    request = signed(receiver, late_s=WINDOW_S - 1)
    claim = receiver.seal.claim(request.headers)
    receiver.clocks.pass_(2)
    with pytest.raises(ClockSkew):
        receiver.seal.once(claim, lambda: None)


async def test_what_was_signed_before_the_start_is_refused() -> None:
    receiver = Receiver()
    with pytest.raises(ClockSkew, match="began to remember"):
        await receiver.take(signed(receiver, late_s=0.001))
    with pytest.raises(ClockSkew, match="began to remember"):
        await receiver.take(signed(receiver))
    await receiver.take(signed(receiver, late_s=-0.001))


@pytest.mark.parametrize("off_s", [-3600.0, 3600.0])
async def test_a_clock_that_was_wrong_at_the_start_keeps_nobody_out(off_s: float) -> None:
    receiver = Receiver()
    receiver.clocks.wall += off_s
    receiver.restart()
    receiver.clocks.pass_(5)
    before_the_start = signed(receiver, late_s=6)
    receiver.clocks.wall -= off_s
    await receiver.take(signed(receiver))
    with pytest.raises(ClockSkew):
        await receiver.take(before_the_start)
    with pytest.raises(ClockSkew, match="began to remember"):
        await receiver.take(signed(receiver, late_s=6))
