"""Reading from a network or a node: query, get, list."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

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
from engram.cli.target import Chain, Netuid, Target, network_of
from engram.errors import InvalidInput
from engram.sdk import Record, Results, wire
from engram.sdk.own_embedder import Choice
from engram.sdk.wire import parsed


def query(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="what to look for")],
    top_k: Annotated[int, typer.Option(min=1, max=100, help="how many results")] = 10,
    where: WhereText = None,
    namespace: Namespace = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="fetch and check each record; name who lied")
    ] = False,
    embed: EmbedBy = "auto",
    url: Url = None,
    chain: Chain = None,
    netuid: Netuid = None,
    json_: Json = False,
) -> None:
    """Find the records nearest in meaning to a text.

    With a chain, or beside `engram up`, all miners are searched: the answer says who did not
    reply, what part of the network may be missing, and which hits no second holder confirms.

    \b
    Examples:
      engram query "how do plants make their food?"
      engram query "oak trees" --top-k 5 --where '{"page": {"$gte": 3}}'
      engram query "oak trees" --chain finney --netuid 42 --verify
      engram query "oak trees" --url http://203.0.113.7:8091 --embed remote --json
    """
    clause = parse_where(where, namespace)
    if (target := network_of(url, chain, netuid)) is not None:
        from engram.cli import across

        with target.open(embed) as network:
            found = network.query(text, top_k, clause, verify=verify)
        if json_:
            print_json(across.results_body(found))
        else:
            across.tell_results(found)
        return
    if verify:
        raise InvalidInput("--verify compares holders, so it needs a network: --chain, not --url.")
    _query_node(wire.query(text, top_k, clause), url, embed, json_=json_)


def _query_node(call: wire.Call[Results], url: str | None, embed: Choice, *, json_: bool) -> None:
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


def get(
    cid: CidArgument,
    url: Url = None,
    chain: Chain = None,
    netuid: Netuid = None,
    json_: Json = False,
) -> None:
    """Show one record.

    Of a network, it comes from whichever holder gives the bytes that hash to the CID.

    \b
    Examples:
      engram get v1::6ac1…
      engram get v1::6ac1… --url http://203.0.113.7:8091 --json
    """
    if (target := network_of(url, chain, netuid)) is not None:
        _get_of_network(target, cid, json_=json_)
        return
    call = wire.get(cid)
    with client(url) as node:
        body = node.body(call)
    if json_:
        print_json(body)
        return
    _tell_record(parsed(call, body))


def _get_of_network(target: Target, cid: str, *, json_: bool) -> None:
    with target.open() as network:
        record = network.get(cid)
    if json_:
        print_json(asdict(record))
    else:
        _tell_record(record)


def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="records on the page")] = 20,
    cursor: Annotated[str | None, typer.Option(help="where the last page ended")] = None,
    where: WhereText = None,
    namespace: Namespace = None,
    url: Url = None,
    chain: Chain = None,
    netuid: Netuid = None,
    json_: Json = False,
) -> None:
    """List records: of a node in order of arrival, of a network each once.

    \b
    Examples:
      engram list
      engram list --limit 100 --where '{"source": "arxiv"}'
      engram list --json
    """
    clause = parse_where(where, namespace)
    if (target := network_of(url, chain, netuid)) is not None:
        from engram.cli import across

        with target.open() as network:
            found = network.page(limit, cursor, clause)
        if json_:
            print_json(across.page_body(found))
        else:
            across.tell_page(found)
        return
    call = wire.page(limit, cursor, clause)
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


def _tell_record(record: Record) -> None:
    if record.text is not None:
        say(record.text, style="bold")
    metadata = {key: value for key, value in record.metadata.items() if key != "text"}
    say(json.dumps(metadata, ensure_ascii=False, indent=2))
    say(f"stored {moment(record.stored_at)}, model {record.model_version}", style="dim")
