"""The document that is served, the one that is checked in and the code are the same thing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from engram.errors import EngramError
from engram.miner.api import Api
from engram.miner.endpoints import ENDPOINTS
from engram.miner.examples import EXAMPLES
from engram.miner.openapi import as_text, codes_of, document
from engram.net.decode import from_value
from engram.protocol import Message
from tests.miner.harness import Served

CHECKED_IN = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_checked_in_copy_is_current() -> None:
    assert CHECKED_IN.read_bytes() == as_text(), (
        "run: python -m engram.miner.openapi > docs/openapi.json"
    )


async def test_the_served_copy_is_current(miner: Served) -> None:
    answer = await miner.get("/openapi.json")
    assert answer.json == document()
    assert answer.headers["Content-Type"].startswith("application/json")


def test_every_endpoint_has_its_method() -> None:
    assert all(callable(getattr(Api, endpoint.operation)) for endpoint in ENDPOINTS)


def test_every_path_of_the_seed_is_there() -> None:
    paths = {endpoint.path for endpoint in ENDPOINTS}
    assert paths >= {"/IngestSynapse", "/QuerySynapse", "/ChallengeSynapse", "/health", "/stats"}


@pytest.mark.parametrize("model", EXAMPLES, ids=lambda model: model.__name__)
def test_every_example_is_valid(model: type[Message]) -> None:
    for example in EXAMPLES[model].values():
        assert not from_value(example, model).warnings


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if "$ref" in node else set()
        return own.union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


def test_every_reference_leads_somewhere() -> None:
    found = document()
    schemas = {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}
    assert references(found) == schemas


def test_codes_are_unique() -> None:
    codes = [code for code in codes_of(EngramError) if code != "internal"]
    assert len(set(codes)) == len(codes)


def test_it_is_json() -> None:
    assert orjson.loads(as_text()) == document()
