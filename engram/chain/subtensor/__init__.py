"""Bittensor's chain, through its SDK: an optional extra that is imported when it is used."""

from __future__ import annotations

from engram.chain.subtensor.chain import SubtensorChain
from engram.chain.subtensor.endpoint import is_subtensor

__all__ = ["SubtensorChain", "is_subtensor"]
