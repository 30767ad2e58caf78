"""How an error is told: one sentence in red, or its JSON object; never a traceback."""

from __future__ import annotations

import json

import typer

from engram.errors import EngramError, InvalidInput

WRONG_PATH = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)


def report(error: EngramError | OSError, *, as_json: bool) -> int:
    """Tell the error; the exit code that it deserves.

    With ``as_json`` the object goes to stdout, where its reader expects the reply.
    """
    if isinstance(error, OSError):
        kind = InvalidInput if isinstance(error, WRONG_PATH) else EngramError
        error = kind(sentence_of(error))
    if as_json:
        body = {"error": error.message, "code": error.code, **error.details}
        typer.echo(json.dumps(body, ensure_ascii=False))
    else:
        typer.secho(f"Error: {error.message}", fg=typer.colors.RED, err=True)
    return error.exit_code


def sentence_of(error: OSError) -> str:
    """What the system refused, and where."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason
