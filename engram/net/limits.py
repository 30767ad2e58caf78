"""Token buckets: how much one address may ask of this node."""

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


class AddressLimits:
    """A bucket for each address that was seen lately; loopback has none.

    ``rate`` tokens per second flow back, up to ``burst``. The clock gives seconds and never goes
    back. At most ``capacity`` addresses are remembered, the longest silent forgotten first.
    """

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float], capacity: int = 10_000
    ) -> None:
        self.rate = rate
        self.burst = burst
        self.clock = clock
        self.capacity = capacity
        self.buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, address: str | None) -> None:
        """Take one token. Raises Throttled with the seconds until there is one."""
        source = source_of(address)
        if source is None:
            return
        bucket = self._bucket(source)
        if bucket.tokens < 1:
            wait = (1 - bucket.tokens) / self.rate
            raise Throttled(
                f"More than {self.rate:g} requests/s from {address}; try again in {wait:.1f} s.",
                retry_after=wait,
            )
        bucket.tokens -= 1

    def charge(self, address: str | None, tokens: int) -> None:
        """Take more tokens for a request that was let in; a debt delays the next one."""
        source = source_of(address)
        if source is not None:
            self._bucket(source).tokens -= tokens

    def _bucket(self, source: str) -> Bucket:
        now = self.clock()
        bucket = self.buckets.get(source)
        if bucket is None:
            bucket = self.buckets[source] = Bucket(self.burst, now)
            if len(self.buckets) > self.capacity:
                self.buckets.popitem(last=False)
            return bucket
        bucket.tokens = min(self.burst, bucket.tokens + (now - bucket.at) * self.rate)
        bucket.at = now
        self.buckets.move_to_end(source)
        return bucket


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
