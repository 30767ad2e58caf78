"""Out to a file and in again: the same records, and bad lines named by their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engram.errors import InvalidInput, NotFound
from engram.storage import EmbeddedStore, NewRecord, export_records, import_records
from engram.storage.interface import Embedding
from tests.core.strategies import metadata
from tests.storage.conftest import Open
from tests.storage.records_for_tests import TINY, put, record, records, vectors

FORMATS = ["jsonl", "parquet"]
VECTORS = vectors(8)


def everything(store: EmbeddedStore) -> list[tuple[Any, ...]]:
    """All that is promised to survive: ``stored_at`` and the sequence are the node's own."""
    return [
        (one.cid, one.embedding.tobytes(), one.metadata, one.text, one.model_version)
        for one in store.scan()
    ]


def filled(opened: Open, folder: Path) -> EmbeddedStore:
    store = opened(TINY, folder)
    put(store, *records(30))
    put(store, record(VECTORS[0], {"text": "inside"}), record(VECTORS[1], {"k": "ü"}, "beside"))
    return store


@pytest.mark.parametrize("suffix", FORMATS)
def test_nothing_is_lost_on_the_way(opened: Open, tmp_path: Path, suffix: str) -> None:
    store, other = filled(opened, tmp_path / "a"), opened(TINY, tmp_path / "b")
    file = tmp_path / f"all.{suffix}"
    assert export_records(store, file).records == 32
    report = import_records(other, file)
    assert (report.stored, report.duplicates, report.refused) == (32, 0, [])
    assert everything(other) == everything(store)
    again = import_records(other, file)
    assert (again.stored, again.duplicates) == (0, 32)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(0, 7), metadata, st.none() | st.text(max_size=9)), max_size=9)
)
def test_any_metadata_survives_both_formats(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, dict[str, Any], str | None]]
) -> None:
    folder = tmp_path_factory.mktemp("transfer")
    stores = [EmbeddedStore(folder / name, TINY) for name in ("a", *FORMATS)]
    new = [record(VECTORS[n], data, text) for n, data, text in drawn if _storable(data)]
    put(stores[0], *new)
    for suffix, other in zip(FORMATS, stores[1:], strict=True):
        export_records(stores[0], folder / f"all.{suffix}")
        assert not import_records(other, folder / f"all.{suffix}").refused
        assert everything(other) == everything(stores[0])
    for store in stores:
        store.close()


def _storable(data: dict[str, Any]) -> bool:
    return len(data.get("text", "")) < 8_000 if isinstance(data.get("text"), str) else True


def line(one: NewRecord, **changes: Any) -> dict[str, Any]:
    return {"raw_embedding": one.embedding.tolist(), "metadata": one.metadata, **changes}


def test_bad_lines_are_named_and_the_rest_goes_in(opened: Open, tmp_path: Path) -> None:
    good, other = records(2)
    lines = [
        orjson.dumps(line(good, cid=good.cid)),
        b"not json",
        b"",
        orjson.dumps(line(good, cid=other.cid)),
        b'{"a": 1, "a": 2}',
        b"[]",
        orjson.dumps({"metadata": {}}),
        orjson.dumps({"text": "no embedder"}),
        orjson.dumps({"raw_embedding": [0] * 384}),
        orjson.dumps({"raw_embedding": "x"}),
        orjson.dumps({"embedding_b64": 7}),
        orjson.dumps(line(good, metadata=[])),
        orjson.dumps(line(good, metadata={"": 1})),
        orjson.dumps(line(good, text=5)),
        orjson.dumps(line(good, text="x" * 8_193)),
        orjson.dumps(line(good, model_version="v9")),
        orjson.dumps(line(other)),
    ]
    file = tmp_path / "mixed.jsonl"
    file.write_bytes(b"\n".join(lines))
    store = opened()
    report = import_records(store, file)
    assert report.stored == 2
    assert [number for number, _ in report.refused] == [2, *range(4, 17)]
    assert all(reason for _, reason in report.refused)
    assert set(store.has([good.cid, other.cid])) == {good.cid, other.cid}


def test_text_is_embedded_and_kept_where_the_cid_covers_it(opened: Open, tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def embed(texts: Sequence[str]) -> list[Embedding]:
        asked.append(list(texts))
        return [VECTORS[len(text) % 8] for text in texts]

    file = tmp_path / "texts.jsonl"
    lines = [{"text": "a"}, {"text": "bb", "metadata": {"page": 2}}, line(records(1)[0], text="s")]
    file.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    store = opened()
    assert import_records(store, file, embed=embed).stored == 3
    assert asked == [["a", "bb"]]
    held = list(store.scan())
    assert [one.metadata for one in held[:2]] == [{"text": "a"}, {"text": "bb", "page": 2}]
    assert held[2].text == "s"
    assert np.array_equal(held[1].embedding, VECTORS[2])


def test_a_tombstone_refuses_an_import(opened: Open, tmp_path: Path) -> None:
    store = filled(opened, tmp_path / "a")
    export_records(store, tmp_path / "all.jsonl")
    victim = records(30)[7]
    store.delete(victim.cid)
    report = import_records(store, tmp_path / "all.jsonl")
    assert [number for number, _ in report.refused] == [8]
    assert victim.cid in report.refused[0][1]
    assert store.has([victim.cid]) == {}


def test_what_is_kept_back_or_queued_stays_at_home(opened: Open, tmp_path: Path) -> None:
    store, path = opened(), tmp_path / "out.jsonl"
    (vector,) = vectors(1)
    put(store, replace(record(vector, {}, "poison"), text_verified=False, deliver_to=(5,)))
    export_records(store, path)
    assert "poison" not in path.read_text()
    other = opened(TINY, tmp_path / "other")
    assert import_records(other, path).stored == 1
    (one,) = other.list(9).records
    assert one.text is None and one.text_verified
    assert other.waiting() == {}


def test_an_import_waits_for_room(opened: Open, tmp_path: Path) -> None:
    store, other = opened(TINY, tmp_path / "a"), opened(TINY, tmp_path / "b")
    many = TINY.tail_limit * 10
    for seed in range(10):
        store.wait_for_room()
        put(store, *records(TINY.tail_limit, seed))
    export_records(store, tmp_path / "all.parquet")
    seen: list[int] = []
    assert import_records(other, tmp_path / "all.parquet", on_progress=seen.append).stored == many
    assert seen[-1] == many


def test_an_export_that_fails_leaves_the_old_file(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, file = filled(opened, tmp_path / "a"), tmp_path / "all.jsonl"
    export_records(store, file)
    before = file.read_bytes()
    monkeypatch.setattr("engram.storage.lines.to_base64", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export_records(store, file)
    assert file.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"a", "all.jsonl"}


def test_a_suffix_that_says_nothing_is_refused(opened: Open, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"neither \.jsonl nor \.parquet"):
        export_records(opened(), tmp_path / "all.csv")
    with pytest.raises(NotFound):
        import_records(opened(folder=tmp_path / "b"), tmp_path / "none.jsonl")


def test_parquet_without_pyarrow_says_what_to_install(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(InvalidInput, match=r"pip install engram-network\[parquet\]"):
        export_records(opened(), tmp_path / "all.parquet")
