"""``engram replication``: how many copies of which records a validator has confirmed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from engram.cli.network.table import UNKNOWN, add_row, plain, share
from engram.cli.options import CidArgument, Json
from engram.cli.output import moment, note, print_json, say, show
from engram.cli.validators import ValidatorDir, ValidatorUrl, fetched, url_of

STATES = ("HEALTHY", "DEGRADED", "LOST")

app = typer.Typer(rich_markup_mode="rich", add_completion=False, no_args_is_help=True)


class Status(StrEnum):
    """What --status takes."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    LOST = "lost"


@app.callback()
def replication() -> None:
    """Show how many copies of the records there are, as a validator confirmed them.

    \b
    Examples:
      engram replication status
      engram replication list --status degraded
      engram replication show v1::0d5b6696…
    """


@app.command()
def status(data_dir: ValidatorDir = None, url: ValidatorUrl = None, json_: Json = False) -> None:
    """Show how many records are HEALTHY, DEGRADED and LOST, and what each member holds.

    \b
    Examples:
      engram replication status
      engram replication status --url http://127.0.0.1:8100 --json
    """
    body = fetched(url_of(url, data_dir), "/replication")
    if json_:
        print_json(body)
        return
    counts = plain("records known to the validator")
    for name in ("", "records", *STATES):
        counts.add_column(name, justify="left" if not name else "right")
    add_row(counts, "all", *counted(body))
    add_row(counts, "users'", *counted(body["users"]))
    show(counts)
    if body["possible"]:
        note(f"DEGRADED: {body['possible']}; HEALTHY takes {body['required']} members.")
    members = plain("users' records by member")
    for name in ("UID", "to hold", "confirmed", "share", ""):
        members.add_column(name, justify="right")
    for one in body["members"]:
        told = "suspended" if one["suspended"] else ""
        numbers = (f"{one['to_hold']:,}", f"{one['confirmed']:,}", share(one["share"]))
        add_row(members, str(one["uid"]), *numbers, told)
    show(members)


@app.command("list")
def list_(
    wanted: Annotated[
        Status | None, typer.Option("--status", help="only records in this state")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="records of one page")] = 100,
    cursor: Annotated[
        str | None, typer.Option(help="where the page before ended, as it says")
    ] = None,
    data_dir: ValidatorDir = None,
    url: ValidatorUrl = None,
    json_: Json = False,
) -> None:
    """List users' records with their state, who confirmed them and who is missing.

    \b
    Examples:
      engram replication list
      engram replication list --status lost --limit 20
      engram replication list --status degraded --json
    """
    query: dict[str, str | int] = {"limit": limit}
    query |= {"status": wanted.value} if wanted else {}
    query |= {"cursor": cursor} if cursor else {}
    body = fetched(url_of(url, data_dir), "/replication/records", query)
    if json_:
        print_json(body)
        return
    records = plain("users' records")
    for name in ("CID", "state", "UIDs that confirmed", "missing", "last proved"):
        records.add_column(name, no_wrap=True)
    for one in body["records"]:
        where = (numbers_of(one["confirmed"]), numbers_of(one["missing"]))
        add_row(records, one["cid"], one["detail"], *where, when(one["last_proved"]))
    show(records)
    if body["cursor"]:
        note(f"There are more: --cursor {body['cursor']}")


@app.command("show")
def show_(
    cid: CidArgument,
    data_dir: ValidatorDir = None,
    url: ValidatorUrl = None,
    json_: Json = False,
) -> None:
    """Show one record's copies: each holder, its latest evidence, and when it was last proved.

    \b
    Examples:
      engram replication show v1::0d5b6696f4d89162bd2df5e7b08c5be745aa410172741b625ced3644cc4314c5
    """
    body = fetched(url_of(url, data_dir), f"/replication/{cid}")
    if json_:
        print_json(body)
        return
    say(body["cid"], style="bold")
    say(f"  {body['detail']}, last proved {when(body['last_proved'])}")
    if body["repair_asked_at"] is not None:
        say(f"  its holders were asked to repair it {when(body['repair_asked_at'])}")
    holders = plain("holders")
    for name in ("UID", "holds it", "evidence", "of", "hotkey", ""):
        holders.add_column(name, no_wrap=True)
    for one in body["holders"]:
        add_row(
            holders,
            str(one["uid"]),
            {True: "yes", False: "NO", None: UNKNOWN}[one["held"]],
            one["evidence"] or UNKNOWN,
            when(one["at"]),
            one["hotkey"],
            "suspended" if one["suspended"] else "",
        )
    show(holders)


def counted(body: dict[str, Any]) -> list[str]:
    """The cells of a row of counts."""
    parts = [f"{body[name]:,} ({share(body['shares'][name])})" for name in STATES]
    return [f"{body['records']:,}", *parts]


def numbers_of(uids: list[int]) -> str:
    return " ".join(map(str, uids)) or UNKNOWN


def when(unix_seconds: float | None) -> str:
    return UNKNOWN if unix_seconds is None else moment(unix_seconds)
