"""Records out and in: export, import, backup, restore."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.progress import Progress

from engram.cli.model_offer import with_model
from engram.cli.operator_channel import on_store
from engram.cli.options import DataDir, Json, data_dir, settings
from engram.cli.output import note, print_json, progress, say
from engram.config import EmbedderSettings
from engram.errors import InvalidInput, StoreCorrupt, StoreLocked
from engram.sdk.model import LazyModel
from engram.sdk.own_embedder import shared_embedder
from engram.storage import (
    EmbeddedStore,
    ImportReport,
    describe_holder,
    export_records,
    import_records,
    open_store,
)
from engram.storage import backup as copy_store
from engram.storage import restore as restore_store

SHOWN = 20  # refused lines; --json has them all

Format = Annotated[
    Literal["jsonl", "parquet"] | None,
    typer.Option("--format", help="default: what the file's suffix says"),
]


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="file to write, .jsonl or .parquet")],
    data_dir_: DataDir = None,
    file_format: Format = None,
    json_: Json = False,
) -> None:
    """Write all records to a JSONL or Parquet file.

    Works while the miner runs. The file has everything: embeddings, metadata, texts, CIDs.

    \b
    Examples:
      engram export records.jsonl
      engram export records.parquet --data-dir /var/lib/engram
    """
    store = open_store(data_dir(data_dir_), read_only=True)
    try:
        with progress() as bar:
            task = bar.add_task("exporting", total=store.count())
            report = export_records(
                store, file, file_format, lambda done: bar.update(task, completed=done)
            )
    finally:
        store.close()
    if json_:
        print_json(asdict(report))
    else:
        say(f"{report.records:,} records written to {file}")
        for cid in report.damaged[:SHOWN]:
            note(f"damaged, left out: {cid}", style="red")
    if report.damaged:
        raise typer.Exit(StoreCorrupt.exit_code)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="file to read, .jsonl or .parquet")],
    data_dir_: DataDir = None,
    file_format: Format = None,
    json_: Json = False,
) -> None:
    """Read records from a JSONL or Parquet file.

    Reads what `engram export` wrote, and lines with "text" or "raw_embedding" and "metadata".
    Every CID is computed again. Records that are there already stay as they are. For a miner
    that runs, use `engram ingest --file`.

    \b
    Examples:
      engram import records.jsonl
      engram import records.parquet --data-dir ./records
    """
    folder = data_dir(data_dir_)
    _require_free(folder, file)
    report = with_model(lambda: on_store(folder, lambda store: _import(store, file, file_format)))
    if json_:
        print_json(_import_body(report))
    else:
        for line, reason in report.refused[:SHOWN]:
            note(f"line {line}: {reason}", style="red")
        if len(report.refused) > SHOWN:
            note(f"… and {len(report.refused) - SHOWN} more", style="red")
        say(
            f"{report.stored} stored, {report.duplicates} there before, "
            f"{len(report.refused)} refused"
        )
    if report.refused:
        raise typer.Exit(InvalidInput.exit_code)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="file to write")],
    data_dir_: DataDir = None,
    json_: Json = False,
) -> None:
    """Copy a data directory, also while its miner runs.

    One file with every record and deletion of one moment. The index is left out: it is built
    again from the records.

    \b
    Examples:
      engram backup engram-backup.sqlite3
      engram backup /mnt/safe/engram.sqlite3 --data-dir /var/lib/engram
    """
    with progress() as bar:
        bar.add_task("copying", total=None)
        records = copy_store(data_dir(data_dir_), file)
    if json_:
        print_json({"records": records, "file": str(file)})
    else:
        say(f"{records:,} records copied to {file}")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a file from `engram backup`")],
    data_dir_: DataDir = None,
    json_: Json = False,
) -> None:
    """Make a data directory from a backup.

    The directory must be new or empty. Every CID is checked first.

    \b
    Examples:
      engram restore engram-backup.sqlite3 --data-dir ./records
    """
    folder = data_dir(data_dir_)
    with progress() as bar:
        bar.add_task("checking and copying", total=None)
        records = restore_store(file, folder)
    if json_:
        print_json({"records": records, "data_dir": str(folder)})
    else:
        say(f"{records:,} records restored to {folder}")


def _import(store: EmbeddedStore, file: Path, file_format: Any) -> ImportReport:
    chosen = settings(EmbedderSettings)
    model = LazyModel(
        lambda: shared_embedder(chosen), threads=chosen.embed_threads, queue=chosen.embed_queue
    )
    try:
        with progress() as bar:
            return import_records(
                store,
                file,
                file_format,
                embed=lambda texts: [one.vector for one in model.embed(texts)],
                on_progress=_counter(bar),
            )
    finally:
        model.close()


def _counter(bar: Progress) -> Any:
    task = bar.add_task("importing", total=None)
    return lambda done: bar.update(task, completed=done)


def _import_body(report: ImportReport) -> dict[str, Any]:
    refused = [{"line": line, "error": reason} for line, reason in report.refused]
    return {"stored": report.stored, "duplicates": report.duplicates, "refused": refused}


def _require_free(folder: Path, file: Path) -> None:
    """Raise StoreLocked if a miner has the folder, saying how to give it the file instead."""
    holder = describe_holder(folder)
    if holder is not None and holder.url:
        raise StoreLocked(
            f"A miner (process {holder.pid}) has {folder} open. Stop it first, or send it the "
            f"file: engram ingest --file {file} --url {holder.url}"
        )
