"""Requests made up from the OpenAPI document, valid and invalid, against a live miner.

Each reply must have a documented status, content type and body, never a 5xx; what the schema
forbids must be refused.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from engram.miner.endpoints import ENDPOINTS
from tests.miner.live import LiveMiner

# What the schema allows must be accepted, except where it cannot say what is wrong: a zero
# vector, a time that has passed, somebody else's cursor, an operator that does not exist, a
# signature.
CONFIG = """
hooks = "hooks.py"

[[operations]]
include-name = [
  "POST /QuerySynapse", "POST /ChallengeSynapse", "POST /list",
  "POST /replica", "POST /compare", "POST /repair",
]
checks.positive_data_acceptance.enabled = false

[[operations]]  # 503 too_few_replicas: a node that is alone can give no second copy
include-name = "POST /IngestSynapse"
checks.positive_data_acceptance.enabled = false
checks.not_a_server_error.enabled = false
"""
HOOKS = """
import schemathesis
from hypothesis import strategies as st

schemathesis.openapi.media_type("application/x-engram-records", st.binary())
"""
OPTIONS = [
    "--phases=examples,coverage,fuzzing",
    "--max-examples=60",
    "--generation-deterministic",
    "--suppress-health-check=all",
    "--continue-on-failure",
    "--no-color",
]


@pytest.mark.slow
def test_every_reply_is_as_documented(tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    (tmp_path / "hooks.py").write_text(HOOKS)
    with LiveMiner(tmp_path / "records") as miner:
        command = [
            sys.executable,
            "-c",
            "from schemathesis.cli import schemathesis as cli; cli()",
            "run",
        ]
        result = subprocess.run(
            [*command, f"{miner.url}/openapi.json", *OPTIONS],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        tested = len(ENDPOINTS) - 1  # all but the document that it has the others from
        assert f"Tested: {tested}" in result.stdout
        assert httpx.get(f"{miner.url}/ready").status_code == 200
        stats = httpx.get(f"{miner.url}/stats").json()
        assert stats["vectors"] > 0
        assert miner.stop() == 0
    assert not [line for line in miner.lines() if line["level"] in ("error", "critical")]
