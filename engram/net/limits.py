"""Token buckets: how much one address, or one verified hotkey, may ask of this node."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from engram.errors import Throttled


@dataclass(slots=True)
class Bucket:
    """Tokens left at a moment of the clock; below zero after a batch larger than the rest."""

    tokens: float
    at: float


class Quotas:
    """A bucket for each caller that was seen lately.

    ``rate`` tokens per second flow back, up to ``burst``. The clock gives seconds and never goes
    back. At most ``capacity`` callers are remembered, the longest silent forgotten first.
    """

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float], capacity: int = 10_000
    ) -> None:
        self.rate = rate
        self.burst = burst
        self.clock = clock
        self.capacity = capacity
        self.buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, caller: str) -> None:
        """Take one token. Raises Throttled with the seconds until there is one."""
        bucket = self._bucket(caller)
        if bucket.tokens < 1:
            wait = (1 - bucket.tokens) / self.rate
            raise Throttled(
                f"More than {self.rate:g} requests/s from {caller}; try again in {wait:.1f} s.",
                retry_after=wait,
            )
        bucket.tokens -= 1

    def charge(self, caller: str, tokens: int) -> None:
        """Take more tokens for a request that was let in; a debt delays the next one."""
        self._bucket(caller).tokens -= tokens

    def _bucket(self, caller: str) -> Bucket:
        now = self.clock()
        bucket = self.buckets.get(caller)
        if bucket is None:
            bucket = self.buckets[caller] = Bucket(self.burst, now)
            if len(self.buckets) > self.capacity:
                self.buckets.popitem(last=False)
            return bucket
        bucket.tokens = min(self.burst, bucket.tokens + (now - bucket.at) * self.rate)
        bucket.at = now
        self.buckets.move_to_end(caller)
        return bucket


class AddressLimits:
    """Quotas by address; loopback has none."""

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float], capacity: int = 10_000
    ) -> None:
        self.quotas = Quotas(rate, burst, clock, capacity)

    def take(self, address: str | None) -> None:
        """Take one token. Raises Throttled with the seconds until there is one."""
        source = source_of(address)
        if source is not None:
            self.quotas.take(source)

    def charge(self, address: str | None, tokens: int) -> None:
        """Take more tokens for a request that was let in; a debt delays the next one."""
        source = source_of(address)
        if source is not None:
            self.quotas.charge(source, tokens)


@lru_cache(maxsize=10_000)
def source_of(address: str | None) -> str | None:
    """What is counted as one caller: an IPv4 address, an IPv6 /64; None if it is this machine."""
    if address is None:
        return None
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if ip.is_loopback:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
