"""The rules that every node must agree on, bit for bit: CIDs, storage proofs, placement.

The compiled ``engram_core`` does the work where it is installed, its Python twin elsewhere; both
give the same answer on every input. ``ENGRAM_CORE=rust`` or ``=python`` forces one side. This is
the one place besides ``engram.config`` that reads the environment: which rules are in force must
be settled before anything can be configured.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from engram.core.proof import Challenge, Response


def _pick() -> Literal["rust", "python"]:
    choice = os.environ.get("ENGRAM_CORE", "")
    if choice not in ("", "rust", "python"):
        raise ImportError(f"ENGRAM_CORE must be rust or python, not {choice!r}")
    if choice == "python" or (not choice and find_spec("engram_core") is None):
        return "python"
    return "rust"


BACKEND: Literal["rust", "python"] = _pick()
"""Which side is in force, for ``engram doctor`` and /stats."""

if TYPE_CHECKING or BACKEND == "python":
    from engram.core.twin import (
        assign,
        assign_many,
        embedding_bytes,
        generate_challenge,
        generate_cid,
        generate_cids,
        generate_response,
        generate_responses,
        metadata_text,
        nearest_many,
        parse_cid,
        parse_metadata,
        verify_cid,
        verify_cids,
        verify_response,
    )
else:
    from engram.core.rust import (
        assign,
        assign_many,
        embedding_bytes,
        generate_challenge,
        generate_cid,
        generate_cids,
        generate_response,
        generate_responses,
        metadata_text,
        nearest_many,
        parse_cid,
        parse_metadata,
        verify_cid,
        verify_cids,
        verify_response,
    )

__all__ = [
    "BACKEND",
    "Challenge",
    "Response",
    "assign",
    "assign_many",
    "embedding_bytes",
    "generate_challenge",
    "generate_cid",
    "generate_cids",
    "generate_response",
    "generate_responses",
    "metadata_text",
    "nearest_many",
    "parse_cid",
    "parse_metadata",
    "verify_cid",
    "verify_cids",
    "verify_response",
]
