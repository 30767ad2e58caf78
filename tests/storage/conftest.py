"""Stores that are closed when the test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engram.config import StoreSettings
from engram.storage import EmbeddedStore, open_store
from tests.storage.contract_subjects import SUBJECTS, Subject
from tests.storage.records_for_tests import TINY


@pytest.fixture(params=SUBJECTS)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    """Each VectorStore in turn, for the contract."""
    factory, settle = SUBJECTS[request.param]
    with factory(tmp_path / "store", settle) as made:
        yield made


Open = Callable[..., EmbeddedStore]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """``opened(settings)`` opens the store in one folder; open ones are closed at the end."""
    stores: list[EmbeddedStore] = []

    def open_one(
        settings: StoreSettings = TINY, folder: Path = tmp_path / "store"
    ) -> EmbeddedStore:
        stores.append(open_store(folder, settings))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Open) -> EmbeddedStore:
    """A store with tiny settings, so that a few records fill the tail and write snapshots."""
    return opened()
