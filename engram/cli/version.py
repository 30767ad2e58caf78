"""``engram version``."""

from __future__ import annotations

import platform

from engram import __version__
from engram.cli.options import Json
from engram.cli.output import print_json, say
from engram.core import BACKEND
from engram.core.limits import MODEL_VERSION
from engram.protocol import PROTOCOL_VERSION


def version(json_: Json = False) -> None:
    """Show the versions of what is installed.

    \b
    Examples:
      engram version
      engram version --json
    """
    body = {
        "version": __version__,
        "protocol_version": PROTOCOL_VERSION,
        "model_version": MODEL_VERSION,
        "core": BACKEND,
        "python": platform.python_version(),
    }
    if json_:
        print_json(body)
        return
    for name, value in body.items():
        say(f"{name.replace('_', ' '):<18}{value}")
