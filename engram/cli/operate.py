"""What only the operator of a node may do: delete, undelete, fsck."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engram.cli.operator_channel import on_store, operate
from engram.cli.options import CidArgument, DataDir, Json, data_dir, settings
from engram.cli.output import note, print_json, progress, say
from engram.config import StoreSettings
from engram.core import parse_cid
from engram.errors import StoreCorrupt
from engram.storage import FsckReport
from engram.storage import fsck as check_store

SHOWN = 20  # of each kind of problem; --json has them all


def delete(cid: CidArgument, data_dir_: DataDir = None, json_: Json = False) -> None:
    """Delete a record from your own node, for good.

    Works while the miner runs. The node refuses the record from then on; other nodes may still
    hold it. There is no way to delete over the network.

    \b
    Examples:
      engram delete v1::6ac1…
      engram delete v1::6ac1… --data-dir /var/lib/engram --json
    """
    parse_cid(cid)
    folder = data_dir(data_dir_)
    reply = operate(
        folder,
        "/operator/delete",
        {"cid": cid},
        lambda: {"deleted": on_store(folder, lambda store: store.delete(cid))},
    )
    if json_:
        print_json(reply)
    elif reply["deleted"]:
        say(f"deleted {cid}; `engram undelete` lifts the refusal, not the loss")
    else:
        say(f"{cid} was not held; it is refused from now on")


def undelete(cid: CidArgument, data_dir_: DataDir = None, json_: Json = False) -> None:
    """Lift a deletion, so that the record may be stored again.

    \b
    Examples:
      engram undelete v1::6ac1…
    """
    parse_cid(cid)
    folder = data_dir(data_dir_)
    reply = operate(
        folder,
        "/operator/undelete",
        {"cid": cid},
        lambda: {"undeleted": on_store(folder, lambda store: store.undelete(cid))},
    )
    if json_:
        print_json(reply)
    elif reply["undeleted"]:
        say(f"{cid} may be stored again")
    else:
        say(f"{cid} was not deleted here")


def fsck(
    data_dir_: DataDir = None,
    repair: Annotated[bool, typer.Option(help="put a wrong index and outbox right")] = True,
    json_: Json = False,
) -> None:
    """Check every record, the index and the outbox; repair index and outbox.

    Works while the miner runs. A record whose bytes do not hash to its CID is reported and never
    served. The exit code is 6 if records or the database are damaged.

    \b
    Examples:
      engram fsck
      engram fsck --data-dir /var/lib/engram --no-repair --json
    """
    folder = data_dir(data_dir_)
    report = operate(
        folder, "/operator/fsck", {"repair": repair}, lambda: _check(folder, repair).as_dict()
    )
    if json_:
        print_json(report)
    else:
        _tell(report)
    mendable = report["index"] or report["outbox"]
    if report["damaged"] or report["database"] or (mendable and not report["repaired"]):
        raise typer.Exit(StoreCorrupt.exit_code)


def _check(folder: Path, repair: bool) -> FsckReport:
    with progress() as bar:
        task = bar.add_task("checking", total=None)

        def on_progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        chosen = settings(StoreSettings)
        return check_store(folder, chosen, repair=repair, on_progress=on_progress)


def _tell(report: dict[str, Any]) -> None:
    say(f"{report['records']:,} records and {report['tombstones']:,} deletions checked")
    for cid in report["damaged"][:SHOWN]:
        note(f"damaged, not served: {cid}", style="red")
    for problem in report["database"][:SHOWN]:
        note(f"database: {problem}", style="red")
    for problem in report["index"][:SHOWN]:
        note(f"index: {problem}")
    for problem in report["outbox"][:SHOWN]:
        note(f"outbox: {problem}")
    found = sum(len(report[part]) for part in ("damaged", "database", "index", "outbox"))
    say(f"{found} problems" if found else "everything is as it should be")
    if report["repaired"]:
        say("what was wrong with the index and the outbox has been put right")
    if report["damaged"]:
        note("A damaged record can be had back from another node or a backup: engram import.")
