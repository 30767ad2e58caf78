"""A network, or what validators say of a miner, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engram.cli.network import mine, report
from engram.cli.network.layout import Layout
from engram.cli.network.standing import standing
from engram.cli.network.table import replication, sharing, table
from engram.cli.output import note, print_json, say, show


def show_network(folder: Path, *, json_: bool) -> None:
    """How the network in a folder stands. Raises InvalidInput if there is none."""
    layout = Layout(folder)
    found = standing(layout)
    if json_:
        print_json(found.as_dict())
        return
    show(table(found))
    for line in sharing(found):
        say(line)
    say(replication(found.replication))
    if layout.holder() is None:
        note("It does not run; `engram up` starts it again.")


def show_mine(hotkey: str | None, urls: Sequence[str], folder: Path, *, json_: bool) -> None:
    """What the validators at ``urls`` say of a miner; without any, those of a local network.

    Raises InvalidInput or NotFound if nobody says anything.
    """
    said = mine.said_of(hotkey, urls or validators_of(Layout(folder)))
    if json_:
        print_json(said)
        return
    show(mine.table(said))


def validators_of(layout: Layout) -> list[str]:
    """Where a local network's validators serve."""
    return [node.url for node in report.read(layout.report) if node.role == "validator"]
