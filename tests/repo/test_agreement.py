"""The comparison that the README's test relies on can say no."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.repo.readme import agrees, blocks, steps

CID_A, CID_B = "v1::" + "a" * 64, "v1::" + "b" * 64


@pytest.mark.parametrize(
    ("promised", "real"),
    [
        (f"0.512  {CID_A}", f"0.508 {CID_A}"),
        ('{"latency_ms": 1.5, "score": 0.71}', '{"latency_ms": 88, "score": 0.7099}'),
        ("one\ntwo\n…", "one\ntwo\nthree\nfour"),
        ("found in 10.3 ms\n1747 …", "found in 6.6 ms\n1747 …"),
        ('{"held": 3, "receipts": […', '{"held": 3, "receipts": [{"size": 7}]}'),
    ],
)
def test_what_may_differ(promised: str, real: str) -> None:
    assert agrees(promised, real)


@pytest.mark.parametrize(
    ("promised", "real"),
    [
        ("0.512", "0.612"),
        (f"cid {CID_A}", "cid v1::short"),
        ("stored 3", "refused 3"),
        ("1 2", "1"),
        ('{"held": 3, "receipts": […', '{"held": 2, "receipts": [{"size": 7}]}'),
        ("one two …", "one three four"),
        ("one\ntwo\n…", "one\nthree\nfour"),
    ],
)
def test_what_may_not(promised: str, real: str) -> None:
    assert not agrees(promised, real)


@pytest.mark.parametrize("exact", [True, False])
def test_cids_may_differ_only_without_the_exact_embedder(
    exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.repo.readme.exact_here", lambda: exact)
    assert agrees(f"cid {CID_A}", f"cid {CID_B}") is not exact


def test_commands_and_outputs_are_told_apart(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ a \\\n  b\nout\n$ c\n```\n```python\nx = 1\n```\n")
    (block,) = blocks(page, "console")
    assert [(s.command, s.output) for s in steps(block)] == [("a \\\n  b", "out"), ("c", "")]
