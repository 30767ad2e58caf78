"""Whoever is about to store where others read is told so, once."""

from __future__ import annotations

from urllib.parse import urlsplit

from engram.cli import terminal
from engram.cli.options import settings
from engram.cli.output import note
from engram.config import EmbedderSettings
from engram.sdk.transport import LOOPBACK


def tell_that_it_is_public(url: str) -> None:
    """Say it on a terminal, the first time that a node elsewhere is written to."""
    if urlsplit(url).hostname in LOOPBACK or not terminal.reads():
        return
    told = settings(EmbedderSettings).cache_dir / "told-that-it-is-public"
    if told.exists():
        return
    note(
        f"What you store on {url} is public and permanent: anyone may read and copy it, "
        "and nobody can take it back. (Said once.)"
    )
    told.parent.mkdir(parents=True, exist_ok=True)
    told.touch()
