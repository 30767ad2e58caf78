"""auto, local and remote, on machines with and without an exact embedder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engram.config import EmbedderSettings
from engram.embedding.interface import Embedder
from engram.errors import CoreMissing, ModelMismatch, ModelMissing, SelfTestFailed
from engram.sdk import own_embedder
from engram.sdk.local import LocalClient
from engram.sdk.own_embedder import OwnEmbedder, shared_embedder
from tests.miner.hash_embedder import HashEmbedder

EXACT, INEXACT = HashEmbedder(exact=True), HashEmbedder(exact=False)
Machine = Callable[..., list[str]]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with these embedders; what is asked of it is kept in the list."""
    monkeypatch.setattr(own_embedder, "_OPENED", {})
    monkeypatch.delenv("ENGRAM_EMBEDDER", raising=False)

    def make(*, exact: Embedder | Exception, onnx: Embedder | Exception = INEXACT) -> list[str]:
        asked: list[str] = []

        def opener(settings: EmbedderSettings) -> Embedder:
            asked.append(settings.embedder)
            found = onnx if settings.embedder == "onnx" else exact
            if settings.embedder == "auto" and isinstance(exact, CoreMissing | SelfTestFailed):
                found = onnx
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr("engram.embedding.open_embedder", opener)
        return asked

    return make


def test_auto_is_this_machine_where_the_exact_embedder_runs(machine: Machine) -> None:
    asked = machine(exact=EXACT)
    own = OwnEmbedder("auto")
    assert own.for_sending() is own.for_checking() is EXACT
    assert asked == ["exact"]


@pytest.mark.parametrize("missing", [CoreMissing("none"), ModelMissing("none")])
def test_auto_is_the_node_where_none_is_installed(
    machine: Machine, caplog: pytest.LogCaptureFixture, missing: Exception
) -> None:
    asked = machine(exact=missing)
    own = OwnEmbedder("auto")
    assert own.for_sending() is None
    assert own.for_sending() is None
    assert asked == ["exact"], "it is looked for once, and onnxruntime is not loaded to find out"
    assert not caplog.records


@pytest.mark.parametrize("broken", [SelfTestFailed("other bits"), ModelMismatch("other file")])
def test_auto_is_the_node_where_it_is_broken_and_that_is_said(
    machine: Machine, caplog: pytest.LogCaptureFixture, broken: Exception
) -> None:
    machine(exact=broken)
    with caplog.at_level(logging.WARNING):
        assert OwnEmbedder("auto").for_sending() is None
    assert str(broken) in caplog.text


def test_auto_is_the_node_where_the_settings_ask_for_onnxruntime(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = machine(exact=EXACT)
    monkeypatch.setenv("ENGRAM_EMBEDDER", "onnx")
    own = OwnEmbedder("auto")
    assert own.for_sending() is None
    assert asked == []
    assert own.for_checking() is INEXACT


def test_local_takes_what_there_is(machine: Machine) -> None:
    machine(exact=CoreMissing("none"))
    assert OwnEmbedder("local").for_sending() is INEXACT


def test_local_without_a_model_says_how_to_get_one(machine: Machine) -> None:
    machine(exact=ModelMissing("engram model install"), onnx=ModelMissing("engram model install"))
    with pytest.raises(ModelMissing, match="engram model install"):
        OwnEmbedder("local").for_sending()
    assert OwnEmbedder("local").for_checking() is None


def test_remote_loads_nothing(machine: Machine) -> None:
    asked = machine(exact=EXACT)
    own = OwnEmbedder("remote")
    assert own.for_sending() is own.for_checking() is None
    assert asked == []


@pytest.mark.parametrize(
    ("order", "exact"),
    [
        (["auto", "exact", "auto"], True),
        (["exact", "auto"], True),
        (["auto", "onnx", "auto"], False),
        (["onnx", "auto", "onnx"], False),
    ],
)
def test_one_set_of_weights_for_the_whole_process(
    monkeypatch: pytest.MonkeyPatch, order: list[str], exact: bool
) -> None:
    """Whatever is asked for first, auto and the name of what it came to are one embedder."""
    monkeypatch.setattr(own_embedder, "_OPENED", {})
    monkeypatch.setattr("engram.embedding.open_embedder", lambda _: HashEmbedder(exact=exact))
    named = [EmbedderSettings.model_validate({"embedder": name}) for name in order]
    assert len({id(shared_embedder(settings)) for settings in named}) == 1


def test_first_texts_that_come_together_load_it_once(machine: Machine, tmp_path: Path) -> None:
    asked = machine(exact=EXACT)
    with ThreadPoolExecutor(8) as threads:
        found = [*threads.map(lambda _: OwnEmbedder("auto").for_sending(), range(32))]
    assert {*map(id, found)} == {id(EXACT)}
    folder = LocalClient(tmp_path / "m", embedder=EmbedderSettings(embedder="exact"))
    folder.ingest("oak")
    folder.close()
    assert asked == ["exact"], "a folder and all clients have one embedder"
