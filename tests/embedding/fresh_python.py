"""A program in a Python of its own, where modules can be missing and variables set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
REPORT = """
import json, logging, sys
logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
from engram.config import EmbedderSettings
from engram.embedding import open_embedder
from engram.errors import EngramError

try:
    embedder = open_embedder(EmbedderSettings())
    embedder.embed(["a harbour"])
    told = {"name": embedder.name, "exact": embedder.exact, "fallback": embedder.fallback}
except EngramError as error:
    told = {"code": error.code, "message": error.message}
print(json.dumps(told | {"modules": sorted(sys.modules)}))
"""
WITHOUT_CORE = "import sys; sys.modules['engram_core'] = None\n"


def opened_in_a_fresh_python(first: str = "", **variables: str) -> tuple[dict[str, Any], str]:
    """What open_embedder gave there, and what it logged. ``first``: code to run before."""
    private = ("ENGRAM_CORE", "ENGRAM_EMBEDDER")
    env = {name: value for name, value in os.environ.items() if name not in private}
    ran = subprocess.run(
        [sys.executable, "-c", first + REPORT],
        cwd=ROOT,
        env=env | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(ran.stdout), ran.stderr
