"""Where records are in the network, as one node sees it: ``engram route`` and ``engram peers``."""

from __future__ import annotations

from engram.cli.network.table import add_row, plain
from engram.cli.options import CidArgument, Json, Url, client
from engram.cli.output import print_json, say, show
from engram.protocol import PeersReply, RouteReply
from engram.sdk import wire
from engram.sdk.wire import parsed

DIGITS = 8  # of 64: two members that share them are one chance in a hundred thousand
ALONE = "The node is on no chain, so it has no peers and keeps every record itself."


def route(cid: CidArgument, url: Url = None, json_: Json = False) -> None:
    """Show which miners are to hold a record, and who answers.

    The nearest first, as one node sees it. Any node can be asked, also one that does not hold
    the record; a stand-in takes the place of a holder that has been silent for long.

    \b
    Examples:
      engram route v1::6ac1…
      engram route v1::6ac1… --url http://203.0.113.7:8091 --json
    """
    call = wire.route(cid)
    with client(url) as node:
        body = node.body(call)
    if json_:
        print_json(body)
    else:
        _tell_route(parsed(call, body))


def peers(url: Url = None, json_: Json = False) -> None:
    """Show the members of the network, as one node sees them.

    "waiting" counts the records in that node's outbox for the member.

    \b
    Examples:
      engram peers
      engram peers --url http://203.0.113.7:8091 --json
    """
    call = wire.peers()
    with client(url) as node:
        body = node.body(call)
    if json_:
        print_json(body)
    else:
        _tell_peers(parsed(call, body))


def _tell_route(reply: RouteReply) -> None:
    if reply.placement is None:
        say(ALONE)
    else:
        made = plain(f"placement block {reply.placement}")
        for name in ("role", "uid", "address", "distance", "answers", "hotkey"):
            made.add_column(name, no_wrap=True)
        for one in reply.holders:
            distance = f"{one.distance[:DIGITS]}…"
            answers = _yes(one.reachable)
            add_row(made, one.role, str(one.uid), _address(one.url), distance, answers, one.hotkey)
        show(made)
    say("The node that was asked holds it." if reply.held else "The node that was asked does not.")


def _tell_peers(reply: PeersReply) -> None:
    if reply.placement is None:
        say(ALONE)
        return
    made = plain(f"placement block {reply.placement}")
    for name in ("uid", "address", "answers", "waiting", "registered", "hotkey"):
        made.add_column(name, no_wrap=True)
    for one in reply.members:
        silent = "" if one.silent_s is None else f", for {one.silent_s:,.0f} s"
        answers = "asked" if one.itself else _yes(one.reachable) + silent
        cells = (str(one.uid), _address(one.url), answers, f"{one.waiting:,}")
        add_row(made, *cells, f"block {one.registered_at}", one.hotkey)
    show(made)


def _address(url: str) -> str:
    return url.removeprefix("http://")


def _yes(reachable: bool) -> str:
    return "yes" if reachable else "no"
