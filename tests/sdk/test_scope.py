"""What a Memory adds to records and filters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.core.where import matches, parse_where
from engram.errors import InvalidInput, InvalidMetadata
from engram.sdk.scope import Scope, names_key

NO_DOCUMENTS = {"type": {"$ne": "document"}}
names = st.sampled_from(["default", "work", "home"]) | st.none()
metadata = st.dictionaries(
    st.sampled_from(["namespace", "user_id", "type", "page"]),
    st.sampled_from(["default", "work", "ada", "document", 1, 2]),
)
clauses = st.sampled_from([None, {"page": 1}, {"$or": [{"page": 1}, {"page": 2}]}])


def test_a_record_gets_namespace_and_user() -> None:
    item = Scope("work", "ada").item("hello", {"page": 1})
    assert item == {
        "text": "hello",
        "metadata": {"page": 1, "namespace": "work", "user_id": "ada"},
    }


def test_none_writes_none() -> None:
    assert Scope(None, None).item("hello") == {"text": "hello", "metadata": {}}


def test_an_object_keeps_its_other_fields() -> None:
    item = Scope("work", None).item({"raw_embedding": [1.0], "metadata": None})
    assert item == {"raw_embedding": [1.0], "metadata": {"namespace": "work"}}


def test_metadata_that_agrees_is_fine_and_one_that_differs_is_refused() -> None:
    assert Scope("work", None).item("x", {"namespace": "work"})["metadata"] == {"namespace": "work"}
    with pytest.raises(InvalidMetadata, match="namespace='home'"):
        Scope("work", None).item("x", {"namespace": "home"})


@pytest.mark.parametrize("bad", [5, None, ["a"]])
def test_an_item_is_a_text_or_an_object(bad: Any) -> None:
    with pytest.raises(InvalidInput):
        Scope(None, None).item(bad)


def test_filters_are_combined_with_and() -> None:
    assert Scope(None, None).where(None) is None
    assert Scope("work", None).where(None) == {"namespace": "work"}
    assert Scope("work", "ada").where({"$or": [{"a": 1}, {"b": 2}]}, documents=False) == {
        "$and": [
            {"namespace": "work"},
            {"user_id": "ada"},
            NO_DOCUMENTS,
            {"$or": [{"a": 1}, {"b": 2}]},
        ]
    }


@pytest.mark.parametrize(
    "where",
    [{"type": "document"}, {"$or": [{"page": 1}, {"type": {"$exists": True}}]}],
)
def test_a_filter_that_names_type_decides_about_documents_itself(where: dict[str, Any]) -> None:
    assert Scope(None, None).where(where, documents=False) == where


@pytest.mark.parametrize("where", [None, {}, {"page": {"type": 1}}, {"page": "type"}, {"a": [1]}])
def test_the_word_type_elsewhere_does_not_count(where: dict[str, Any] | None) -> None:
    assert not names_key(where, "type")


@given(held=metadata, namespace=names, user_id=st.sampled_from(["ada", None]), where=clauses)
def test_the_combined_filter_means_all_of_its_parts(
    held: dict[str, Any], namespace: str | None, user_id: str | None, where: dict[str, Any] | None
) -> None:
    combined = Scope(namespace, user_id).where(where, documents=False)
    expected = (
        held.get("type") != "document"
        and namespace in (None, held.get("namespace"))
        and user_id in (None, held.get("user_id"))
        and (where is None or matches(parse_where(where), held))
    )
    assert combined is not None
    assert matches(parse_where(combined), held) == expected
