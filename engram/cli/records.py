"""Reading from a node: query, get, verify, list."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from engram.cli.model_offer import installed_embedder
from engram.cli.options import Json, Namespace, Url, WhereText, client, parse_where
from engram.cli.output import moment, print_json, say, snippet
from engram.sdk import Record, Verification, wire
from engram.sdk.wire import parsed

CidArgument = Annotated[str, typer.Argument(metavar="CID", help="v1:: and 64 digits")]


def query(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="what to look for")],
    top_k: Annotated[int, typer.Option(min=1, max=100, help="how many results")] = 10,
    where: WhereText = None,
    namespace: Namespace = None,
    url: Url = None,
    json_: Json = False,
) -> None:
    """Find the records nearest in meaning to a text.

    \b
    Examples:
      engram query "how do plants make their food?"
      engram query "oak trees" --top-k 5 --where '{"page": {"$gte": 3}}'
      engram query "oak trees" --json
    """
    call = wire.query(text, top_k, parse_where(where, namespace))
    with client(url) as node:
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


def verify(cid: CidArgument, url: Url = None, json_: Json = False) -> None:
    """Recompute a record's CID here, without trusting the node.

    Also embeds the text again if the model is installed. The exit code is 1 if anything is not
    as it should be.

    \b
    Examples:
      engram verify v1::6ac1…
      engram verify v1::6ac1… --url http://203.0.113.7:8091 --json
    """
    with client(url) as node:
        verdict = node.verify(cid, embedder=installed_embedder())
    if json_:
        print_json(asdict(verdict) | {"ok": verdict.ok})
    else:
        _tell(verdict)
    if not verdict.ok:
        raise typer.Exit(1)


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


EMBEDDING = {
    "exact": ("ok", "the embedding is that of the text, bit for bit"),
    "near": ("ok", "the embedding is that of the text, within another processor's rounding"),
    "no": ("fail", "the embedding is not that of the text"),
    "unknown": ("unknown", "whether the embedding is that of the text (no text, or no model here)"),
}
METADATA = {
    True: ("ok", "the metadata is what was stored: the CID covers it"),
    False: ("fail", "the metadata is not what was given"),
    None: ("unknown", "whether the metadata is what was stored"),
}
BYTES = {
    True: ("ok", "the bytes hash to this CID"),
    False: ("fail", "the bytes do not hash to this CID: do not trust this record"),
}
STYLES = {"ok": "green", "fail": "red", "unknown": "yellow"}


def _tell(verdict: Verification) -> None:
    for mark, sentence in (
        BYTES[verdict.bytes_match],
        METADATA[verdict.metadata_as_given],
        EMBEDDING[verdict.embedding_of_text],
    ):
        say(f"{mark:<8}{sentence}", style=STYLES[mark])
    if not verdict.text_covered:
        say("note    the text is kept beside the record; the CID does not cover it", style="yellow")
