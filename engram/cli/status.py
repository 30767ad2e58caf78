"""``engram status``: of a local network, of one node, or what validators say of a miner."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engram.cli.options import Json, Url, client, settings
from engram.cli.output import megabytes, note, print_json, say
from engram.config import ClientSettings, MinerSettings
from engram.errors import NotReady
from engram.sdk import EngramClient, Stats, wire
from engram.sdk.wire import parsed

DEFAULT_FOLDER = Path(".engram")


def status(
    url: Url = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="folder of `engram up`; default: .engram if it runs")
    ] = None,
    mine: Annotated[bool, typer.Option("--mine", help="what all validators say of it")] = False,
    validator: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="validator to ask with --mine; may be repeated"),
    ] = None,
    json_: Json = False,
) -> None:
    """Show how the local network stands, or one node.

    Without --url it is the network of `engram up`, if one runs here. Of a node the exit code
    is 5 if it does not answer or is still loading.

    \b
    Examples:
      engram status
      engram status --data-dir .engram --json
      engram status --url http://203.0.113.7:8091
      engram status --mine --validator http://203.0.113.9:8100
    """
    folder = data_dir or DEFAULT_FOLDER
    if mine:
        of_mine(url, folder, validator or [], json_=json_)
    elif data_dir is not None or (not names_a_node(url) and runs_in(folder)):
        of_network(folder, json_=json_)
    else:
        of_node(url, json_=json_)


def names_a_node(url: str | None) -> bool:
    """True if an option or the environment says which node is meant."""
    return url is not None or "url" in settings(ClientSettings).model_fields_set


def runs_in(folder: Path) -> bool:
    """True if `engram up` runs a network there."""
    if not (folder / "network.json").exists():
        return False
    from engram.cli.network.layout import Layout  # half a second that a node's status saves

    return Layout(folder).holder() is not None


def of_network(folder: Path, *, json_: bool) -> None:
    from engram.cli.network import showing  # as above

    showing.show_network(folder, json_=json_)


def of_mine(url: str | None, folder: Path, validators: list[str], *, json_: bool) -> None:
    from engram.cli.network import showing  # as above

    with client(url) as node:
        hotkey = node.stats().hotkey
    urls = validators or list(settings(MinerSettings).validators)
    showing.show_mine(hotkey, urls, folder, json_=json_)


def of_node(url: str | None, *, json_: bool) -> None:
    call = wire.stats()
    with client(url) as node:
        body = node.body(call)
        if json_:
            print_json(body)
            return
        say(f"{node.url} answers", style="bold green")
        _tell(parsed(call, body))
        _require_ready(node)


def _tell(stats: Stats) -> None:
    for name, value in {
        "records": f"{stats.vectors:,}",
        "uptime": f"{stats.uptime:,.0f} s",
        "version": f"{stats.version} (core: {stats.core})",
        "embedder": f"{stats.embedder} ({exactness(stats)})",
        "chain": place(stats),
        "network": sharing(stats.replication),
        "disk": megabytes(stats.store.get("disk_bytes", 0)),
    }.items():
        say(f"  {name:<10}{value}")
    for warning in stats.warnings:
        note(f"  {warning}")
    for path, times in stats.latencies.items():
        say(f"  {path:<18}p50 {times['p50']:.1f} ms   p99 {times['p99']:.1f} ms", style="dim")


def place(stats: Stats) -> str:
    """Where the node stands on its chain."""
    if stats.chain_state == "none":
        return f"{stats.chain}, {stats.peers} peers"
    uid = "not registered" if stats.uid is None else f"UID {stats.uid}"
    incentive = "" if stats.incentive is None else f", incentive {stats.incentive:.3f}"
    block = "" if stats.block is None else f", block {stats.block}"
    return f"{stats.chain} ({stats.chain_state}): {uid}{incentive}{block}, {stats.peers} peers"


def sharing(replication: dict[str, Any]) -> str:
    """How far its records have come to other miners."""
    if not replication:
        return "none"
    answering, others = replication["answering"], len(replication["peers"])
    return f"outbox {replication['outbox']:,}, {answering} of {others} peers answer"


def exactness(stats: Stats) -> str:
    """Whether texts get the CIDs that they have everywhere, and why not."""
    if stats.exact:
        return "exact"
    return f"not exact: {stats.embedder_fallback}" if stats.embedder_fallback else "not exact"


def _require_ready(node: EngramClient) -> None:
    try:
        node.ready()
    except NotReady:
        note("It is still loading.")
        raise
    say("  ready", style="green")
