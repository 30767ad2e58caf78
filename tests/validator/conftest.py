"""What the tests in this folder share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.validator.world import World


@pytest.fixture
def new_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes worlds, and closes them."""
    made: list[World] = []

    def make(miners: int = 3, **changes: Any) -> World:
        world = World(tmp_path / f"validator-{len(made)}", miners, **changes)
        made.append(world)
        return world

    yield make
    for world in made:
        world.close()
