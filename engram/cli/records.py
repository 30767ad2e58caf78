"""Reading from a node: query, get, list."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from engram.cli.options import (
    CidArgument,
    EmbedBy,
    Json,
    Namespace,
    Url,
    WhereText,
    client,
    parse_where,
)
from engram.cli.output import moment, print_json, say, snippet
from engram.sdk import Record, wire
from engram.sdk.wire import parsed


def query(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="what to look for")],
    top_k: Annotated[int, typer.Option(min=1, max=100, help="how many results")] = 10,
    where: WhereText = None,
    namespace: Namespace = None,
    embed: EmbedBy = "auto",
    url: Url = None,
    json_: Json = False,
) -> None:
    """Find the records nearest in meaning to a text.

    \b
    Examples:
      engram query "how do plants make their food?"
      engram query "oak trees" --top-k 5 --where '{"page": {"$gte": 3}}'
      engram query "oak trees" --embed remote --json
    """
    call = wire.query(text, top_k, parse_where(where, namespace))
    with client(url, embed) as node:
        body = node.body(call)
    if json_:
        print_json(body)
        return
    results = parsed(call, body)
    for hit in results:
        say(f"{hit.score:.3f}  {hit.cid}", style="bold")
        say(f"       {snippet(hit.text) or json.dumps(hit.metadata, ensure_ascii=False)}")
    found = "1 result" if len(results) == 1 else f"{len(results)} results"
    say(f"{found} in {results.latency_ms:.1f} ms", style="dim")


def get(cid: CidArgument, url: Url = None, json_: Json = False) -> None:
    """Show one record.

    \b
    Examples:
      engram get v1::6ac1…
      engram get v1::6ac1… --json
    """
    call = wire.get(cid)
    with client(url) as node:
        body = node.body(call)
    if json_:
        print_json(body)
        return
    record = parsed(call, body)
    if record.text is not None:
        say(record.text, style="bold")
    say(json.dumps(_without_text(record), ensure_ascii=False, indent=2))
    say(f"stored {moment(record.stored_at)}, model {record.model_version}", style="dim")


def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="records on the page")] = 20,
    cursor: Annotated[str | None, typer.Option(help="where the last page ended")] = None,
    where: WhereText = None,
    namespace: Namespace = None,
    url: Url = None,
    json_: Json = False,
) -> None:
    """List records in order of arrival.

    \b
    Examples:
      engram list
      engram list --limit 100 --where '{"source": "arxiv"}'
      engram list --json
    """
    call = wire.page(limit, cursor, parse_where(where, namespace))
    with client(url) as node:
        body = node.body(call)
    if json_:
        print_json(body)
        return
    page = parsed(call, body)
    for record in page.records:
        say(f"{record.cid}  {moment(record.stored_at)}", style="bold")
        say(f"       {snippet(record.text) or json.dumps(record.metadata, ensure_ascii=False)}")
    if page.cursor is not None:
        say(f"more: engram list --cursor {page.cursor}", style="dim")


def _without_text(record: Record) -> dict[str, Any]:
    return {key: value for key, value in record.metadata.items() if key != "text"}
