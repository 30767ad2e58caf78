"""The chains that the tests of this folder run against."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chain.worlds import WORLDS, World, dev_world


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Each implementation in turn."""
    with WORLDS[request.param](tmp_path) as made:
        yield made


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[World]:
    """The dev chain."""
    with dev_world(tmp_path) as made:
        yield made
