"""Options that several commands share, and how they become settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from engram.config import ClientSettings, MinerSettings, read_settings
from engram.errors import InvalidInput
from engram.sdk import EngramClient
from engram.sdk.own_embedder import Choice
from engram.sdk.scope import Scope

CidArgument = Annotated[str, typer.Argument(metavar="CID", help="v1:: and 64 digits")]
Url = Annotated[
    str | None,
    typer.Option("--url", help="node to talk to; default: ENGRAM_URL, or this machine's"),
]
Json = Annotated[bool, typer.Option("--json", help="print the reply as JSON")]
WhereText = Annotated[
    str | None,
    typer.Option("--where", metavar="JSON", help='filter on metadata: \'{"page": {"$gte": 3}}\''),
]
Namespace = Annotated[
    str | None,
    typer.Option("--namespace", metavar="NAME", help='short for the metadata key "namespace"'),
]
EmbedBy = Annotated[
    Choice,
    typer.Option(
        "--embed", help="who embeds texts; auto: this machine if it is exact here, else the node"
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="folder of the records; default: ENGRAM_DATA_DIR, or .engram/miner"
    ),
]


settings = read_settings


def client(url: str | None, embed: Choice = "auto") -> EngramClient:
    """A client for the node that the options and the environment name."""
    chosen = settings(ClientSettings, url=url)
    return EngramClient(chosen.url, embed=embed, timeout=chosen.timeout_s)


def data_dir(given: Path | None) -> Path:
    """The folder that the options and the environment name."""
    return settings(MinerSettings, data_dir=given).data_dir


def parse_where(text: str | None, namespace: str | None) -> dict[str, Any] | None:
    """The filter in both options. Raises InvalidInput if --where is no JSON object."""
    where = None if text is None else parse_json(text, "--where")
    if text is not None and not isinstance(where, dict):
        raise InvalidInput(f'--where is a JSON object such as {{"page": 3}}, not {text!r}')
    return Scope(namespace, user_id=None).where(where)


def parse_meta(pairs: list[str]) -> dict[str, Any]:
    """Metadata from ``k=v`` (a string) and ``k:=json`` (anything else)."""
    metadata: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.removesuffix(":"):
            raise InvalidInput(f"--meta is key=value or key:=json, not {pair!r}")
        if key.removesuffix(":") in metadata:
            raise InvalidInput(f"--meta names {key.removesuffix(':')!r} twice")
        if key.endswith(":"):
            metadata[key[:-1]] = parse_json(value, f"--meta {key}=")
        else:
            metadata[key] = value
    return metadata


def parse_json(text: str, option: str) -> Any:
    """A JSON value in an option. Raises InvalidInput naming the option."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"{option} is not JSON: {error}") from None
