"""The examples and numbers in docs/protocol.md are those of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from engram import protocol
from engram.core import limits, where
from engram.core.where import matches, parse_where
from engram.miner.replication import frame
from engram.protocol import nodes

PAGE = (Path(__file__).parent.parent.parent / "docs" / "protocol.md").read_text("utf-8")
EXAMPLES = re.findall(r"^\| `(\{.*\})` \| `(.*;)` \|$", PAGE, re.MULTILINE)


def section(number: int) -> str:
    return PAGE.split(f"\n## {number}. ")[1].split("\n## ")[0]


def test_the_pairs_in_the_table(rules: ModuleType) -> None:
    assert len(EXAMPLES) == 6
    for metadata, pairs in EXAMPLES:
        assert rules.metadata_text(json.loads(metadata)).decode() == pairs


@pytest.mark.parametrize(
    ("number", "values"),
    [
        (1, [limits.DIMENSIONS, limits.EMBEDDING_BYTES, limits.MAX_METADATA_BYTES]),
        (1, [limits.MAX_TEXT_CODE_POINTS, limits.MAX_METADATA_DEPTH]),
        (2, [limits.CHALLENGE_TTL_S, limits.MAX_CHALLENGE_TTL_S, limits.HASH_BYTES]),
        (3, [limits.REPLICAS, limits.MAX_UID, limits.HASH_BYTES]),
        (5, [where.MAX_DEPTH, where.MAX_TERMS, where.MAX_MEMBERS]),
        (7, [protocol.MAX_REPLICAS, protocol.MAX_ABSENT, limits.EMBEDDING_BYTES]),
        (7, [frame.MAX_METADATA_JSON, frame.MAX_TEXT_BYTES, limits.MAX_TEXT_CODE_POINTS]),
        (8, [nodes.MAX_RANGES, nodes.SPLIT, nodes.LISTED_AT_MOST, nodes.MAX_WANTED]),
    ],
)
def test_the_limits_are_named(number: int, values: list[int]) -> None:
    for value in values:
        assert re.search(rf"\b{value:,}\b", section(number)), value


def test_every_operator_is_in_the_tables() -> None:
    operators = "$eq $ne $gt $gte $lt $lte $in $nin $exists $and $or $not"
    for operator in operators.split():
        assert f"`{operator}`" in section(5) or f'"{operator}"' in section(5)


def test_the_filters_on_the_page() -> None:
    clauses = re.findall(r"^    (\{.*\})$", section(5), re.MULTILINE)
    parsed = [parse_where(json.loads(clause)) for clause in clauses]
    assert matches(parsed[0], {"page": 3, "source": "arxiv"})
    assert matches(parsed[1], {"lang": "de", "tags": []})
    missing = parse_where({"page": {"$not": {"$gte": 3}}})
    assert matches(missing, {})
    assert matches(parse_where({"a": {"$eq": {"$b": 1}}}), {"a": {"$b": 1}})
