"""A delete between numpy's two looks at a mask must not bring garbage into the count.

Indexing with a mask counts its flags first and copies second, without the GIL. A flag that falls
in between leaves the end of the result as the memory was.
"""

from __future__ import annotations

import numpy as np
import pytest

from engram.storage import EmbeddedStore
from engram.storage.rows import Mask, Rows
from tests.storage.records_for_tests import put, records


def test_the_mask_that_is_counted_is_nobody_elses(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = records(10)
    put(store, *held)
    assert store.drain(30)
    assert store.delete(held[3].cid)
    honest = Rows.slot_mask

    def slot_mask(rows: Rows, mask: Mask, slots: int) -> Mask:
        assert not np.shares_memory(mask, rows.alive.view())
        return honest(rows, mask, slots)

    monkeypatch.setattr(Rows, "slot_mask", slot_mask)
    assert store._state.catalogue.dead_slots() == 1
