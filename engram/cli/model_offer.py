"""The first command that needs the model offers to install it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import typer

from engram.cli import terminal
from engram.errors import ModelMissing

T = TypeVar("T")


def with_model(work: Callable[[], T]) -> T:
    """Do the work; if the model is missing and a person is there, offer to install it first."""
    try:
        return work()
    except ModelMissing as error:
        if not terminal.answers():
            raise
        typer.secho(error.message, fg=typer.colors.YELLOW, err=True)
        typer.confirm("Install it now (91 MB)?", default=True, abort=True, err=True)
    from engram.cli.model import install_with_words

    install_with_words()
    return work()
