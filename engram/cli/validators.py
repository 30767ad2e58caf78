"""Which validator a command means, and asking it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from engram.cli.options import settings
from engram.config import ValidatorSettings
from engram.errors import ServerUnreachable
from engram.sdk.exchange import Answer, error_from
from engram.storage.lock import describe_holder

WITHIN_S = 10.0

ValidatorDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="folder of the state; default: .engram/validator"),
]
ValidatorUrl = Annotated[
    str | None,
    typer.Option("--url", help="validator to ask; default: the one on this folder"),
]


def url_of(url: str | None, data_dir: Path | None) -> str:
    """The URL, or where the validator on the folder serves.

    Raises ServerUnreachable if there is none.
    """
    if url is not None:
        return url.rstrip("/")
    folder = settings(ValidatorSettings, data_dir=data_dir).data_dir
    holder = describe_holder(folder)
    if holder is None or holder.url is None:
        raise ServerUnreachable(f"No validator runs on {folder}; start it, or name --url.")
    return holder.url


def fetched(url: str, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
    """A JSON object from a validator. Raises ServerUnreachable, or the error that it answers."""
    try:
        reply = httpx.get(url + path, params=query, timeout=WITHIN_S, trust_env=False)
        body = reply.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ServerUnreachable(f"{url} does not answer as a validator: {error}") from None
    if reply.is_error:
        raise error_from(Answer(reply.status_code, reply.content))
    if not isinstance(body, dict):
        raise ServerUnreachable(f"{url} does not answer as a validator")
    return body
