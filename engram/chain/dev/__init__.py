"""A chain for one machine: the rules of a subnet in one SQLite file, without a node or money."""

from __future__ import annotations

from engram.chain.dev.chain import DevChain
from engram.chain.dev.faults import Fault
from engram.chain.dev.operator import DEFAULT_NETUID, DevOperator, create
from engram.chain.dev.rules import Rules

__all__ = ["DEFAULT_NETUID", "DevChain", "DevOperator", "Fault", "Rules", "create"]
