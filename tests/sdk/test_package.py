"""What ``import engram`` offers."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

import engram
from tests.repo.sources import ROOT


def test_the_version_is_the_distributions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == engram.__version__


def test_the_top_level_is_eight_names_and_each_is_there() -> None:
    assert len(engram.__all__) == 8
    for name in engram.__all__:
        assert getattr(engram, name) is not None


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Memry"):
        engram.Memry  # noqa: B018


def test_a_client_of_a_node_needs_no_store_and_no_model() -> None:
    program = (
        "import sys\nfrom engram import Memory\nMemory(url='http://127.0.0.1:9').close()\n"
        "print(*sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert not {"faiss", "onnxruntime", "engram.storage", "engram.dht"} & set(ran.stdout.split())
