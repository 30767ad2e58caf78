"""A memory in a folder: what is particular to having the store in one's own process."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from engram import AsyncMemory, Memory
from engram.config import EmbedderSettings, StoreSettings
from engram.core import embedding as vectors
from engram.embedding.interface import Embedded
from engram.errors import InvalidInput, ModelMissing, NotReady, StoreLocked
from engram.sdk.local import LocalClient
from engram.sdk.model import LazyModel
from tests.sdk.exact_machine import exact_here

NO_MODEL = EmbedderSettings(model_dir=Path("/nonexistent"))


def test_records_are_there_after_reopening(tmp_path: Path) -> None:
    with Memory(tmp_path / "m") as memory:
        cid = memory.add("The oak was planted in 1911.").cid
    with Memory(tmp_path / "m") as memory:
        assert memory.get(cid).text == "The oak was planted in 1911."
        assert memory.search("tree")[0].cid == cid


def test_a_program_that_never_closes_its_memory_ends_well_and_loses_nothing(
    tmp_path: Path,
) -> None:
    """It ends while the model computes: a thread of its runtime must not outlive Python."""
    program = (
        "import sys, threading\nfrom engram import EngramError, Memory\n"
        "memory = Memory(sys.argv[1])\n"
        "def search_on():\n"
        "    try:\n"
        "        while memory.search('word ' * 250): pass\n"
        "    except EngramError: pass\n"
        "print(memory.add('The oak was planted in 1911.').cid, flush=True)\n"
        "for _ in range(4): threading.Thread(target=search_on, daemon=True).start()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "m")],
        capture_output=True,
        text=True,
        timeout=120,
        # Asked for, onnxruntime says nothing; as the second best it says so.
        env=os.environ | ({} if exact_here() else {"ENGRAM_EMBEDDER": "onnx"}),
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    with Memory(tmp_path / "m", namespace=None) as memory:
        assert memory.get(ran.stdout.strip()).text == "The oak was planted in 1911."


def test_a_memory_that_nobody_holds_any_more_lets_go_of_its_folder(tmp_path: Path) -> None:
    Memory(tmp_path / "m").add("first")
    assert Memory(tmp_path / "m").stats().vectors == 1


def test_closing_twice_is_closing_once_and_then_nothing_works(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "m")
    memory.close()
    memory.close()
    with pytest.raises(NotReady):
        memory.add("too late")


def test_the_home_folder_may_be_written_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with Memory("~/m") as memory:
        assert repr(memory) == "Memory('~/m', namespace='default')"
    assert (tmp_path / "m").is_dir()


def test_a_folder_that_is_open_elsewhere_says_where(tmp_path: Path) -> None:
    with Memory(tmp_path / "m"), pytest.raises(StoreLocked, match=r"process \d+"):
        Memory(tmp_path / "m")


async def test_an_awaited_memory_opens_once_the_folder_is_free(tmp_path: Path) -> None:
    waiting = AsyncMemory(tmp_path / "m")
    with Memory(tmp_path / "m"), pytest.raises(StoreLocked):
        await waiting.stats()
    async with waiting:
        assert (await waiting.stats()).vectors == 0


async def test_an_awaited_memory_that_was_never_used_closes(tmp_path: Path) -> None:
    async with AsyncMemory(tmp_path / "m"):
        pass
    assert not (tmp_path / "m").exists()


async def test_first_calls_that_come_together_open_the_folder_once(tmp_path: Path) -> None:
    async with AsyncMemory(tmp_path / "m") as memory:
        await asyncio.gather(*(memory.add(f"note {n}") for n in range(20)))
        assert (await memory.stats()).vectors == 20


def test_many_threads_share_one_memory(tmp_path: Path) -> None:
    with Memory(tmp_path / "m") as memory, ThreadPoolExecutor(16) as threads:
        added = list(threads.map(lambda n: memory.add(f"note {n}").cid, range(200)))
        assert len(set(added)) == 200
        assert {record.cid for record in memory.list()} == set(added)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({}, "Name one place"),
        ({"path": "./a", "url": "http://127.0.0.1:1"}, "Name one place"),
        ({"path": "http://127.0.0.1:8091"}, 'Memory\\(url="http://127.0.0.1:8091"\\)'),
        ({"url": "127.0.0.1:8091"}, "looks like http://"),
    ],
)
def test_a_memory_has_one_place(arguments: dict[str, str], hint: str) -> None:
    with pytest.raises(InvalidInput, match=hint):
        Memory(**arguments)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=hint):
        AsyncMemory(**arguments)  # type: ignore[arg-type]


def test_without_the_model_everything_works_that_needs_none(tmp_path: Path) -> None:
    local = LocalClient(tmp_path / "m", embedder=NO_MODEL)
    with pytest.raises(ModelMissing, match="engram model install"):
        local.ingest("a text")
    with pytest.raises(ModelMissing, match="engram model install"):
        local.query("a text")
    metadata = {"text": "known"}
    local.ingest_many([{"raw_embedding": [0.5] * 384, "metadata": metadata}])
    assert local.page().records[0].text == "known"
    verdict = local.verify(local.page().records[0].cid)
    assert (verdict.ok, verdict.embedding_of_text) == (True, "unknown")
    assert local.stats().embedder == ""
    local.close()


def test_a_full_tail_makes_a_writer_wait_and_not_fail(tmp_path: Path) -> None:
    """A tail of 8 vectors is full at once; a node would answer 503 here."""
    local = LocalClient(tmp_path / "m", store=StoreSettings(tail_limit=8), embedder=NO_MODEL)
    numbers = np.random.default_rng(7).standard_normal((64, 384)).astype(np.float32)
    stored = [local.ingest_many([{"raw_embedding": row}])[0] for row in numbers]
    assert len({getattr(one, "cid", None) for one in stored} - {None}) == 64
    local.close()


class SlowEmbedder:
    """Embeds nothing until it is let go, so that its queue fills."""

    name = "slow"
    exact = False
    fallback: str | None = "it is slow"
    any_lengths = False
    call_tokens = 512

    def __init__(self) -> None:
        self.go = threading.Event()
        self.vector = vectors.from_numbers([1.0] * 384)

    def embed(self, texts: Sequence[str], threads: int = 1) -> list[Embedded]:
        self.go.wait()
        return [Embedded(self.vector, False) for _ in texts]

    def count_tokens(self, text: str) -> int:
        return 3


def test_more_texts_than_the_queue_holds_wait_their_turn() -> None:
    embedder = SlowEmbedder()
    model = LazyModel(lambda: embedder, threads=1, queue=4)
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(model.embed, [f"text {n}" for n in range(20)]) for _ in range(3)]
        embedder.go.set()
        assert [len(one.result()) for one in waiting] == [20, 20, 20]
    model.close()


def test_a_closed_model_stays_closed() -> None:
    """Or a search that comes while Python ends would start threads that nobody stops."""
    model = LazyModel(SlowEmbedder, threads=1, queue=4)
    model.load()
    before = threading.active_count()
    model.close()
    with pytest.raises(NotReady):
        model.embed(["too late"])
    assert threading.active_count() == before - 1


def test_the_model_is_loaded_once_for_many_threads() -> None:
    loaded: list[SlowEmbedder] = []

    def opener() -> SlowEmbedder:
        loaded.append(SlowEmbedder())
        loaded[-1].go.set()
        return loaded[-1]

    model = LazyModel(opener, threads=1, queue=64)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: model.embed([f"{n}"]), range(8)))
    assert len(loaded) == 1
    model.close()
