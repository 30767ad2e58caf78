"""The same answer on every input, good and bad."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from engram.errors import EngramError
from tests.core.strategies import (
    embeddings,
    letters,
    metadata,
    surrogates,
    wild_embeddings,
    wild_metadata,
)

Both = tuple[ModuleType, ModuleType]

CID = "v1::" + "0123456789abcdef" * 4
NONCE = "fedcba9876543210" * 4
BASE = [1.0] * 384

mangled = st.sampled_from([CID, NONCE, "v1", "v10"]).flatmap(
    lambda good: st.builds(
        lambda at, letter: good[:at] + letter + good[at + 1 :],
        st.integers(0, len(good)),
        letters | st.sampled_from(["A", "g", "", "0", "٠", "\n"]),
    )
)
words = mangled | surrogates | st.sampled_from([CID, NONCE, "v1", None, 1, b"v1", np.str_(CID)])


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """What came back, or the class of what was raised; any other exception is a bug."""
    try:
        return call(*arguments)
    except EngramError as error:
        return type(error)


def agree_on_json(both: Both, text: str | bytes) -> None:
    """The same metadata; -0 may come as integer or float, which are one value."""
    parsed = [outcome(side.parse_metadata, text) for side in both]
    if isinstance(parsed[0], dict):
        one, other = map(both[0].metadata_text, parsed)
        assert one == other
    assert parsed[0] == parsed[1]


def agree(both: Both, name: str, *arguments: Any) -> None:
    twin, rust = (outcome(getattr(side, name), *arguments) for side in both)
    assert repr(twin) == repr(rust)


@given(wild_metadata)
def test_metadata(both: Both, drawn: Any) -> None:
    agree(both, "metadata_text", drawn)


@given(wild_embeddings())
def test_embeddings(both: Both, drawn: Any) -> None:
    agree(both, "embedding_bytes", drawn)


@given(wild_embeddings(), wild_metadata, words)
def test_records(both: Both, embedding: Any, drawn: Any, word: Any) -> None:
    agree(both, "generate_cid", embedding, drawn, word)
    agree(both, "generate_cid", embedding, drawn)
    agree(both, "verify_cid", CID, embedding, drawn, word)
    agree(both, "verify_cid", word, embedding, drawn)


@given(words)
def test_words(both: Both, word: Any) -> None:
    agree(both, "parse_cid", word)
    agree(both, "generate_response", word, BASE)
    agree(both, "verify_response", (word, NONCE, 0), "", "", BASE)
    agree(both, "verify_response", (CID, word, 0), "", "", BASE)
    agree(both, "verify_response", (CID, NONCE, 0), word, word, BASE)
    agree(both, "verify_response", word, word, word, BASE)
    agree(both, "assign", word, [])


json_letters = list('{}[]:,"\\ 0123456789.eE+-tfnrul\ud83dé\t')
json_texts = st.lists(st.sampled_from([*json_letters, '"a":', '"x"', "null"])).map("".join)
json_numbers = ["0", "-0", "1.50", "1e3", "1E+400", "9007199254740991", "9007199254740992", "NaN"]
json_strings = ['"a"', r'"\u00e9"', r'"\ud83d\ude00"', r'"\ud83d"', '"\U0001f600"', '"\ud800"']
wild_json = st.recursive(
    st.sampled_from([*json_numbers, *json_strings, "true", "null"]),
    lambda inside: (
        st.lists(inside, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(
            st.tuples(st.sampled_from(["a", "b", r"\u0061", "", "="]), inside), max_size=3
        ).map(lambda pairs: "{" + ",".join(f'"{key}": {value}' for key, value in pairs) + "}")
    ),
    max_leaves=10,
)
json_objects = json_texts.map(lambda inside: f'{{"x": {inside}}}')


json_members = wild_json.map(lambda inside: f'{{"x": {inside}}}')


@given(json_texts | json_objects | json_members)
@example('{"x": -0}')
@example('{"x": -0.0}')
@example('{"x": 1e999999999999}')
@example('{"x": 0e999999999999}')
@example('{"x": ' + "9" * 400 + "}")
@example('{"x": 0.' + "9" * 400 + "}")
@example('{"x": ' + "[" * 1_022 + "]" * 1_022 + "}")
@example('{"x": ' + "[" * 1_023 + "]" * 1_023 + "}")
@example('{"x": ' + "[" * 1_024 + "]" * 1_024 + "}")
@example('{"x":' * 5_000)
@example("[" * 200_000)
@example('{"x": 9223372036854775807, "y": -9223372036854775808}')
def test_json_texts(both: Both, text: str) -> None:
    agree_on_json(both, text)
    agree_on_json(both, text.encode(errors="surrogatepass"))


@given(st.binary(max_size=12).map(lambda raw: b'{"x": "' + raw + b'"}'))
def test_json_bytes(both: Both, text: bytes) -> None:
    agree_on_json(both, text)


@given(st.sampled_from([None, 1, [], bytearray(b"{}"), memoryview(b"{}")]))
def test_what_is_no_text_at_all(both: Both, text: Any) -> None:
    agree(both, "parse_metadata", text)


@given(st.lists(st.tuples(wild_embeddings(), wild_metadata), max_size=4), words)
def test_batches(both: Both, records: list[tuple[Any, Any]], word: Any) -> None:
    rows = [embedding for embedding, _ in records]
    metadatas = [drawn for _, drawn in records]
    agree(both, "generate_cids", rows, metadatas)
    agree(both, "generate_cids", tuple(rows), tuple(metadatas[1:]))
    agree(both, "verify_cids", [CID] * len(rows), rows, metadatas, word)
    agree(both, "verify_cids", [word] * len(rows), rows, metadatas)
    agree(both, "generate_responses", [NONCE] * len(rows), rows)
    agree(both, "generate_responses", [word] * len(rows), rows)


@given(st.sampled_from(["<f4", "<f8", ">f8", "<i4", "<f2"]), st.sampled_from([0, 3, 384, 385]))
def test_matrices(both: Both, dtype: str, width: int) -> None:
    matrix = np.arange(1, 1 + 5 * width).reshape(5, width).astype(dtype)
    for array in (matrix, matrix[::2], np.asfortranarray(matrix), matrix[None], matrix[0]):
        agree(both, "generate_cids", array, [{}] * len(array))
        agree(both, "generate_responses", array, [NONCE] * len(array))


@given(embeddings(), metadata)
def test_valid_records_have_one_cid(both: Both, embedding: Any, drawn: dict[str, Any]) -> None:
    twin, rust = both
    cid = twin.generate_cid(embedding, drawn)
    assert rust.generate_cid(embedding, drawn) == cid
    assert rust.verify_cid(cid, embedding.tobytes(), drawn)
    assert twin.generate_cids(embedding[None], [drawn]) == [cid]


uids = st.integers(-2, 65_537) | st.sampled_from([True, None, 1.0, np.int64(1), 10**30, "1"])
blocks = st.binary(min_size=32, max_size=32) | st.sampled_from([b"", None, bytearray(32), "x" * 32])
pairs = st.tuples(uids, blocks) | st.sampled_from([(1,), [1, bytes(32)], None, (1, b"", 2)])
good_pairs = st.tuples(st.integers(0, 65_535), st.binary(min_size=32, max_size=32))


@given(st.lists(pairs, max_size=4) | st.lists(good_pairs, max_size=9), words)
def test_placements(both: Both, members: list[Any], word: Any) -> None:
    agree(both, "assign", CID, members)
    agree(both, "assign", CID, tuple(members))
    agree(both, "assign_many", [CID, word], members)
    agree(both, "assign_many", word, members)
    agree(both, "assign", CID, dict.fromkeys(range(3)))


digests = st.binary(max_size=4).map(lambda part: part * 16) | st.sampled_from(
    [b"", bytes(31), bytearray(32), None, [bytes(32)], "0" * 32]
)
counts = st.integers(-1, 258) | st.sampled_from([None, True, 1.0, 10**30, "1", np.int64(1)])


@given(digests, st.lists(pairs, max_size=4) | st.lists(good_pairs, max_size=9), counts)
def test_rankings(both: Both, packed: Any, members: list[Any], count: Any) -> None:
    agree(both, "nearest_many", packed, members, count)
    agree(both, "nearest_many", bytes(range(64)), members, count)


ttls = st.integers(-1, 700) | st.sampled_from([60.0, True, None, "60", 10**30])
moments = st.floats() | st.integers(-1, 2**54) | st.sampled_from([None, True, "0", 10**400])


@given(words, ttls, moments)
def test_challenges(both: Both, word: Any, ttl_s: Any, now: Any) -> None:
    for cid in (CID, word):
        twin, rust = (outcome(side.generate_challenge, cid, ttl_s, now) for side in both)
        if isinstance(twin, type) or isinstance(rust, type):
            assert twin is rust
        elif now is not None:
            assert (twin.cid, twin.expires_at) == (rust.cid, rust.expires_at)
