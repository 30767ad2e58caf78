"""The bytes that every language agrees on: v1.json is the network's, more.json our own."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from engram.core.where import matches, parse_where
from engram.errors import EngramError, InvalidInput, InvalidWhere

VECTORS = Path(__file__).parent.parent / "vectors"
V1 = json.loads((VECTORS / "v1.json").read_text("utf-8"))
MORE = json.loads((VECTORS / "more.json").read_text("utf-8"))


def first_component(rules: ModuleType, number: float) -> str:
    return bytes(rules.embedding_bytes([number] + [1.0] * 383)[:4]).hex()


def members(listed: list[dict[str, Any]]) -> list[tuple[int, bytes]]:
    return [(m["uid"], bytes.fromhex(m["registration_block_hash"])) for m in listed]


@pytest.mark.parametrize("case", V1["cid"], ids=lambda case: case["metadata_text"][:30])
def test_cid(rules: ModuleType, case: dict[str, Any]) -> None:
    embedding = bytes.fromhex(case["embedding_f32le_hex"])
    metadata, version = case["metadata"], case["model_version"]
    assert rules.metadata_text(metadata).decode() == case["metadata_text"]
    assert rules.generate_cid(embedding, metadata, version) == case["cid"]
    assert rules.generate_cid(np.frombuffer(embedding, "<f4"), metadata, version) == case["cid"]
    assert rules.verify_cid(case["cid"], embedding, metadata, version)


@pytest.mark.parametrize("text", V1["refused_metadata_json"])
def test_refused_metadata(rules: ModuleType, text: str) -> None:
    with pytest.raises(InvalidInput):
        rules.parse_metadata(text)


@pytest.mark.parametrize("case", V1["component"], ids=lambda case: case["json"])
def test_component(rules: ModuleType, case: dict[str, Any]) -> None:
    number = json.loads(case["json"])
    if abs(number) > 1e12:  # rounds to the greatest float32, but no record is that long
        with pytest.raises(InvalidInput, match="norm"):
            first_component(rules, number)
    else:
        assert first_component(rules, number) == case["f32le_hex"]


@pytest.mark.parametrize("case", V1["proof_v1"], ids=lambda case: case["nonce_hex"][:8])
def test_proof(rules: ModuleType, case: dict[str, Any]) -> None:
    embedding = bytes.fromhex(case["embedding_f32le_hex"])
    response = rules.generate_response(case["nonce_hex"], embedding)
    assert tuple(response) == (case["embedding_hash"], case["proof"])


def test_placement(rules: ModuleType) -> None:
    placement = V1["placement"]
    network = members(placement["members"])
    cids = [case["cid"] for case in placement["assignments"]]
    expected = [case["assigned_uids"] for case in placement["assignments"]]
    assert [rules.assign(cid, network) for cid in cids] == expected
    assert rules.assign_many(cids, network) == expected


def test_more_records(rules: ModuleType) -> None:
    for case in MORE["cid"]:
        embedding = bytes.fromhex(MORE["embeddings_f32le_hex"][case["embedding"]])
        metadata = rules.parse_metadata(case["metadata_json"])
        assert rules.metadata_text(metadata).decode() == case["metadata_text"], case
        assert rules.generate_cid(embedding, metadata, case["model_version"]) == case["cid"], case


def test_more_numbers(rules: ModuleType) -> None:
    for case in MORE["number"]:
        metadata = rules.parse_metadata(f'{{"x": {case["json"]}}}')
        assert rules.metadata_text(metadata).decode() == f"x:={case['text']};", case


def test_more_components(rules: ModuleType) -> None:
    for case in MORE["component"]:
        assert first_component(rules, float(case["json"])) == case["f32le_hex"], case


def test_more_refusals(rules: ModuleType) -> None:
    for case in MORE["refused_metadata_json"]:
        with pytest.raises(EngramError) as caught:
            rules.parse_metadata(case["json"])
        assert caught.value.code == case["code"], case
    for version in MORE["refused_version"]:
        with pytest.raises(EngramError, match="version"):
            rules.generate_cid([1.0] * 384, {}, version)
    for cid in MORE["refused_cid"]:
        with pytest.raises(EngramError, match="CID"):
            rules.parse_cid(cid)


def test_more_placements(rules: ModuleType) -> None:
    for network in MORE["placement"]:
        for case in network["assignments"]:
            assert rules.assign(case["cid"], members(network["members"])) == case["assigned_uids"]


def test_more_filters() -> None:
    for case in MORE["where"]:
        assert matches(parse_where(case["where"]), case["metadata"]) is case["matches"], case
    for clause in MORE["refused_where"]:
        with pytest.raises(InvalidWhere):
            parse_where(clause)


def test_the_generator_makes_the_committed_file() -> None:
    spec = importlib.util.spec_from_file_location("generate", VECTORS / "generate.py")
    assert spec is not None and spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.text() == (VECTORS / "more.json").read_text("utf-8")
