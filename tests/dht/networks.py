"""Subnets as a chain lists them, made of chance."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from engram.chain.interface import Axon, Block, Neuron, Snapshot


def block_hash(number: int) -> bytes:
    return number.to_bytes(32, "big")


def neuron(
    uid: int,
    *,
    axon: bool = True,
    registered_at: int = 7,
    known: bool = True,
    hotkey: str | None = None,
) -> Neuron:
    return Neuron(
        uid=uid,
        hotkey=hotkey or f"hotkey-{uid}",
        coldkey="coldkey",
        public_key=bytes([uid % 256]) * 32,
        axon=Axon("198.51.100.7", 8000 + uid % 1000) if axon else None,
        stake=0.0,
        incentive=0.0,
        dividends=0.0,
        emission=0.0,
        validator_permit=False,
        last_update=0,
        registered_at=registered_at,
        registered_hash=block_hash(registered_at) if known else None,
    )


def snapshot(number: int, *neurons: Neuron, mark: int = 0) -> Snapshot:
    """``mark`` other than 0 makes it a block of another chain."""
    return Snapshot(1, Block(number, block_hash(number + (mark << 64))), tuple(neurons))


@dataclass(frozen=True)
class Pair:
    """Two snapshots, one placement block apart."""

    current: Snapshot
    previous: Snapshot


neurons = st.builds(
    neuron,
    st.integers(0, 65_535),
    axon=st.booleans(),
    registered_at=st.integers(0, 500),
)


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """A subnet in which neurons came, went, moved and announced themselves in between."""
    before = draw(st.lists(neurons, max_size=30, unique_by=lambda n: n.uid))
    after = [draw(st.sampled_from([n, replace(n, axon=None), neuron(n.uid)])) for n in before]
    gone = draw(st.integers(0, len(after)))
    taken = {n.uid for n in before}
    new = draw(st.lists(neurons, max_size=10, unique_by=lambda n: n.uid))
    current = [*after[gone:], *(n for n in new if n.uid not in taken)]
    return Pair(snapshot(200, *current), snapshot(100, *before))


cids = st.binary(min_size=32, max_size=32).map(lambda digest: f"v1::{digest.hex()}")
