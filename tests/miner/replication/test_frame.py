"""Records in binary: what goes in comes out, and no bytes do more harm than a refusal."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.core import embedding as vectors
from engram.core import generate_cid
from engram.core.limits import MAX_TEXT_CODE_POINTS
from engram.errors import (
    DuplicateKey,
    EngramError,
    InvalidEmbedding,
    InvalidInput,
    InvalidMetadata,
    InvalidText,
    MalformedJson,
    UnsupportedVersion,
)
from engram.miner.replication import frame
from engram.miner.replication.frame import Copy, Packed, Spoiled, copy_of, decode, encode, pack
from engram.protocol import MAX_ABSENT, MAX_BODY_BYTES, MAX_REPLICAS
from engram.storage.interface import Record
from tests.core.strategies import metadata, texts

UNIT = vectors.from_numbers([1.0, *[0.0] * 383])
PLAIN = Copy(generate_cid(UNIT, {"a": 1}), UNIT, {"a": 1})
HEAD = 15  # bytes before the absent members
RECORD = HEAD + 2  # where the first record begins if nobody is absent
EMBEDDING = RECORD + 32 + 1 + 2
METADATA = EMBEDDING + 1536

embeddings = st.integers(0, 2**32 - 1).map(
    lambda seed: vectors.from_numbers(np.random.default_rng(seed).standard_normal(384))
)
side_texts = st.none() | st.text(min_size=1, max_size=50) | texts.filter(bool)


@st.composite
def drawn_copies(draw: st.DrawFn) -> Copy:
    vector, about = draw(embeddings), draw(metadata)
    return Copy(generate_cid(vector, about), vector, about, draw(side_texts))


def as_tuple(copy: Any) -> tuple[Any, ...]:
    assert isinstance(copy, Copy), copy
    return (copy.cid, copy.embedding.tobytes(), copy.metadata, copy.text, copy.model_version)


@given(
    st.integers(0, 2**63 - 1),
    st.sets(st.integers(0, 65_535), max_size=MAX_ABSENT),
    st.lists(drawn_copies(), max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_what_goes_in_comes_out(placement: int, absent: set[int], copies: list[Copy]) -> None:
    read = decode(encode(placement, absent, map(pack, copies)))
    assert (read.placement, set(read.absent)) == (placement, absent)
    assert [*map(as_tuple, read.records)] == [*map(as_tuple, copies)]
    for copy in read.records:
        assert isinstance(copy, Copy)
        assert generate_cid(copy.embedding, copy.metadata) == copy.cid


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode(noise)


GOOD = encode(7, {3, 5}, [pack(PLAIN), pack(Copy(PLAIN.cid, UNIT, {"a": 1}, "beside"))])


@given(st.integers(0, len(GOOD) - 1))
def test_a_frame_that_breaks_off_is_refused(end: int) -> None:
    with pytest.raises(InvalidInput):
        decode(GOOD[:end])


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
@settings(max_examples=300)
def test_a_changed_byte_is_refused_or_read_as_what_it_says(at: int, change: int) -> None:
    changed = bytearray(GOOD)
    changed[at] ^= change
    try:
        read = decode(bytes(changed))
    except EngramError as error:
        assert error.status == 400
    else:
        assert len(read.records) == 2


def test_bytes_after_the_last_record_are_refused() -> None:
    with pytest.raises(InvalidInput, match="1 bytes follow"):
        decode(GOOD + b"\0")


def one(content: bytes) -> bytes:
    return encode(7, (), [Packed(PLAIN.cid, content)])


def with_metadata(raw: bytes) -> bytes:
    body = one(pack(PLAIN).content)
    return body[:METADATA] + struct.pack("<I", len(raw)) + raw + struct.pack("<I", 0)


def with_text(raw: bytes) -> bytes:
    return one(pack(PLAIN).content[:-4] + struct.pack("<I", len(raw)) + raw)


@pytest.mark.parametrize(
    ("body", "match"),
    [
        (b"EGRN" + GOOD[4:], "does not begin with"),
        (struct.pack("<4sBQHH", b"EGRM", 1, 2**63, 0, 0), "No placement block"),
        (struct.pack("<4sBQHHHH", b"EGRM", 1, 7, 2, 5, 5, 0), "ascending"),
        (struct.pack("<4sBQHHHH", b"EGRM", 1, 7, 2, 5, 4, 0), "ascending"),
        (struct.pack("<4sBQHH", b"EGRM", 1, 7, 0, MAX_REPLICAS + 1), "256"),
        (struct.pack("<4sBQH", b"EGRM", 1, 7, MAX_ABSENT + 1), "absent members"),
        (with_metadata(b" " * (frame.MAX_METADATA_JSON + 1)), "bytes of metadata"),
        (with_text(b"x" * (4 * MAX_TEXT_CODE_POINTS + 1)), "bytes of text"),
        (one(pack(PLAIN).content[:32] + bytes([17]) + b"v" * 2000), "bytes of a version"),
    ],
)
def test_limits_and_order_hold_for_the_whole_frame(body: bytes, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        decode(body)


def test_a_frame_of_another_version_says_so() -> None:
    with pytest.raises(UnsupportedVersion, match="version 1, not 2"):
        decode(GOOD[:4] + b"\x02" + GOOD[5:])


def test_a_length_that_lies_asks_for_no_memory() -> None:
    lying = with_text(b"")[:-4] + struct.pack("<I", 4 * MAX_TEXT_CODE_POINTS)
    with pytest.raises(InvalidInput, match="ends within"):
        decode(lying)


NAN = struct.pack("<f", float("nan"))
ONE = one(pack(PLAIN).content)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (with_metadata(b"{"), MalformedJson),
        (with_metadata(b""), MalformedJson),
        (with_metadata(b"\xff"), MalformedJson),
        (with_metadata(b'{"a":NaN}'), MalformedJson),
        (with_metadata(b"[" * 2_000), MalformedJson),
        (with_metadata(b'{"a":1,"a":1}'), DuplicateKey),
        (with_metadata(b"[]"), InvalidMetadata),
        (with_metadata(b"null"), InvalidMetadata),
        (with_text(b"\xff"), InvalidText),
        (with_text(b"\xed\xa0\x80"), InvalidText),  # a surrogate
        (with_text(b"x" * (MAX_TEXT_CODE_POINTS + 1)), InvalidText),
        (ONE[:EMBEDDING] + NAN + ONE[EMBEDDING + 4 :], InvalidEmbedding),
        (ONE[:EMBEDDING] + bytes(1536) + ONE[METADATA:], InvalidEmbedding),  # a zero vector
        (one(pack(PLAIN).content.replace(b"\x02v1", b"\x02v2", 1)), UnsupportedVersion),
    ],
)
def test_what_is_wrong_with_one_record_is_its_own_error(
    body: bytes, error: type[EngramError]
) -> None:
    [spoiled] = decode(body).records
    assert isinstance(spoiled, Spoiled)
    assert type(spoiled.error) is error


def test_a_spoiled_record_does_not_hold_up_its_neighbours() -> None:
    bad = Packed(PLAIN.cid, with_metadata(b"[]")[RECORD:])
    before, spoiled, after = decode(encode(7, (), [pack(PLAIN), bad, pack(PLAIN)])).records
    assert isinstance(spoiled, Spoiled)
    assert as_tuple(before) == as_tuple(after) == as_tuple(PLAIN)


def stored(about: dict[str, Any], text: str | None) -> Record:
    return Record(1, PLAIN.cid, UNIT, about, text, "v1", 0.0)


def test_only_a_side_text_is_sent_beside_the_metadata() -> None:
    assert copy_of(stored({}, "beside")).text == "beside"
    assert copy_of(stored({"text": "inside"}, "inside")).text is None


@settings(deadline=None)
@given(st.lists(st.integers(1, MAX_BODY_BYTES // 3), max_size=20))
def test_groups_fit_into_a_body_and_keep_the_order(sizes: list[int]) -> None:
    packed = [Packed(str(place), bytes(size)) for place, size in enumerate(sizes)]
    groups = [*frame.grouped(packed)]
    assert [each for group in groups for each in group] == packed
    for group in groups:
        assert group
        assert len(encode(2**63 - 1, range(MAX_ABSENT), group)) <= MAX_BODY_BYTES


def test_groups_hold_so_many_records_and_no_more() -> None:
    packed = [Packed(str(place), b"x") for place in range(2 * MAX_REPLICAS + 1)]
    assert [len(group) for group in frame.grouped(packed)] == [MAX_REPLICAS, MAX_REPLICAS, 1]


def test_the_largest_record_fits_into_a_body() -> None:
    about = {"a": "\x01" * 65_000}
    largest = pack(Copy(generate_cid(UNIT, about), UNIT, about, "\U0001f33f" * 8_192))
    read = decode(encode(0, (), [largest]))
    assert isinstance(read.records[0], Copy)
