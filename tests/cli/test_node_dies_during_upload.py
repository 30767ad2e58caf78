"""A node that goes away in the middle of a file: the command says where, and how to go on."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from engram.errors import ServerUnreachable
from engram.sdk import EngramClient
from engram.sdk.own_embedder import Choice
from tests.cli.shell import Shell
from tests.sdk.scripted_node import INGESTED


def test_the_line_and_the_way_on_are_named(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise httpx.ReadError("cut off", request=request)
        items = json.loads(request.content)["items"]
        return httpx.Response(200, json={"outcomes": [INGESTED] * len(items)})

    def scripted(url: str | None, embed: Choice) -> EngramClient:
        assert embed == "remote"
        transport = httpx.MockTransport(answer)
        return EngramClient("http://node.test", embed=embed, transport=transport)

    monkeypatch.setattr("engram.cli.ingest.client", scripted)
    file = tmp_path / "corpus.jsonl"
    file.write_text("".join(json.dumps({"text": f"note {n}"}) + "\n" for n in range(1000)))
    ran = shell("ingest", "--file", file, "--embed", "remote")
    assert ran.code == ServerUnreachable.exit_code
    assert "Stopped after line 128. Run the same command again" in ran.err
