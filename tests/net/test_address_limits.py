"""Token buckets, by a clock that the test turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import Throttled
from engram.net.limits import AddressLimits, source_of

STRANGER = "203.0.113.7"


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def drain(limits: AddressLimits, address: str) -> int:
    """How many requests get in before one is refused."""
    taken = 0
    try:
        while True:
            limits.take(address)
            taken += 1
    except Throttled:
        return taken


def test_a_burst_passes_and_then_the_rate(clock: Clock) -> None:
    limits = AddressLimits(rate=2, burst=5, clock=clock)
    assert drain(limits, STRANGER) == 5
    clock.now += 1
    assert drain(limits, STRANGER) == 2


def test_the_error_says_when_to_come_back(clock: Clock) -> None:
    limits = AddressLimits(rate=0.5, burst=1, clock=clock)
    limits.take(STRANGER)
    with pytest.raises(Throttled, match="again in 2") as caught:
        limits.take(STRANGER)
    assert caught.value.retry_after == 2
    clock.now += caught.value.retry_after
    limits.take(STRANGER)


def test_addresses_do_not_share_a_bucket(clock: Clock) -> None:
    limits = AddressLimits(rate=1, burst=3, clock=clock)
    assert drain(limits, STRANGER) == 3
    assert drain(limits, "203.0.113.8") == 3


def test_a_bucket_never_holds_more_than_the_burst(clock: Clock) -> None:
    limits = AddressLimits(rate=10, burst=4, clock=clock)
    limits.take(STRANGER)
    clock.now += 1_000_000
    assert drain(limits, STRANGER) == 4


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", None])
def test_this_machine_is_not_limited(clock: Clock, address: str | None) -> None:
    limits = AddressLimits(rate=1, burst=1, clock=clock)
    for _ in range(100):
        limits.take(address)
        limits.charge(address, 1_000)
    assert not limits.quotas.buckets


def test_a_large_batch_is_let_in_and_paid_for_later(clock: Clock) -> None:
    limits = AddressLimits(rate=10, burst=20, clock=clock)
    limits.take(STRANGER)
    limits.charge(STRANGER, 255)
    with pytest.raises(Throttled) as caught:
        limits.take(STRANGER)
    assert caught.value.retry_after == pytest.approx(23.7)


def test_one_ipv6_network_is_one_caller() -> None:
    assert source_of("2001:db8:1:2::3") == source_of("2001:db8:1:2:ffff::9")
    assert source_of("2001:db8:1:2::3") != source_of("2001:db8:1:3::3")
    assert source_of("fe80::1%eth0") == "fe80::/64"


@given(st.lists(st.ip_addresses(v=4).map(str), max_size=60))
def test_only_so_many_addresses_are_remembered(addresses: list[str]) -> None:
    limits = AddressLimits(rate=1, burst=9, clock=Clock(), capacity=8)
    for address in addresses:
        limits.take(address)
        assert len(limits.quotas.buckets) <= 8


def test_the_longest_silent_address_is_forgotten_first(clock: Clock) -> None:
    limits = AddressLimits(rate=1, burst=2, clock=clock, capacity=2)
    for address in ("198.51.100.1", "198.51.100.2", "198.51.100.1", "198.51.100.3"):
        limits.take(address)
    assert list(limits.quotas.buckets) == ["198.51.100.1", "198.51.100.3"]
