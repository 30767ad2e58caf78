"""Whoever is about to store where others read is told so, once."""

from __future__ import annotations

from urllib.parse import urlsplit

from engram.cli import terminal
from engram.cli.options import settings
from engram.cli.output import note
from engram.config import EmbedderSettings
from engram.sdk.transport import LOOPBACK


def tell_that_it_is_public(place: str, *, private: bool = False) -> None:
    """Say it on a terminal, the first time that a node or network elsewhere is written to.

    ``place`` is a URL, or the name of a chain; ``private``: nobody else shares it.
    """
    if private or urlsplit(place).hostname in LOOPBACK or not terminal.reads():
        return
    told = settings(EmbedderSettings).cache_dir / "told-that-it-is-public"
    if told.exists():
        return
    note(
        f"What you store on {place} is public and permanent: anyone may read and copy it, "
        "and nobody can take it back. (Said once.)"
    )
    told.parent.mkdir(parents=True, exist_ok=True)
    told.touch()
