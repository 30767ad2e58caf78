"""The memberships that a node last worked with, on disk: whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from engram.dht.membership import Member, Membership

VERSION = 1
FIRST_LINE = "engram placement {version} {digest}\n"


def write(path: Path, kept: list[Membership]) -> None:
    """Put the memberships in the place of those in the file. Blocks on the disk."""
    body = json.dumps([as_json(membership) for membership in kept])
    digest = hashlib.sha256(body.encode()).hexdigest()
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="ascii") as file:
        file.write(FIRST_LINE.format(version=VERSION, digest=digest) + body)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read(path: Path) -> list[Membership]:
    """The memberships in the file; none if it is missing, torn, or of another version.

    The chain is asked anyway, so a damaged file costs no more than the time until it answers.
    """
    if not path.exists():
        return []
    first, newline, body = path.read_text(encoding="ascii", errors="replace").partition("\n")
    digest = hashlib.sha256(body.encode()).hexdigest()
    if first + newline != FIRST_LINE.format(version=VERSION, digest=digest):
        return []
    return [from_json(item) for item in json.loads(body)]


def as_json(membership: Membership) -> dict[str, Any]:
    return {
        "number": membership.number,
        "hash": membership.block_hash.hex(),
        "members": [
            {
                "uid": member.uid,
                "hotkey": member.hotkey,
                "public_key": member.public_key.hex(),
                "url": member.url,
                "registered_at": member.registered_at,
                "registered_hash": member.registered_hash.hex(),
            }
            for member in membership.members
        ],
    }


def from_json(item: dict[str, Any]) -> Membership:
    members = [
        Member(
            uid=each["uid"],
            hotkey=each["hotkey"],
            public_key=bytes.fromhex(each["public_key"]),
            url=each["url"],
            registered_at=each["registered_at"],
            registered_hash=bytes.fromhex(each["registered_hash"]),
        )
        for each in item["members"]
    ]
    return Membership(item["number"], bytes.fromhex(item["hash"]), tuple(members))
