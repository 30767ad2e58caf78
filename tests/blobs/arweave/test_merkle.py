"""Chunks cover the data, and only true paths prove them, at any size."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.blobs.arweave import merkle
from engram.blobs.arweave.merkle import CHUNK_BYTES, LEAST_CHUNK_BYTES, Tree, spans, tree_of

sizes = st.one_of(
    st.integers(1, 20 * CHUNK_BYTES),
    st.builds(
        lambda chunks, beside: max(1, chunks * CHUNK_BYTES + beside),
        st.integers(1, 40),
        st.integers(-2, 2) | st.integers(LEAST_CHUNK_BYTES - 2, LEAST_CHUNK_BYTES + 2),
    ),
)


@given(sizes)
def test_chunks_follow_one_another_and_none_is_short(size: int) -> None:
    found = list(spans(size))
    assert [s.start for s in found] == [0, *(s.end for s in found[:-1])]
    assert found[-1].end == size
    assert all(0 <= len(s) <= CHUNK_BYTES for s in found)
    full = [s for s in found if len(s)]
    assert len(full) >= len(found) - 1
    assert all(len(s) >= LEAST_CHUNK_BYTES for s in full[:-1])
    assert size < LEAST_CHUNK_BYTES or len(full[-1]) >= LEAST_CHUNK_BYTES


@given(sizes, st.data())
def test_every_path_leads_to_its_chunk_and_to_no_other(size: int, data: st.DataObject) -> None:
    found = tuple(spans(size))
    tree = Tree(found, tuple(merkle.sha256(b"%d" % place) for place in range(len(found))))
    chunk = data.draw(st.sampled_from(tree.chunks))
    offset = data.draw(st.integers(0, size - 1))
    proven = merkle.proven_span(tree.root, size, offset, chunk.path)
    inside = chunk.span.start <= offset < chunk.span.end
    assert proven == (chunk.span if inside else None)


@pytest.mark.parametrize("length", [0, 1, 63, 65, 95, 96, 160 + 1])
def test_a_path_of_another_length_proves_nothing(length: int) -> None:
    assert merkle.proven_span(bytes(32), 1, 0, bytes(length)) is None


def test_a_file_that_becomes_shorter_is_noticed() -> None:
    with pytest.raises(EOFError):
        tree_of(io.BytesIO(b"ab"), 3)
