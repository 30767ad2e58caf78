"""`engram status`: what a node is and holds, for eyes."""

from __future__ import annotations

import pytest

from engram.cli.status import exactness
from engram.sdk import Stats
from tests.cli.shell import Shell


def test_it_names_the_embedder_and_whether_it_is_exact(at_node: Shell) -> None:
    body = at_node.ok("status", "--json").json
    told = at_node.ok("status").out
    assert f"{body['embedder']} ({'exact' if body['exact'] else 'not exact: '}" in told
    assert "ready" in told


@pytest.mark.parametrize(
    ("exact", "fallback", "told"),
    [
        (True, None, "exact"),
        (False, "engram-core is not installed.", "not exact: engram-core is not installed."),
        (False, None, "not exact"),  # a node from before there was a reason
    ],
)
def test_why_an_embedder_is_not_exact(exact: bool, fallback: str | None, told: str) -> None:
    assert exactness(Stats(1, 0.0, exact=exact, embedder_fallback=fallback)) == told
