"""verify answers three questions, each by itself, from the record's own bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engram.core import embedding as vectors
from engram.core import generate_cid
from engram.embedding.interface import Embedded
from engram.sdk import Record, Verification
from engram.sdk.verification import check
from tests.sdk.scripted_node import ScriptedNode, ok

VECTOR = vectors.from_numbers(np.linspace(-1, 1, 384, dtype=np.float32))
METADATA = {"text": "hello", "page": 1}
CID = generate_cid(VECTOR, METADATA)
RECORD = Record(CID, "v1", METADATA, vectors.to_base64(VECTOR), "hello", 0.0)


class FixedEmbedder:
    """Embeds every text as one vector."""

    name = "fixed"
    fallback: str | None = None
    any_lengths = True
    call_tokens = 256

    def __init__(self, vector: Any, *, exact: bool) -> None:
        self.exact = exact
        self.vector = vectors.from_numbers(vector)

    def embed(self, texts: Sequence[str], threads: int = 1) -> list[Embedded]:
        return [Embedded(self.vector, False) for _ in texts]

    def count_tokens(self, text: str) -> int:
        return len(text)


def test_a_good_record() -> None:
    verdict = check(RECORD, CID)
    assert (verdict.bytes_match, verdict.metadata_as_given) == (True, True)
    assert (verdict.embedding_of_text, verdict.text_covered) == ("unknown", True)
    assert verdict.ok


@pytest.mark.parametrize(
    "forged",
    [
        replace(RECORD, metadata={"text": "hello", "page": 2}),
        replace(RECORD, metadata={"text": "hello", "page": "1"}),
        replace(RECORD, metadata={"text": "bye", "page": 1}),
        replace(RECORD, embedding_b64=vectors.to_base64(vectors.from_numbers(-VECTOR))),
        replace(RECORD, embedding_b64="not base64"),
        replace(RECORD, model_version="v2"),
        replace(RECORD, metadata={"": 1}),
    ],
)
def test_any_change_is_seen(forged: Record) -> None:
    verdict = check(forged, CID)
    assert (verdict.bytes_match, verdict.metadata_as_given, verdict.ok) == (False, None, False)


def test_another_records_bytes_do_not_pass_for_the_one_asked_for() -> None:
    assert not check(RECORD, "v1::" + "0" * 64).ok


@pytest.mark.parametrize(
    ("sent", "as_given"),
    [
        ({"text": "hello", "page": 1}, True),
        ({"page": 1.0, "text": "hello"}, True),  # equal doubles are one value
        ({"text": "hello", "page": True}, False),
        ({"text": "hello"}, False),
        ({"text": "hello", "page": 1, "more": None}, False),
    ],
)
def test_metadata_is_compared_with_what_the_caller_sent(
    sent: dict[str, Any], as_given: bool
) -> None:
    verdict = check(RECORD, CID, metadata=sent)
    assert (verdict.bytes_match, verdict.metadata_as_given) == (True, as_given)
    assert verdict.ok is as_given


def judged(record: Record, own: Any, *, exact: bool = True) -> Verification:
    embedder = FixedEmbedder(own, exact=exact)
    return check(record, record.cid, embedder=lambda: embedder)


@pytest.mark.parametrize(
    ("own", "by_exact", "by_inexact"),
    [
        (VECTOR, "exact", "near"),
        (VECTOR * np.float32(1 + 1e-6), "near", "near"),
        (VECTOR + np.float32(1e-6), "near", "near"),
        (VECTOR * np.float32(3), "near", "near"),  # searches do not look at the length either
        (VECTOR + np.float32(2e-3), "no", "no"),
        (VECTOR[::-1].copy(), "no", "no"),
        (np.ones(384), "no", "no"),
    ],
)
def test_the_text_is_embedded_again(own: Any, by_exact: str, by_inexact: str) -> None:
    for exact, answer in ((True, by_exact), (False, by_inexact)):
        verdict = judged(RECORD, own, exact=exact)
        assert verdict.embedding_of_text == answer
        assert verdict.ok is (answer != "no")


def test_without_a_text_the_embedding_says_nothing() -> None:
    verdict = judged(replace(RECORD, metadata={}, text=None), VECTOR)
    assert (verdict.embedding_of_text, verdict.text_covered) == ("unknown", None)


def test_no_embedder_is_loaded_where_there_is_no_text() -> None:
    check(replace(RECORD, text=None), CID, embedder=lambda: pytest.fail("for nothing"))


def test_a_text_beside_the_record_is_said_to_be_outside_the_cid() -> None:
    bare = replace(RECORD, cid=generate_cid(VECTOR, {}), metadata={})
    verdict = judged(bare, VECTOR)
    assert (verdict.text_covered, verdict.embedding_of_text) == (False, "exact")


def test_a_text_beside_the_record_may_be_endless_and_is_then_not_embedded() -> None:
    bare = replace(RECORD, metadata={}, text="x" * 8193)
    assert judged(bare, VECTOR).embedding_of_text == "no"


async def test_both_clients_verify_what_the_node_sends_and_not_what_it_says() -> None:
    lie = {
        "cid": CID,
        "model_version": "v1",
        "metadata": {"text": "forged"},
        "embedding_b64": RECORD.embedding_b64,
        "text": "forged",
        "stored_at": 0.0,
    }
    assert not ScriptedNode(ok(lie)).client().verify(CID).ok
    assert not (await ScriptedNode(ok(lie)).async_client().verify(CID)).ok
