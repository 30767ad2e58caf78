"""An expected error is one sentence, a stable exit code, and never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engram.cli.failure import report
from engram.errors import EngramError
from tests.cli.shell import Shell

UNKNOWN = "v1::" + "0" * 64


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["get", UNKNOWN], 4, UNKNOWN),
        (["verify", UNKNOWN], 4, UNKNOWN),
        (["get", "v1::xyz"], 2, "CID"),
        (["query", "x", "--where", "{"], 2, "--where is not JSON"),
        (["query", "x", "--where", "[1]"], 2, "--where is a JSON object"),
        (["query", "x", "--where", '{"a": {"$near": 1}}'], 2, "$near"),
        (["query", ""], 2, "query_text"),
        (["ingest", "x" * 8193], 2, "text"),
        (["ingest"], 2, "--file"),
        (["ingest", "x", "--file", "y"], 2, "--file"),
        (["ingest", "--file", "no/such/file"], 2, "no/such/file"),
        (["list", "--cursor", "foreign"], 2, "cursor"),
        (["status", "--url", "http://127.0.0.1:9"], 5, "http://127.0.0.1:9"),
        (["status", "--url", "127.0.0.1:9"], 2, "is not the URL of a node"),
        (["delete", "v1::xyz"], 2, "CID"),
        (["delete", UNKNOWN, "--data-dir", "no/such/folder"], 2, "no/such/folder"),
        (["export", "x.jsonl", "--data-dir", "no/such/folder"], 4, "no/such/folder"),
        (["import", "no/such/file.jsonl", "--data-dir", "tmp"], 4, "no/such/file.jsonl"),
        (["miner", "--port", "99999"], 2, "--port"),
        (["miner", "--chain", "moon"], 2, "--chain"),
        (["miner", "--max-disk", "much"], 2, "much"),
    ],
)
def test_one_sentence_and_an_exit_code(
    at_node: Shell,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = at_node(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert says in ran.err
    assert ran.err.startswith("Error: ")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "error_code"),
    [
        (["get", UNKNOWN], "not_found"),
        (["query", "x", "--where", '{"a": {"$near": 1}}'], "invalid_where"),
        (["status", "--url", "http://127.0.0.1:9"], "server_unreachable"),
        (["delete", "nonsense"], "invalid_cid"),
    ],
)
def test_with_json_the_error_is_an_object_too(
    at_node: Shell, arguments: list[str], error_code: str
) -> None:
    ran = at_node(*arguments, "--json")
    assert ran.json.keys() == {"error", "code"}
    assert ran.json["code"] == error_code
    assert ran.code != 0
    assert ran.err == ""


def every_error(root: type[EngramError]) -> list[type[EngramError]]:
    return [root, *(one for kind in root.__subclasses__() for one in every_error(kind))]


def test_every_error_ends_with_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in every_error(EngramError):
        error = kind.__new__(kind)
        EngramError.__init__(error, "what to do")
        assert report(error, as_json=False) == kind.exit_code > 0
    assert "what to do" in capsys.readouterr().err


def test_a_setting_in_the_environment_that_is_wrong_is_named(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGRAM_PORT", "many")
    ran = shell("miner")
    assert ran.code == 2
    assert "ENGRAM_PORT" in ran.err
    assert "many" in ran.err


@pytest.mark.parametrize("arguments", [["qery"], ["query"], ["query", "x", "--top-k", "101"]])
def test_wrong_usage_is_2(shell: Shell, arguments: list[str]) -> None:
    assert shell(*arguments).code == 2


def test_a_typing_error_is_met_with_a_suggestion(shell: Shell) -> None:
    assert "'query'" in shell("qery").err


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    ran = subprocess.run(
        f"{sys.executable} -m engram --help | head -c 1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in ran.stderr
