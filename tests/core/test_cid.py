"""CIDs: any change of any part changes them, and nothing else does."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import InvalidCid, InvalidEmbedding, InvalidInput, InvalidMetadata
from tests.core.strategies import embeddings, metadata

EMBEDDING = np.linspace(-1, 1, 384, dtype=np.float32)


@given(embeddings(), metadata)
def test_the_digest_reads_back(rules: ModuleType, embedding: Any, drawn: dict[str, Any]) -> None:
    cid = rules.generate_cid(embedding, drawn)
    assert cid == "v1::" + rules.parse_cid(cid).hex()
    assert rules.verify_cid(cid, embedding, drawn)


@given(embeddings(), st.integers(0, 1536 * 8 - 1))
def test_any_flipped_bit_fails(rules: ModuleType, embedding: Any, bit: int) -> None:
    cid = rules.generate_cid(embedding)
    raw = bytearray(rules.embedding_bytes(embedding))
    raw[bit // 8] ^= 1 << bit % 8
    same = float(np.frombuffer(raw, "<f4")[bit // 32]) == 0.0 == float(embedding[bit // 32])
    assert rules.verify_cid(cid, bytes(raw)) is same  # -0 and +0 are one value


@given(embeddings(), metadata, metadata)
def test_other_metadata_other_cid(
    rules: ModuleType, embedding: Any, one: dict[str, Any], other: dict[str, Any]
) -> None:
    equal = rules.metadata_text(one) == rules.metadata_text(other)
    assert (rules.generate_cid(embedding, one) == rules.generate_cid(embedding, other)) is equal


def test_the_version_counts(rules: ModuleType) -> None:
    cid = rules.generate_cid(EMBEDDING, {}, "v1")
    assert rules.generate_cid(EMBEDDING, {}, "v2") != cid
    assert not rules.verify_cid(cid, EMBEDDING, {}, "v2")


def test_the_same_numbers_in_any_container_are_one_record(rules: ModuleType) -> None:
    double = EMBEDDING.astype(np.float64)
    strided = np.repeat(EMBEDDING, 2)[::2]
    raw = EMBEDDING.tobytes()
    same = [
        double,
        strided,
        raw,
        bytearray(raw),
        memoryview(raw),
        double.tolist(),
        tuple(double.tolist()),
    ]
    assert {rules.generate_cid(one) for one in same} == {rules.generate_cid(EMBEDDING)}


def test_what_no_record_may_hold_verifies_as_no(rules: ModuleType) -> None:
    cid = rules.generate_cid(EMBEDDING)
    assert rules.verify_cid(cid, b"short") is False
    assert rules.verify_cid(cid, EMBEDDING, {"": 1}) is False
    with pytest.raises(InvalidCid):
        rules.verify_cid("v1::", EMBEDDING)


@pytest.mark.parametrize("count", [0, 1, 255, 511, 512, 1_500])
def test_a_batch_is_its_records_in_order(rules: ModuleType, count: int) -> None:
    rng = np.random.default_rng(count)
    matrix = rng.standard_normal((count, 384)).astype(np.float32)
    metadatas = [{"n": index, "t": "x" * (index % 50)} for index in range(count)]
    cids = rules.generate_cids(matrix, metadatas)
    assert cids == [rules.generate_cid(*pair) for pair in zip(matrix, metadatas, strict=True)]
    assert rules.generate_cids(matrix.astype(np.float64), metadatas) == cids
    assert rules.generate_cids([row.tobytes() for row in matrix], metadatas) == cids
    assert rules.verify_cids(cids, matrix, metadatas) == [True] * count
    assert rules.verify_cids(cids[::-1], matrix, metadatas) == [
        one == other for one, other in zip(cids, cids[::-1], strict=True)
    ]


def test_a_batch_names_its_first_bad_record(rules: ModuleType) -> None:
    matrix = np.ones((1_000, 384), np.float32)
    metadatas: list[dict[str, Any]] = [{} for _ in matrix]
    matrix[701, 5] = np.nan
    with pytest.raises(InvalidEmbedding, match="record 701: component 5"):
        rules.generate_cids(matrix, metadatas)
    metadatas[700] = {"": 1}
    with pytest.raises(InvalidMetadata, match=r"record 700: .*empty"):
        rules.generate_cids(matrix, metadatas)
    assert rules.verify_cids(["v1::" + "0" * 64] * 1_000, matrix, metadatas) == [False] * 1_000


def test_columns_must_match(rules: ModuleType) -> None:
    with pytest.raises(InvalidInput, match="2 metadatas for 1"):
        rules.generate_cids(EMBEDDING[None], [{}, {}])
    with pytest.raises(InvalidCid, match="CID 1"):
        rules.verify_cids(["v1::" + "0" * 64, "v1::"], [EMBEDDING] * 2, [{}, {}])
