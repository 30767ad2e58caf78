"""Every rule is tested on each side that is installed, or on the one that ENGRAM_CORE names."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest

SIDES = ["twin", "rust"]
if os.environ.get("ENGRAM_CORE") == "python" or find_spec("engram_core") is None:
    SIDES = ["twin"]


@pytest.fixture(scope="session", params=SIDES)
def rules(request: pytest.FixtureRequest) -> ModuleType:
    """The module with the rules: the Python twin, and the compiled core."""
    return import_module(f"engram.core.{request.param}")


@pytest.fixture(scope="session")
def both() -> tuple[ModuleType, ModuleType]:
    """Both sides; skips where there is only one."""
    if len(SIDES) < 2:
        pytest.skip("the compiled core is not in use, so there is nothing to compare the twin with")
    return import_module("engram.core.twin"), import_module("engram.core.rust")
