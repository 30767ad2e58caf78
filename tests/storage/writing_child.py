"""A process that writes from sixteen threads until it is killed, and tells what it was promised.

    python -m tests.storage.writing_child FOLDER SEED

Each line on stdout is ``put``, ``delivered`` or ``deleted``, a writer and a number: it is written
after the store has acknowledged, so whatever was read from the pipe must have survived.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from threading import Thread

import numpy as np

from engram.storage import EmbeddedStore, NewRecord, open_store
from tests.storage.records_for_tests import TINY, put, record

WRITERS = 16
DELETE_EVERY = 7
DELIVER_EVERY = 3
FIRST_SEAT = 1
SETTINGS = TINY.model_copy(update={"tail_limit": 20_000, "snapshot_every": 50})


def promised_record(seed: int, writer: int, number: int) -> NewRecord:
    """The record that a writer stores; the reader of the pipe makes the same one."""
    vector = np.random.default_rng([seed, writer, number]).standard_normal(384)
    metadata = {"seed": seed, "writer": writer, "number": number}
    return replace(
        record(vector.astype(np.float32), metadata), deliver_to=(FIRST_SEAT, 2 + number % 3)
    )


def write(store: EmbeddedStore, seed: int, writer: int) -> None:
    number = 0
    while True:
        number += 1
        one = promised_record(seed, writer, number)
        put(store, one)
        tell("put", writer, number)
        if number % DELIVER_EVERY == 0:
            store.delivered(FIRST_SEAT, [one.cid])
            tell("delivered", writer, number)
        if number % DELETE_EVERY == 0:
            store.delete(one.cid)
            tell("deleted", writer, number)


def tell(what: str, writer: int, number: int) -> None:
    os.write(1, f"{what} {writer} {number}\n".encode())  # one write, so lines never mix


def main(folder: str, seed: str) -> None:
    store = open_store(Path(folder), SETTINGS)
    for writer in range(WRITERS):
        Thread(target=write, args=(store, int(seed), writer)).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
