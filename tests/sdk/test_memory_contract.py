"""One contract for every Memory: a folder or a node, synchronous or awaited."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from engram import AsyncMemory, Memory
from engram.core import generate_cid
from engram.errors import (
    InvalidCid,
    InvalidEmbedding,
    InvalidInput,
    InvalidMetadata,
    InvalidText,
    InvalidWhere,
    NotFound,
)
from tests.sdk.awaited import Awaited
from tests.sdk.miner_process import RunningMiner

OAK = "The oak in the yard was planted in 1911."
BREAD = "Bread needs flour, water, salt and time."
TRAIN = "The 8:15 train to Basel leaves from platform 3."


@pytest.fixture(scope="module", params=["folder", "node", "awaited folder", "awaited node"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A memory, opened once; each test has a namespace of its own in it."""
    if "node" in request.param:
        options: dict[str, Any] = {"url": request.getfixturevalue("miner").url}
    else:
        options = {"path": tmp_path_factory.mktemp("memory")}
    if request.param.startswith("awaited"):
        awaited = Awaited(lambda: AsyncMemory(**options))
        yield awaited
        awaited.shut()
    else:
        with Memory(**options) as memory:
            yield memory


@pytest.fixture
def space() -> dict[str, str]:
    """A namespace that nobody else uses, as an argument."""
    return {"namespace": uuid.uuid4().hex}


def texts(found: Any) -> list[str]:
    return [one.text for one in found]


def test_what_is_added_is_found_by_its_meaning(place: Any, space: dict[str, str]) -> None:
    stored = [place.add(text, **space) for text in (OAK, BREAD, TRAIN)]
    found = place.search("how old is the tree?", k=2, **space)
    assert found[0].cid == stored[0].cid
    assert found[0].text == OAK
    assert found[0].metadata == {"text": OAK, **space}
    assert len(found) == 2
    assert found[0].score > found[1].score
    assert found[0].age_ms >= 0


def test_the_cid_is_that_of_the_records_own_bytes(place: Any, space: dict[str, str]) -> None:
    cid = place.add(OAK, {"page": 3, "tags": ["a", {"b": None}]}, user_id="ada", **space).cid
    record = place.get(cid)
    metadata = {"text": OAK, "page": 3, "tags": ["a", {"b": None}], "user_id": "ada", **space}
    assert record.metadata == metadata
    assert generate_cid(record.embedding, record.metadata) == cid
    assert (record.text, record.model_version) == (OAK, "v1")


def test_adding_again_changes_nothing(place: Any, space: dict[str, str]) -> None:
    first, second = place.add(OAK, **space), place.add(OAK, **space)
    assert first.cid == second.cid
    assert (first.duplicate, second.duplicate) == (False, True)
    assert texts(place.list(**space)) == [OAK]


def test_namespaces_scope_searches_and_lists(place: Any, space: dict[str, str]) -> None:
    other = {"namespace": uuid.uuid4().hex}
    word = uuid.uuid4().hex
    place.add(f"{OAK} {word}", **space)
    place.add(f"{OAK} again {word}", **other)
    assert texts(place.search(OAK, **space)) == [f"{OAK} {word}"]
    assert texts(place.list(**other)) == [f"{OAK} again {word}"]
    everywhere = place.search(f"{OAK} {word}", k=100, namespace=None)
    assert {f"{OAK} {word}", f"{OAK} again {word}"} <= set(texts(everywhere))


def test_the_default_namespace_is_default(place: Any) -> None:
    marked = f"{BREAD} {uuid.uuid4().hex}"
    stored = place.add(marked)
    assert place.get(stored.cid).metadata == {"text": marked, "namespace": "default"}
    assert marked in texts(place.list())


def test_no_namespace_writes_none(place: Any) -> None:
    marked = f"{BREAD} {uuid.uuid4().hex}"
    assert place.get(place.add(marked, namespace=None).cid).metadata == {"text": marked}


def test_users_are_kept_apart(place: Any, space: dict[str, str]) -> None:
    place.add("I like tea.", user_id="ada", **space)
    place.add("I like coffee.", user_id="bob", **space)
    assert texts(place.search("what do I drink?", user_id="bob", **space)) == ["I like coffee."]
    assert texts(place.list(user_id="ada", **space)) == ["I like tea."]
    assert len(place.search("what do I drink?", **space)) == 2


def test_where_filters_and_is_combined_with_the_namespace(
    place: Any, space: dict[str, str]
) -> None:
    for page in range(5):
        place.add(f"{OAK} Page {page}.", {"page": page}, **space)
    found = place.search(OAK, where={"page": {"$gte": 3}}, **space)
    assert {hit.metadata["page"] for hit in found} == {3, 4}
    either = {"$or": [{"page": 0}, {"page": {"$in": [4]}}]}
    assert [record.metadata["page"] for record in place.list(either, **space)] == [0, 4]


def test_documents_are_left_out_of_searches_unless_asked_for(
    place: Any, space: dict[str, str]
) -> None:
    place.add(OAK, {"type": "document"}, **space)
    place.add(f"{OAK} A chunk of it.", {"type": "chunk"}, **space)
    assert len(place.search(OAK, **space)) == 1
    assert len(place.search(OAK, documents=True, **space)) == 2
    assert texts(place.search(OAK, where={"type": "document"}, **space)) == [OAK]
    assert len(list(place.list(**space))) == 2


def test_many_are_stored_together_and_listed_in_order(place: Any, space: dict[str, str]) -> None:
    items: list[Any] = [f"Note number {n}." for n in range(250)]
    items.append({"text": OAK, "metadata": {"page": 1}})
    items.append({"raw_embedding": [0.5] * 384, "metadata": {"page": 2}})
    stored = place.add_many(items, **space)
    listed = list(place.list(**space))
    assert [record.cid for record in listed] == [one.cid for one in stored]
    assert listed[250].metadata == {"text": OAK, "page": 1, **space}
    assert (listed[251].text, listed[251].metadata) == (None, {"page": 2, **space})
    assert texts(place.search(OAK, k=1, **space)) == [OAK]


def test_many_are_taken_from_a_generator_and_may_be_none(place: Any, space: dict[str, str]) -> None:
    assert place.add_many([], **space) == []
    assert len(place.add_many((text for text in (OAK, BREAD)), **space)) == 2


def test_a_bad_item_is_named_and_the_others_are_stored(place: Any, space: dict[str, str]) -> None:
    with pytest.raises(InvalidText, match="item 1: "):
        place.add_many([OAK, "x" * 8193, BREAD], **space)
    assert texts(place.list(**space)) == [OAK, BREAD]


def test_verify_answers_each_question(place: Any, space: dict[str, str]) -> None:
    cid = place.add(OAK, {"page": 1}, **space).cid
    verdict = place.verify(cid)
    assert verdict.ok
    assert (verdict.bytes_match, verdict.metadata_as_given, verdict.text_covered) == (
        True,
        True,
        True,
    )
    assert verdict.embedding_of_text in ("exact", "near", "unknown")
    assert place.verify(cid, metadata={"text": OAK, "page": 1, **space}).ok
    assert place.verify(cid, metadata={"page": 2}).metadata_as_given is False


def test_long_texts_say_that_only_their_beginning_counts(place: Any, space: dict[str, str]) -> None:
    assert place.add("word " * 1000, **space).truncated
    assert not place.add("word", **space).truncated


def test_stats_count_records(place: Any, space: dict[str, str]) -> None:
    before = place.stats().vectors
    place.add_many([OAK, BREAD, OAK], **space)
    stats = place.stats()
    assert stats.vectors == before + 2
    assert stats.embedder
    assert stats.core in ("rust", "python")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"text": ""}, InvalidText),
        ({"text": "x" * 8193}, InvalidText),
        ({"text": OAK, "metadata": {"": 1}}, InvalidMetadata),
        ({"text": OAK, "metadata": {"n": 2**53}}, InvalidMetadata),
        ({"text": OAK, "metadata": {"big": "x" * 70_000}}, InvalidMetadata),
        ({"text": OAK, "metadata": ["a"]}, InvalidMetadata),
        ({"text": OAK, "metadata": {"n": float("nan")}}, InvalidInput),
        ({"text": OAK, "metadata": {"s": "\ud800"}}, InvalidInput),
        ({"text": OAK, "metadata": {"namespace": "another"}}, InvalidMetadata),
        ({"text": OAK, "metadata": {1: "a"}}, InvalidMetadata),
        ({"text": OAK, "metadata": {"a": [{2: "b"}]}}, InvalidMetadata),
    ],
)
def test_what_no_record_may_hold_is_refused(
    place: Any, space: dict[str, str], arguments: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        place.add(**arguments, **space)
    assert list(place.list(**space)) == []


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"raw_embedding": [0.0] * 384}, InvalidEmbedding),
        ({"raw_embedding": [1.0] * 3}, InvalidEmbedding),
        ({"metadata": {"a": 1}}, InvalidInput),
        ({"text": OAK, "raw_embedding": [1.0] * 384}, InvalidInput),
        ({"text": 5}, InvalidText),
        (5, InvalidInput),
    ],
)
def test_items_that_are_no_records_are_refused(
    place: Any, space: dict[str, str], item: Any, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="item"):
        place.add_many([item], **space)


@pytest.mark.parametrize("one", [OAK, {"text": OAK}, b"bytes"])
def test_one_item_is_not_taken_for_many(place: Any, one: Any) -> None:
    with pytest.raises(InvalidInput, match="a list of"):
        place.add_many(one)


@pytest.mark.parametrize("k", [0, -1, 101, 2.5, "ten"])
def test_k_is_1_to_100(place: Any, k: Any) -> None:
    with pytest.raises(InvalidInput):
        place.search(OAK, k=k)


@pytest.mark.parametrize("where", [{"a": {"$near": 1}}, {"$or": []}, {"$not": 3}])
def test_a_filter_that_means_nothing_is_refused(place: Any, where: dict[str, Any]) -> None:
    with pytest.raises(InvalidWhere):
        place.search(OAK, where=where)
    with pytest.raises(InvalidWhere):
        list(place.list(where))


def test_unknown_and_malformed_cids(place: Any) -> None:
    with pytest.raises(NotFound):
        place.get("v1::" + "0" * 64)
    with pytest.raises(NotFound):
        place.verify("v1::" + "0" * 64)
    with pytest.raises(InvalidCid):
        place.get("v1::xyz")


def test_a_folder_and_a_node_give_a_record_the_same_cid(
    tmp_path_factory: pytest.TempPathFactory, miner: RunningMiner
) -> None:
    metadata = {"page": 1.0, "ünï": "cødé", "nested": {"b": [1, 2.5], "a": None}}
    with (
        Memory(tmp_path_factory.mktemp("m"), namespace=None) as folder,
        Memory(url=miner.url, namespace=None) as node,
    ):
        assert folder.add(OAK, metadata).cid == node.add(OAK, metadata).cid
