"""The hosts themselves: who reaches whom, and what is left of them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.network.namespaces import MADE_HERE, RUN_NETNS, Host, ip, remove_stale


def reaches(one: Host, other: Host) -> bool:
    """True if a connection from one to the other is refused, which takes somebody to refuse it."""
    script = (
        "import socket, sys\n"
        "s = socket.socket(); s.settimeout(0.3)\n"
        f"sys.exit(0 if s.connect_ex(({other.address!r}, 9)) == {111} else 1)\n"
    )
    return subprocess.run(one.command(["python3", "-c", script]), timeout=10).returncode == 0


def test_cut_and_split_and_mended(five_hosts: list[Host]) -> None:
    one, two, *_, four, five = five_hosts
    assert reaches(one, five)
    five.cut()
    assert not reaches(one, five)
    five.mend()
    four.plug_into("right")
    five.plug_into("right")
    assert reaches(four, five) and reaches(one, two)
    assert not reaches(one, five) and not reaches(four, two)
    four.plug_into("left")
    five.plug_into("left")
    assert reaches(one, five)


def test_no_host_has_a_way_out(five_hosts: list[Host]) -> None:
    routes = [ip("-n", host.name, "route") for host in five_hosts]
    assert all("default" not in found and found.startswith("10.91.0.0/24") for found in routes)


def test_what_a_dead_process_left_is_taken_away(namespaces: None) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = f"engram-{ended.pid}-0-h0"
    mine = f"engram-{os.getpid()}-999-h0"
    ip("netns", "add", left)
    ip("netns", "add", mine)
    try:
        remove_stale()
        assert not (RUN_NETNS / left).exists()
        assert (RUN_NETNS / mine).exists() and MADE_HERE.match(mine)
    finally:
        ip("netns", "del", mine)
    assert not Path(RUN_NETNS / mine).exists()
