"""``engram ingest``: one text, or a file of many records."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engram.cli.notice import tell_that_it_is_public
from engram.cli.options import EmbedBy, Json, Namespace, Url, client, parse_meta
from engram.cli.output import note, print_json, progress, say
from engram.cli.target import Chain, Netuid, network_of
from engram.errors import InvalidInput
from engram.sdk import wire
from engram.sdk.wire import parsed

if TYPE_CHECKING:
    from engram.cli.upload import Upload
    from engram.sdk import EngramClient, EngramNetwork, Ingested
    from engram.sdk.results import Replicas

FAILURES_SHOWN = 20
FAILED = 2  # the exit code when lines of a file were refused: bad input


def ingest(
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="the text to store; - reads stdin")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="JSONL", help="file of many records; - reads stdin"),
    ] = None,
    meta: Annotated[
        list[str] | None,
        typer.Option("--meta", metavar="K=V", help="metadata; K:=JSON if it is not a string"),
    ] = None,
    namespace: Namespace = None,
    min_replicas: Annotated[
        int | None,
        typer.Option(
            min=1, max=3, help="fail unless so many miners have it in time; it stays stored"
        ),
    ] = None,
    embed: EmbedBy = "auto",
    url: Url = None,
    chain: Chain = None,
    netuid: Netuid = None,
    json_: Json = False,
) -> None:
    """Store a text, or a file of many records.

    Each line of a file is a JSON object with "text" or "raw_embedding" and, if you like,
    "metadata". Storing a record again changes nothing, so a command that was cut off is
    simply run again. Where the exact embedder is installed this machine embeds, knows each CID
    before it sends, and stops if the node names another. In a network the record then goes
    straight to one of its holders.

    \b
    Examples:
      engram ingest "The oak was planted in 1911" --meta source=diary --meta page:=3
      engram ingest - < note.txt
      engram ingest "worth two copies at once" --min-replicas 2
      engram ingest --file corpus.jsonl
      zcat corpus.jsonl.gz | engram ingest --file - --embed remote
    """
    if (text is None) == (file is None):
        raise InvalidInput("Give a TEXT to store, or --file with a JSONL file.")
    metadata = parse_meta([*(meta or []), *([f"namespace={namespace}"] if namespace else [])])
    if (target := network_of(url, chain, netuid)) is not None:
        tell_that_it_is_public(target.chain, private=not target.is_public)
        with target.open(embed) as network:
            if file is None:
                stored = network.add(_text(text or ""), metadata, min_replicas=min_replicas)
                _tell_stored(stored, asdict(stored) | {"error": None}, json_=json_)
            else:
                _ingest_file(_upload(network, metadata, min_replicas), file, json_)
        return
    with client(url, embed) as node:
        tell_that_it_is_public(node.url)
        if file is None:
            call = wire.ingest(_text(text or ""), metadata, min_replicas=min_replicas)
            _ingest_text(node, call, json_)
        else:
            _ingest_file(_upload(node, metadata, min_replicas), file, json_)


def _text(given: str) -> str:
    return sys.stdin.read() if given == "-" else given


def _ingest_text(node: EngramClient, call: wire.Call[Ingested], json_: bool) -> None:
    body = node.body(call)
    _tell_stored(parsed(call, body), body, json_=json_)


def _upload(
    place: EngramClient | EngramNetwork, metadata: dict[str, Any], min_replicas: int | None
) -> Upload:
    from engram.cli.upload import Upload  # brings the core, which a text does not need

    return Upload(place, metadata, min_replicas)


def _tell_stored(stored: Ingested, body: dict[str, Any], *, json_: bool) -> None:
    if json_:
        print_json(body)
        return
    say(stored.cid)
    if stored.duplicate:
        note("It was there before.")
    if stored.replicas is not None:
        _tell_of_replicas(stored.replicas)
    if stored.truncated:
        note("The text is longer than 256 word pieces: a search sees only its beginning.")
    for warning in stored.warnings:
        note(warning)


def _tell_of_replicas(replicas: Replicas) -> None:
    """Nothing of a node that is alone: it is the one holder."""
    if replicas.required == 1:
        return
    count = f"{replicas.acknowledged} of {replicas.required} replicas"
    if replicas.acknowledged < replicas.required:
        note(f"{count}; the node goes on sending it.")
    else:
        note(count, style="dim")


def _ingest_file(upload: Upload, file: Path, json_: bool) -> None:
    with progress() as bar:
        if str(file) == "-":
            upload.run(sys.stdin.buffer, bar, None)
        else:
            with file.open("rb") as lines:
                upload.run(lines, bar, file.stat().st_size)
    if json_:
        print_json(upload.summary())
    else:
        for failure in upload.failures[:FAILURES_SHOWN]:
            note(f"line {failure['line']}: {failure['error']}", style="red")
        if upload.failed > FAILURES_SHOWN:
            note(f"… and {upload.failed - FAILURES_SHOWN} more", style="red")
        say(f"{upload.stored} stored, {upload.duplicates} there before, {upload.failed} refused")
    if upload.failed:
        raise typer.Exit(FAILED)
