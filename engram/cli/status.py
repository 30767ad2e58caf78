"""``engram status``."""

from __future__ import annotations

from engram.cli.options import Json, Url, client
from engram.cli.output import megabytes, note, print_json, say
from engram.errors import NotReady
from engram.sdk import EngramClient, Stats, wire
from engram.sdk.wire import parsed


def status(url: Url = None, json_: Json = False) -> None:
    """Show whether a node is up and what it holds.

    The exit code is 5 if it does not answer or is still loading.

    \b
    Examples:
      engram status
      engram status --url http://203.0.113.7:8091
      engram status --json
    """
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
        "chain": f"{stats.chain}, {stats.peers} peers",
        "disk": megabytes(stats.store.get("disk_bytes", 0)),
    }.items():
        say(f"  {name:<10}{value}")
    for path, times in stats.latencies.items():
        say(f"  {path:<18}p50 {times['p50']:.1f} ms   p99 {times['p99']:.1f} ms", style="dim")


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
