"""docs/conformance.md is complete and true: what was asked for, where it is, what shows it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache

import pytest

from tests.repo.sources import ROOT, functions, tree

PAGE = ROOT / "docs" / "conformance.md"
STATUSES = {"done", "differs", "later"}

# Each name, number and behaviour that was asked for. The page has a row for each of these.
ASKED = """
/IngestSynapse /QuerySynapse /ChallengeSynapse /health /stats
embedder.py ingest.py query.py store.py metrics.py
scorer.py challenge.py ground_truth.py reward.py
engram-core engram-web Arweave
aiohttp:8091 subtensor:5x10s faiss-hnsw all-MiniLM-L6-v2 dht-bootstrap serve_axon metagraph:5min
scoring:120s challenge:300s weights:600s chain-reconnect
pyo3-maturin python-fallback generate_cid generate_challenge verify_response
xor-distance replication:3 metagraph-sync
HEALTHY DEGRADED LOST
engram_cid content_cid arweave_tx arweave-non-fatal grok-vision
ingest-flow file-flow challenge-flow
cid-form cid-float32 cid-metadata cid-version cid-same cid-any-bit
hmac-proof nonce:32 embedding-hash
composite:0.50/0.30/0.20 latency:100/500ms proof-rate slash:50% set_weights
playground memory dashboard protocol.md
"""


@dataclass(frozen=True)
class Row:
    key: str
    asked: str
    status: str
    where: str
    shown_by: str
    note: str


@cache
def rows() -> list[Row]:
    lines = re.findall(r"^\| `([^`]+)` \|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    return [Row(key, *(cell.strip() for cell in rest.split("|"))) for key, rest in lines]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_thing_that_was_asked_for_has_one_row() -> None:
    keys = [row.key for row in rows()]
    assert sorted(keys) == sorted(ASKED.split())


def test_every_status_is_one_of_three() -> None:
    assert {row.status for row in rows()} <= STATUSES


@pytest.mark.parametrize("row", [r for r in rows() if r.status != "later"], ids=lambda r: r.key)
def test_what_is_done_stands_where_the_page_says(row: Row) -> None:
    assert quoted(row.where), "names no file"
    assert not [name for name in quoted(row.where) if not exists(name)]


@pytest.mark.parametrize("row", [r for r in rows() if r.status != "later"], ids=lambda r: r.key)
def test_what_is_done_is_shown_by_a_test(row: Row) -> None:
    assert quoted(row.shown_by), "names no test"
    assert not [name for name in quoted(row.shown_by) if not is_a_test(name)]


def test_every_deviation_and_delay_has_its_reason() -> None:
    silent = [row.key for row in rows() if row.status != "done" and len(row.note.split()) < 3]
    assert not silent


def test_every_threat_is_met_by_a_test() -> None:
    page = (ROOT / "SECURITY.md").read_text()
    threats = re.findall(r"^\| (T\d+) \|(.*)\|$", page, re.MULTILINE)
    assert [number for number, _ in threats] == [f"T{n + 1}" for n in range(len(threats))]
    named = {number: quoted(cells.split("|")[-1]) for number, cells in threats}
    assert named
    assert not [number for number, tests in named.items() if not tests]
    assert not [name for tests in named.values() for name in tests if not is_a_test(name)]


def exists(name: str) -> bool:
    """``path`` or ``path:name``, where the name stands in the file."""
    path, _, symbol = name.partition(":")
    target = ROOT / path
    if not symbol:
        return target.exists()
    return target.is_file() and symbol in target.read_text()


def is_a_test(name: str) -> bool:
    """``tests/….py`` that holds tests, or ``tests/….py::test_name``."""
    path, _, function = name.partition("::")
    target = ROOT / path
    if not target.is_file():
        return False
    names = names_of_tests(tree(target))
    return function in names if function else bool(names)


def names_of_tests(module: ast.Module) -> set[str]:
    return {f.name for f in functions(module) if f.name.startswith("test_")}


def test_a_file_or_test_that_is_not_there_is_seen() -> None:
    assert not exists("engram/nowhere.py")
    assert not exists("engram/errors.py:NoSuchName")
    assert not is_a_test("tests/repo/test_conformance.py::test_nowhere")
    assert is_a_test("tests/repo/test_conformance.py::test_every_status_is_one_of_three")
