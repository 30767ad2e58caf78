"""doctor looks at this machine and says the way out; model and its offer."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engram.cli import checks, model_offer, notice, terminal
from engram.config import EmbedderSettings
from engram.errors import ModelMissing
from tests.cli.shell import Ran, Shell
from tests.embedding.broken_core import SENTENCE, break_self_test
from tests.embedding.conftest import WITHOUT_RUST
from tests.sdk.miner_process import RunningMiner


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A port on which something listens that is no node."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server.getsockname()[1]


def states(ran: Ran) -> dict[str, str]:
    return {check["name"]: check["state"] for check in ran.json["checks"]}


def test_a_healthy_machine(shell: Shell, folder: Path) -> None:
    ran = shell.ok("doctor", "--data-dir", folder, "--json")
    assert ran.json["ok"] is True
    assert list(states(ran)) == [
        "versions",
        "core",
        "sqlite",
        "index",
        "model",
        "embedder",
        "folder",
        "space",
        "port",
    ]
    assert not folder.exists()  # looking changes nothing
    told = shell.ok("doctor", "--data-dir", folder).out
    assert told.startswith("ok    versions   engram ")


def test_a_warning_or_failure_says_the_way_out(
    shell: Shell, folder: Path, tmp_path: Path, busy_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGRAM_MODEL_DIR", str(tmp_path))
    monkeypatch.setattr(checks, "BACKEND", "python")
    monkeypatch.setattr(checks, "LITTLE_SPACE", 10**18)
    monkeypatch.setattr(checks, "PROBE_TIMEOUT_S", 0.05)
    ran = shell("doctor", "--data-dir", folder, "--port", busy_port, "--json")
    assert (ran.code, ran.json["ok"]) == (1, False)
    bad = {check["name"]: check for check in ran.json["checks"] if check["state"] != "ok"}
    assert {name: check["state"] for name, check in bad.items()} == {
        "core": "warn",
        "model": "fail",
        "space": "warn",
        "port": "warn",
    }
    assert all(check["remedy"] for check in bad.values())
    assert "engram model install" in bad["model"]["remedy"]


def test_a_folder_that_cannot_be_made_fails(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = shell("doctor", "--data-dir", tmp_path / "file" / "records", "--json")
    assert (ran.code, states(ran)["folder"]) == (1, "fail")


def test_a_running_node_is_recognised(at_node: Shell, miner: RunningMiner) -> None:
    port = miner.url.rpartition(":")[2]
    ran = at_node.ok("doctor", "--port", port, "--json")
    details = {check["name"]: check["detail"] for check in ran.json["checks"]}
    assert details["port"] == f"a node answers on {miner.url}"
    assert f"process {miner.pid}" in details["folder"]


def test_model_status(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(shell.ok("model", "status", "--json").json) == {"weights", "tokenizer", "sha256"}
    assert "sha-256" in shell.ok("model", "status").out.lower()
    assert "installed" in shell.ok("model", "install").out  # it is there: nothing happens
    monkeypatch.setenv("ENGRAM_MODEL_DIR", str(tmp_path))
    ran = shell("model", "status")
    assert ran.code == 7
    assert "engram model install" in ran.err


def embedder_line(shell: Shell, folder: Path) -> tuple[str, str, str]:
    ran = shell.ok("doctor", "--data-dir", folder, "--json")
    [line] = [check for check in ran.json["checks"] if check["name"] == "embedder"]
    return line["state"], line["detail"], line["remedy"]


@WITHOUT_RUST
def test_the_exact_embedder_is_well(shell: Shell, folder: Path) -> None:
    state, detail, remedy = embedder_line(shell, folder)
    assert (state, remedy) == ("ok", "")
    assert re.match(
        r"engram-core \S+ \((avx512|avx2|neon|portable)\), 384 dimensions, exact", detail
    )


def test_an_inexact_embedder_is_a_warning_with_reason_and_remedy(
    shell: Shell, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGRAM_EMBEDDER", "onnx")
    state, detail, remedy = embedder_line(shell, folder)
    assert state == "warn"
    assert "onnxruntime" in detail
    assert "not exact" in detail
    assert "ENGRAM_EMBEDDER=onnx" in remedy


@WITHOUT_RUST
def test_a_failed_self_test_is_said(
    shell: Shell, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_self_test(monkeypatch)
    state, detail, remedy = embedder_line(shell, folder)
    assert (state, "onnxruntime" in detail) == ("warn", True)
    assert SENTENCE in remedy
    monkeypatch.setenv("ENGRAM_EMBEDDER", "exact")
    ran = shell("doctor", "--data-dir", folder, "--json")
    failed = [check for check in ran.json["checks"] if check["state"] == "fail"]
    assert (ran.code, [check["name"] for check in failed]) == (1, ["embedder"])
    assert SENTENCE in failed[0]["detail"]
    assert "ENGRAM_EMBEDDER=auto" in failed[0]["remedy"]


class Needy:
    """Work that needs a model which is not there at first."""

    def __init__(self) -> None:
        self.tries = 0
        self.installed = False

    def __call__(self) -> str:
        self.tries += 1
        if not self.installed:
            raise ModelMissing("Run `engram model install`.")
        return "done"

    def install(self) -> None:
        self.installed = True


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Somebody sits at the terminal."""
    monkeypatch.setattr(terminal, "reads", lambda: True)
    monkeypatch.setattr(terminal, "answers", lambda: True)
    return monkeypatch


def test_the_first_command_that_needs_the_model_offers_to_install_it(
    person: pytest.MonkeyPatch,
) -> None:
    work = Needy()
    person.setattr("engram.cli.model.install_with_words", work.install)
    person.setattr("typer.confirm", lambda *_, **__: True)
    assert model_offer.with_model(work) == "done"
    assert work.tries == 2


def test_nobody_is_asked_where_nobody_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "answers", lambda: False)
    work = Needy()
    with pytest.raises(ModelMissing, match="engram model install"):
        model_offer.with_model(work)
    assert work.tries == 1


def test_that_storing_is_public_is_said_once_and_only_of_other_machines(
    person: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    person.setenv("ENGRAM_CACHE_DIR", str(tmp_path / "cache"))
    assert EmbedderSettings().cache_dir == tmp_path / "cache"
    notice.tell_that_it_is_public("http://127.0.0.1:8091")
    assert capsys.readouterr().err == ""
    notice.tell_that_it_is_public("http://203.0.113.7:8091")
    assert "public and permanent" in " ".join(capsys.readouterr().err.split())
    notice.tell_that_it_is_public("http://203.0.113.7:8091")
    assert capsys.readouterr().err == ""
