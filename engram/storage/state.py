"""What the threads of one open store share."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Condition, Lock
from typing import NamedTuple

from engram.config import StoreSettings
from engram.errors import StoreError
from engram.storage.catalogue import Catalogue, Fresh
from engram.storage.health import Health
from engram.storage.loading import Loaded
from engram.storage.snapshot import Written

QUIET_S = 0.2  # without a query for so long, the drainer may take the machine
BURST_S = 0.03  # writes that follow one another closer than this are a burst


class Progress(NamedTuple):
    """Vectors that a rebuild has put into the index, of how many."""

    done: int
    total: int


class State:
    """The current catalogue and what is going on around it."""

    def __init__(self, folder: Path, settings: StoreSettings, loaded: Loaded) -> None:
        self.folder = folder
        self.settings = settings
        self.catalogue: Catalogue = loaded.catalogue
        self.snapshot: Written = loaded.snapshot
        self.snapshot_problem = loaded.problem
        self.damaged = loaded.damaged
        self.health = Health()
        self.changing = Lock()
        """Held to change the catalogue, to put another in its place, or to copy it whole."""
        self.room = Condition(Lock())
        """Notified when ``pending`` or the tail shrinks."""
        self._whole = True
        self.pending = 0  # records submitted and not yet in the catalogue
        self.deletes_since_snapshot = 0
        self.rebuild_until = loaded.catalogue.tail.end
        """Slots that the index must be given anew; the tail may exceed its limit by these."""
        self.replacing: Progress | None = None  # of an index that is built beside the one in use
        self.last_query = time.monotonic() - QUIET_S
        self.last_write = time.monotonic() - BURST_S

    def append(self, fresh: Fresh, replaced: Iterable[bytes]) -> None:
        """Make committed records searchable, some in the place of damaged ones."""
        with self.changing:
            self._whole = False
            self.catalogue.append(fresh)
            for digest in replaced:
                self.damaged.pop(digest, None)
            self._whole = True
        self.last_write = time.monotonic()

    def require_whole(self) -> None:
        """Raise StoreError if a record is on disk that could not be made searchable.

        Only the thread that appends may ask.
        """
        if not self._whole:
            raise StoreError("the store lost its place in memory; restart to load it anew")

    def remove(self, gone: Sequence[tuple[bytes, int]]) -> None:
        """Stop finding records (digest, sequence) that were deleted or forgotten."""
        with self.changing:
            for digest, sequence in gone:
                self.catalogue.rows.remove(sequence)
                self.damaged.pop(digest, None)
            self.deletes_since_snapshot += len(gone)

    def replace(self, catalogue: Catalogue, lost: int) -> None:
        """Put another catalogue in the place of the present one; ``changing`` must be held.

        ``lost`` is how many vectors its tail holds that the index had before.
        """
        self.rebuild_until = catalogue.tail.start + lost if lost else 0
        self.catalogue = catalogue
        self.snapshot = Written(self.snapshot.sequence, 0)

    @property
    def lost(self) -> int:
        """Vectors that the index has to be given anew."""
        return max(0, self.rebuild_until - self.catalogue.tail.start)

    def quarantine(self, digest: bytes, sequence: int) -> bool:
        """Stop finding a record whose bytes turned out to be damaged; False if it is known,
        or if the record has gone since."""
        with self.changing:
            found = self.catalogue.rows.remove(sequence)
            if found:
                self.damaged[digest] = sequence
        return found

    def acquit(self, found: Iterable[tuple[bytes, int]]) -> None:
        """These (digest, sequence) are whole after all; the next rebuild makes them findable."""
        with self.changing:
            for digest, sequence in found:
                if self.damaged.get(digest) == sequence:
                    del self.damaged[digest]

    def free_places(self) -> int:
        """Vectors that may be added before ingest has to wait."""
        tail = self.catalogue.tail
        return self.settings.tail_limit + self.lost - len(tail) - self.pending

    @property
    def rebuilding(self) -> bool:
        """True while the index lacks vectors that it had before."""
        return self.replacing is not None or self.lost > 0

    @property
    def progress(self) -> Progress | None:
        """How far a rebuild is; None while there is none."""
        if self.replacing is None and self.rebuilding:
            return Progress(self.catalogue.tail.start, self.rebuild_until)
        return self.replacing

    def pause(self) -> float:
        """Seconds since the last query."""
        return time.monotonic() - self.last_query

    def is_written_to(self) -> bool:
        """True in a burst of writes."""
        return time.monotonic() - self.last_write < BURST_S


def disk_bytes(folder: Path) -> int:
    """Size of all files below a folder; what vanishes meanwhile counts as nothing."""
    total = 0
    for inside, _, names in os.walk(folder):  # unlike rglob it passes over a vanished folder
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(inside, name).stat(follow_symlinks=False).st_size
    return total
