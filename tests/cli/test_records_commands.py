"""ingest, query, get, verify, list and status against a real node."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from engram.core import generate_cid
from engram.core.embedding import from_base64
from tests.cli.shell import Shell
from tests.sdk.miner_process import RunningMiner

OAK = "The oak in the yard was planted in 1911."


@pytest.fixture
def mark() -> str:
    """A word that marks a test's own records."""
    return uuid.uuid4().hex


def test_a_text_goes_in_and_is_found_fetched_and_verified(at_node: Shell, mark: str) -> None:
    cid = at_node.ok("ingest", f"{OAK} {mark}", "--meta", f"mark={mark}").out.strip()
    found = at_node.ok(
        "query", f"old tree {mark}", "--top-k", 3, "--where", f'{{"mark": "{mark}"}}'
    )
    assert cid in found.out
    assert OAK in found.out
    assert "1 result in" in found.out
    assert OAK in at_node.ok("get", cid).out
    assert at_node.ok("verify", cid).out.count("ok ") == 3
    assert cid in at_node.ok("list", "--where", f'{{"mark": "{mark}"}}').out


def test_json_is_the_http_body(at_node: Shell, mark: str) -> None:
    body = at_node.ok("ingest", f"{OAK} {mark}", "--meta", f"mark={mark}", "--json").json
    fields = {"cid", "error", "truncated", "duplicate", "exact", "replicas", "warnings"}
    assert body.keys() == fields
    assert body["replicas"] == {"required": 1, "acknowledged": 1, "receipts": []}
    where = f'{{"mark": "{mark}"}}'
    found = at_node.ok("query", "tree", "--top-k", "5", "--where", where, "--json").json
    assert found["error"] is None
    assert found["latency_ms"] > 0
    [hit] = found["results"]
    assert hit.keys() == {"cid", "score", "metadata", "text", "age_ms"}
    record = at_node.ok("get", body["cid"], "--json").json
    assert record["metadata"] == {"mark": mark, "text": f"{OAK} {mark}"}
    page = at_node.ok("list", "--where", where, "--json").json
    assert (page["records"], page["cursor"]) == ([record], None)
    verdict = at_node.ok("verify", body["cid"], "--json").json
    assert (verdict["ok"], verdict["bytes_match"], verdict["metadata_as_given"]) == (True,) * 3
    assert at_node.ok("status", "--json").json["vectors"] >= 1


def test_meta_takes_strings_and_json(at_node: Shell, mark: str) -> None:
    options = [
        "--meta",
        "page:=3",
        "--meta",
        'tags:=["a", "b"]',
        "--meta",
        "eq=a=b",
        "--meta",
        "e=",
    ]
    body = at_node.ok("ingest", f"{OAK} {mark}", *options, "--json").json
    record = at_node.ok("get", body["cid"], "--json").json
    del record["metadata"]["text"]
    assert record["metadata"] == {"page": 3, "tags": ["a", "b"], "eq": "a=b", "e": ""}
    assert generate_cid(from_base64(record["embedding_b64"]), record["metadata"]) != body["cid"]


@pytest.mark.parametrize("meta", ["noequals", "=v", ":=1", "k:=nojson", "k:="])
def test_meta_that_is_none_is_refused(at_node: Shell, meta: str) -> None:
    ran = at_node("ingest", OAK, "--meta", meta)
    assert (ran.code, ran.out) == (2, "")
    assert "--meta" in ran.err


def test_meta_that_is_given_twice_is_refused(at_node: Shell) -> None:
    assert at_node("ingest", OAK, "--meta", "a=1", "--meta", "a:=1").code == 2


def test_a_dash_reads_the_text_from_stdin(
    at_node: Shell, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"from a pipe {mark}"))
    cid = at_node.ok("ingest", "-").out.strip()
    assert at_node.ok("get", cid, "--json").json["text"] == f"from a pipe {mark}"


def test_a_duplicate_and_a_truncated_text_are_said_to_be(at_node: Shell, mark: str) -> None:
    long = f"{mark} " + "word " * 1000
    assert "beginning" in at_node.ok("ingest", long).err
    assert "before" in at_node.ok("ingest", long).err


def test_list_goes_on_at_the_cursor(at_node: Shell, mark: str) -> None:
    where = ["--where", f'{{"mark": "{mark}"}}']
    for number in range(5):
        at_node.ok("ingest", f"note {number} {mark}", "--meta", f"mark={mark}")
    first = at_node.ok("list", "--limit", "3", *where, "--json").json
    rest = at_node.ok("list", "--cursor", first["cursor"], *where, "--json").json
    assert [len(page["records"]) for page in (first, rest)] == [3, 2]
    assert "engram list --cursor" in at_node.ok("list", "--limit", "3", *where).out


def test_a_record_that_was_tampered_with_fails_verification(
    at_node: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from engram.sdk import EngramClient

    cid = at_node.ok("ingest", OAK).out.strip()
    honest = EngramClient.get
    monkeypatch.setattr(
        EngramClient,
        "get",
        lambda self, cid: replace(honest(self, cid), metadata={"text": "forged"}),
    )
    ran = at_node("verify", cid)
    assert ran.code == 1
    assert "do not hash" in ran.out
    assert at_node("verify", cid, "--json").json["ok"] is False


def test_control_characters_in_a_record_do_not_reach_the_terminal(
    at_node: Shell, mark: str
) -> None:
    cid = at_node.ok("ingest", f"\x1b[2J\x1b]0;owned\x07 {mark} \x9b31m").out.strip()
    for ran in (at_node.ok("get", cid), at_node.ok("query", mark), at_node.ok("list")):
        assert not set("\x1b\x07\x9b") & set(ran.out)
    assert at_node.ok("get", cid, "--json").json["text"].startswith("\x1b[2J")


def test_status_tells_what_the_node_holds(at_node: Shell, miner: RunningMiner) -> None:
    ran = at_node.ok("status")
    assert f"{miner.url} answers" in ran.out
    assert "records" in ran.out
    assert "ready" in ran.out


def test_the_command_itself_and_python_m_engram_are_the_same(miner: RunningMiner) -> None:
    command = [sys.executable, "-m", "engram", "query", "x", "--top-k", "1", "--json", "--url"]
    ran = subprocess.run([*command, miner.url], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["error"] is None


def test_a_file_of_records(at_node: Shell, mark: str, tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    vector = [0.25] * 384
    lines = [
        *({"text": f"note {n} {mark}", "metadata": {"n": n}} for n in range(300)),
        {"raw_embedding": vector, "metadata": {"n": 300, "kind": "vector"}},
    ]
    file.write_text("\n".join(map(json.dumps, lines)))  # no newline at the end
    options = ["ingest", "--file", file, "--meta", f"mark={mark}"]
    assert "301 stored, 0 there before, 0 refused" in at_node.ok(*options).out
    assert at_node.ok(*options, "--json").json == {
        "stored": 0,
        "duplicates": 301,
        "failed": 0,
        "failures": [],
    }
    page = at_node.ok("list", "--limit", "1000", "--where", f'{{"mark": "{mark}"}}', "--json").json
    assert [record["metadata"]["n"] for record in page["records"]] == list(range(301))
    assert page["records"][7]["metadata"] == {"n": 7, "mark": mark, "text": f"note 7 {mark}"}


BAD_LINES = [
    "nonsense",
    "[1]",
    '{"text": 5}',
    '{"metadata": {}}',
    '{"text": "a", "text": "b"}',
    '{"text": "a", "metadata": 3}',
    '{"raw_embedding": [1, 2]}',
    '{"text": "NaN", "metadata": {"n": NaN}}',
    '{"text": "' + "x" * 1_100_000 + '"}',
]


def test_bad_lines_are_named_by_number_and_the_others_stored(
    at_node: Shell, mark: str, tmp_path: Path
) -> None:
    file = tmp_path / "mixed.jsonl"
    good = json.dumps({"text": f"good {mark}"})
    lines = [good, "", *BAD_LINES, json.dumps({"text": f"last {mark}"})]
    file.write_text("\n".join(lines) + "\n")
    ran = at_node("ingest", "--file", file, "--json")
    assert ran.code == 2
    assert (ran.json["stored"], ran.json["failed"]) == (2, len(BAD_LINES))
    assert [one["line"] for one in ran.json["failures"]] == list(range(3, 3 + len(BAD_LINES)))
    assert all(one["error"] and one["code"] for one in ran.json["failures"])
    assert "line 3: " in at_node("ingest", "--file", file).err


def test_a_file_from_a_pipe(miner: RunningMiner, mark: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "engram", "ingest", "--file", "-", "--url", miner.url],
        input=json.dumps({"text": f"piped {mark}"}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout) == (0, "1 stored, 0 there before, 0 refused\n")
