"""One file that holds every record and tombstone, taken while the store is in use."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

from engram.errors import InvalidInput, NotFound, StoreCorrupt
from engram.storage.database import connect, open_writer, transaction, translated
from engram.storage.files import replacing
from engram.storage.records import FILE_NAME, Records


def backup(path: Path, target: Path) -> int:
    """Copy the records of the store in ``path`` to the new file ``target``; records copied.

    Another process may be writing: the copy is of one moment. The index is left out, because
    it can be rebuilt. Raises NotFound, InvalidInput if ``target`` exists, StorageFull.
    """
    source = path / FILE_NAME
    if not source.is_file():
        raise NotFound(f"{path} holds no records")
    if target.exists():
        raise InvalidInput(f"{target} exists; a backup overwrites nothing")
    with translated(), replacing(target) as partial:
        with closing(connect(source, writable=True)) as connection:
            connection.execute("VACUUM INTO ?", (str(partial),))
        with closing(connect(partial, writable=False)) as copy:
            (count,) = copy.execute("SELECT count(*) FROM records").fetchone()
    return int(count)


def restore(source: Path, path: Path) -> int:
    """Make a store in the new or empty directory ``path`` from a backup; records restored.

    Every CID is checked first. Raises NotFound, InvalidInput if the directory is not empty,
    StoreCorrupt if the backup is damaged.
    """
    if not source.is_file():
        raise NotFound(f"there is no backup at {source}")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InvalidInput(f"{path} is not empty; restore into a new directory")
    path.mkdir(parents=True, exist_ok=True)
    with translated(), replacing(path / FILE_NAME) as partial:
        shutil.copyfile(source, partial)
        count = _verify(partial)
        with closing(open_writer(partial)) as writer:
            with transaction(writer):  # so that an index of the original is never taken for its own
                writer.execute("UPDATE identity SET database_id = randomblob(16)")
            writer.execute("PRAGMA journal_mode = DELETE")  # one file, to be renamed
    return count


def _verify(database: Path) -> int:
    records = Records(database.parent, read_only=True)
    try:
        problems = records.check_integrity()
        if problems:
            raise StoreCorrupt(f"the backup is damaged: {problems[0]}")
        return len([row.decode().sequence for row in records.scan()])
    finally:
        records.close()
