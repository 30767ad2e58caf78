"""The rules in plain Python: the same answer as the Rust core on every input, good and bad."""

from engram.core.twin.cid import (
    generate_cid,
    generate_cids,
    parse_cid,
    verify_cid,
    verify_cids,
)
from engram.core.twin.embedding import embedding_bytes
from engram.core.twin.metadata import metadata_text, parse_metadata
from engram.core.twin.placement import assign, assign_many, nearest_many
from engram.core.twin.proof import (
    generate_challenge,
    generate_response,
    generate_responses,
    verify_response,
)

__all__ = [
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
