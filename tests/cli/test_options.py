"""What people write in options, and what it becomes."""

from __future__ import annotations

import pytest

from engram.cli.options import parse_where
from engram.cli.output import harmless, snippet
from engram.cli.size import parse_size
from engram.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1000000", 10**6),
        ("20GB", 20 * 10**9),
        ("20g", 20 * 10**9),
        ("512MiB", 512 * 2**20),
        ("1.5 T", 15 * 10**11),
        ("0", 0),
        (None, None),
    ],
)
def test_sizes(text: str | None, size: int | None) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "1XB", "1 2", "1IB", "much"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="20GB"):
        parse_size(text)


def test_a_namespace_and_a_filter_are_combined() -> None:
    assert parse_where(None, None) is None
    assert parse_where(None, "notes") == {"namespace": "notes"}
    assert parse_where('{"page": 3}', None) == {"page": 3}
    assert parse_where('{"page": 3}', "notes") == {"$and": [{"namespace": "notes"}, {"page": 3}]}


def test_a_text_on_one_line() -> None:
    assert snippet(" a\n\n b\tc ") == "a b c"
    assert snippet("x" * 100) == "x" * 91 + "…"
    assert snippet(None) == ""


def test_control_characters_are_shown_as_such_and_text_stays() -> None:
    assert harmless("a\x1b[31mb\x00\x9b\n\tü漢🌍") == "a\ufffd[31mb\ufffd\ufffd\n\tü漢🌍"
