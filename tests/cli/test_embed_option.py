"""--embed: who embeds, what the command then knows, and what it does not load."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from engram.sdk import EngramClient
from tests.cli.shell import Shell
from tests.cli.test_help import loaded_by
from tests.sdk.exact_machine import exact_here, need_exact
from tests.sdk.miner_process import RunningMiner

OAK = "The oak in the yard was planted in 1911."
OTHER = "v1::" + "0" * 64


@pytest.fixture
def mark() -> str:
    """A word that marks a test's own records."""
    return uuid.uuid4().hex


@pytest.fixture
def liar() -> Iterator[str]:
    """A node that names one and the same CID for whatever it is sent."""

    class Liar(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            one = {"cid": OTHER, "truncated": False, "duplicate": False, "exact": True}
            reply = {"outcomes": [one] * len(body["items"])} if "items" in body else one
            content = json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Liar) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("embed", ["auto", "local", "remote"])
def test_whoever_embeds_the_reply_tells_the_truth(at_node: Shell, mark: str, embed: str) -> None:
    """A node that gets a vector says truncated false and exact true: it computed nothing."""
    long = f"{mark} " + "word " * 1000
    stored = ["ingest", long, "--meta", f"mark={mark}", "--embed", embed]
    body = at_node.ok(*stored, "--json").json
    assert (body["truncated"], body["exact"], body["duplicate"]) == (True, exact_here(), False)
    assert "beginning" in at_node.ok(*stored).err
    where = json.dumps({"mark": mark})
    found = at_node.ok("query", "words", "--where", where, "--embed", embed, "--json").json
    assert [hit["cid"] for hit in found["results"]] == [body["cid"]]


def test_one_record_whoever_embeds(at_node: Shell, mark: str, tmp_path: Path) -> None:
    need_exact()
    file = tmp_path / "corpus.jsonl"
    file.write_text(json.dumps({"text": f"{OAK} {mark}", "metadata": {"page": 3}}) + "\n")
    here = at_node.ok("ingest", f"{OAK} {mark}", "--meta", "page:=3", "--json").json
    there = at_node.ok(
        "ingest", f"{OAK} {mark}", "--meta", "page:=3", "--embed", "remote", "--json"
    ).json
    assert there == here | {"duplicate": True}
    for embed in ("local", "remote"):
        assert (
            "0 stored, 1 there before" in at_node.ok("ingest", "--file", file, "--embed", embed).out
        )


def test_a_node_that_stored_something_else_ends_the_command(
    shell: Shell, liar: str, tmp_path: Path
) -> None:
    file = tmp_path / "corpus.jsonl"
    file.write_text(json.dumps({"text": OAK}) + "\n")
    for arguments in (["ingest", OAK], ["ingest", "--file", file]):
        ran = shell(*arguments, "--embed", "local", "--url", liar)
        assert (ran.code, ran.out) == (1, "")
        assert OTHER in ran.err
        assert "Do not trust it" in ran.err
    ran = shell("ingest", OAK, "--embed", "local", "--url", liar, "--json")
    assert ran.json["code"] == "cid_mismatch"


def test_verify_says_what_the_embedding_is(at_node: Shell, mark: str, miner: RunningMiner) -> None:
    text = f"{OAK} {mark}"
    cid = at_node.ok("ingest", text).out.strip()
    best = "bit for bit" if exact_here() else "rounding"
    assert best in at_node.ok("verify", cid).out
    assert "no model here" in at_node.ok("verify", cid, "--embed", "remote").out
    with EngramClient(miner.url, embed="remote") as node:
        swapped = node.ingest_embedding([0.5] * 384, {"text": text}).cid
    ran = at_node("verify", swapped)
    assert ran.code == 1
    assert "fail    the embedding is not that of the text" in ran.out
    assert "ok      the bytes hash to this CID" in ran.out


def test_verify_says_if_the_cid_does_not_cover_the_text(
    at_node: Shell, mark: str, miner: RunningMiner
) -> None:
    bare = httpx.post(f"{miner.url}/IngestSynapse", json={"text": f"{OAK} {mark}"}).json()
    ran = at_node.ok("verify", bare["cid"])
    assert "kept beside the record; the CID does not cover it" in ran.out
    with EngramClient(miner.url) as node:
        no_text = node.ingest_embedding([0.25] * 384, {"mark": mark}).cid
    assert "beside" not in at_node.ok("verify", no_text).out


@pytest.mark.parametrize(
    "command", [["list"], ["status"], ["get", "CID"], ["query", "x", "--embed", "remote"]], ids=str
)
def test_no_model_is_loaded_where_nothing_is_embedded(
    miner: RunningMiner, command: list[str]
) -> None:
    with EngramClient(miner.url, embed="remote") as node:
        cid = node.ingest(OAK).cid
    arguments = [cid if one == "CID" else one for one in command]
    loaded = loaded_by(*arguments, "--url", miner.url)
    assert "httpx" in loaded
    assert not {"engram.embedding.exact", "onnxruntime", "engram.embedding.opening"} & loaded


def test_a_choice_that_is_none_is_wrong_usage(shell: Shell) -> None:
    ran = shell("query", "x", "--embed", "here")
    assert ran.code == 2
    assert "remote" in ran.err


def test_a_wrong_embedder_in_the_environment_is_named(
    at_node: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGRAM_EMBEDDER", "magic")
    ran = at_node("query", "x")
    assert (ran.code, ran.out) == (2, "")
    assert "ENGRAM_EMBEDDER" in ran.err
