"""delete, undelete, fsck, export, import, backup, restore: beside a running miner, and without."""

from __future__ import annotations

import json
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest

from engram import Memory
from tests.cli.shell import Shell
from tests.sdk.miner_process import RunningMiner

OAK = "The oak in the yard was planted in 1911."


@pytest.fixture
def filled(folder: Path) -> list[str]:
    """The CIDs of three records in a folder that nothing serves."""
    with Memory(folder) as memory:
        items: list[Any] = [OAK, "Bread needs time.", {"raw_embedding": [0.5] * 384}]
        return [one.cid for one in memory.add_many(items)]


def cids_in(folder: Path) -> list[str]:
    with Memory(folder, namespace=None) as memory:
        return [record.cid for record in memory.list()]


def test_delete_and_undelete_at_a_running_miner(at_node: Shell) -> None:
    text = f"{OAK} {uuid.uuid4().hex}"
    cid = at_node.ok("ingest", text).out.strip()
    assert at_node.ok("delete", cid, "--json").json == {"deleted": True}
    assert at_node("get", cid).code == 4
    assert at_node("ingest", text, "--json").json["code"] == "refused_here"
    assert "was not held" in at_node.ok("delete", cid).out
    assert at_node.ok("undelete", cid, "--json").json == {"undeleted": True}
    assert "was not deleted" in at_node.ok("undelete", cid).out
    assert at_node.ok("ingest", text).out.strip() == cid


def test_delete_and_undelete_without_one(shell: Shell, folder: Path, filled: list[str]) -> None:
    assert "deleted" in shell.ok("delete", filled[0], "--data-dir", folder).out
    assert cids_in(folder) == filled[1:]
    assert shell.ok("undelete", filled[0], "--data-dir", folder, "--json").json["undeleted"]
    with Memory(folder) as memory:
        assert memory.add(OAK).cid == filled[0]


def test_a_process_that_takes_no_orders_is_named(
    shell: Shell, folder: Path, filled: list[str]
) -> None:
    with Memory(folder):
        ran = shell("delete", filled[0], "--data-dir", folder)
    assert ran.code == 6
    assert "takes no orders" in ran.err


def test_fsck_finds_nothing_wrong(
    at_node: Shell, miner: RunningMiner, folder: Path, filled: list[str]
) -> None:
    for place in (miner.data_dir, folder):
        body = at_node.ok("fsck", "--data-dir", place, "--json").json
        assert body["ok"]
        assert "as it should be" in at_node.ok("fsck", "--data-dir", place).out
    assert body["records"] == len(filled)


def test_fsck_reports_damaged_records_and_leaves_them(
    shell: Shell, folder: Path, filled: list[str]
) -> None:
    with sqlite3.connect(folder / "records.sqlite3") as database:
        database.execute("UPDATE records SET embedding = zeroblob(1536) WHERE sequence = 1")
    database.close()
    ran = shell("fsck", "--data-dir", folder, "--json")
    assert (ran.code, ran.json["damaged"], ran.json["ok"]) == (6, [filled[0]], False)
    told = shell("fsck", "--data-dir", folder)
    assert (told.code, f"damaged, not served: {filled[0]}" in told.err) == (6, True)
    exported = shell("export", folder / "out.jsonl", "--data-dir", folder, "--json")
    assert (exported.code, exported.json) == (6, {"records": 2, "damaged": [filled[0]]})


def test_fsck_mends_an_index_that_was_torn(shell: Shell, folder: Path, filled: list[str]) -> None:
    with Memory(folder) as memory:
        memory._backend._store.snapshot()  # type: ignore[attr-defined]
    [index] = [path for path in folder.rglob("*") if path.suffix == ".faiss"]
    index.write_bytes(index.read_bytes()[:100])
    kept = shell("fsck", "--no-repair", "--data-dir", folder, "--json")
    assert (kept.code, kept.json["repaired"], bool(kept.json["index"])) == (6, False, True)
    mended = shell.ok("fsck", "--data-dir", folder)
    assert "put right" in mended.out
    assert shell.ok("fsck", "--data-dir", folder, "--json").json["ok"]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_what_is_exported_can_be_imported(
    shell: Shell, folder: Path, filled: list[str], tmp_path: Path, suffix: str
) -> None:
    file, other = tmp_path / f"all.{suffix}", tmp_path / "other"
    assert "3 records" in shell.ok("export", file, "--data-dir", folder).out
    assert shell.ok("import", file, "--data-dir", other, "--json").json == {
        "stored": 3,
        "duplicates": 0,
        "refused": [],
    }
    assert cids_in(other) == filled
    again = shell.ok("import", file, "--data-dir", other)
    assert again.out == "0 stored, 3 there before, 0 refused\n"


def test_export_beside_a_running_miner(at_node: Shell, tmp_path: Path) -> None:
    cid = at_node.ok("ingest", f"{OAK} {uuid.uuid4().hex}").out.strip()
    body = at_node.ok("export", tmp_path / "all.jsonl", "--json").json
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert len(lines) == body["records"]
    assert cid in {line["cid"] for line in lines}


def test_an_exported_file_can_be_sent_to_a_miner(
    at_node: Shell, folder: Path, filled: list[str], tmp_path: Path
) -> None:
    at_node.ok("export", tmp_path / "all.jsonl", "--data-dir", folder)
    at_node.ok("ingest", "--file", tmp_path / "all.jsonl")
    for cid in filled:
        assert at_node.ok("get", cid, "--json").json["cid"] == cid


def test_import_into_a_running_miners_folder_says_how_to_send_it_instead(
    at_node: Shell, miner: RunningMiner, tmp_path: Path
) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(json.dumps({"text": OAK}))
    ran = at_node("import", file)
    assert ran.code == 6
    assert f"engram ingest --file {file} --url {miner.url}" in ran.err


def test_import_embeds_texts_and_names_bad_lines(
    shell: Shell, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(json.dumps({"text": OAK}) + "\nnonsense\n" + json.dumps({"text": "b"}))
    ran = shell("import", file, "--data-dir", folder)
    assert (ran.code, ran.out) == (2, "2 stored, 0 there before, 1 refused\n")
    assert "line 2: " in ran.err
    with Memory(folder, namespace=None) as memory:
        assert memory.search("how old is the tree?")[0].text == OAK


def test_backup_and_restore(
    at_node: Shell, miner: RunningMiner, tmp_path: Path, folder: Path
) -> None:
    cid = at_node.ok("ingest", f"{OAK} {uuid.uuid4().hex}").out.strip()
    copy = tmp_path / "copy.sqlite3"
    body = at_node.ok("backup", copy, "--data-dir", miner.data_dir, "--json").json
    assert body == {"records": body["records"], "file": str(copy)}
    assert "restored" in at_node.ok("restore", copy, "--data-dir", folder).out
    assert cid in cids_in(folder)
    assert at_node("backup", copy).code == 2  # overwrites nothing
    assert at_node("restore", copy, "--data-dir", folder).code == 2
    copy.write_bytes(copy.read_bytes()[:5000])
    assert at_node("restore", copy, "--data-dir", tmp_path / "torn", "--json").code == 6
