"""onnxruntime's packages report their use to their vendor unless they are told not to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
from pathlib import Path
from engram.config import EmbedderSettings
from engram.embedding import open_embedder

settings = EmbedderSettings(embedder="onnx", cache_dir=Path("cache"))
print(len(open_embedder(settings).embed(["a text"])[0].vector))
"""


def test_no_report_is_even_prepared(tmp_path: Path) -> None:
    private = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
    env = {name: value for name, value in os.environ.items() if name not in private}
    env |= {"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.stdout == "384\n", done.stderr
    written = {path.parent.name for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"cache"}
