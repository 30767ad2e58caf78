"""Hosts that are network namespaces: each has an address, a link to a switch, and nothing else.

No device of theirs is ever in the machine's own namespace, and no packet leaves the ones made here.
Their names carry the number of the process that made them, so whoever comes later can clear away
what a crash left behind.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

MADE_HERE = re.compile(r"^engram-(\d+)-\d+-\w+$")
RUN_NETNS = Path("/run/netns")
CLONE_NEWNET = 0x40000000  # linux/sched.h
BRIDGES = ("left", "right")
_numbers = count()


class NotPermitted(Exception):
    """Namespaces cannot be made here; the message says why."""


def ip(*arguments: str) -> str:
    """Run ``ip``. Raises NotPermitted with what it complains of."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=30)
    if done.returncode:
        raise NotPermitted(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


@dataclass(frozen=True)
class Host:
    """A namespace with one address, plugged into a switch by a cable that can be pulled."""

    name: str
    port: str
    """Its end of the cable at the switch."""
    address: str
    switch: str

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The command line that runs these arguments on the host."""
        return ["ip", "netns", "exec", self.name, *arguments]

    def cut(self) -> None:
        """Pull the cable: nothing goes in or out, and nobody is told."""
        ip("-n", self.switch, "link", "set", self.port, "down")

    def mend(self) -> None:
        """Plug it in again."""
        ip("-n", self.switch, "link", "set", self.port, "up")

    def plug_into(self, bridge: str) -> None:
        """Move the cable to ``left`` or ``right``, between which nothing goes."""
        ip("-n", self.switch, "link", "set", self.port, "master", bridge)

    def connect(self, port: int, timeout_s: float) -> socket.socket:
        """A connection from the host to itself, usable from any thread of this process."""
        made = self._socket()
        made.settimeout(timeout_s)
        made.connect((self.address, port))
        return made

    def _socket(self) -> socket.socket:
        """A socket belongs for ever to the namespace in which its thread was when it was made."""
        made: list[socket.socket | OSError] = []
        thread = threading.Thread(target=self._make_socket, args=(made,))
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]

    def _make_socket(self, made: list[socket.socket | OSError]) -> None:
        with (RUN_NETNS / self.name).open() as namespace:
            try:
                enter(namespace.fileno())
                made.append(socket.socket())
            except OSError as error:
                made.append(error)


def enter(namespace: int) -> None:
    """Move the calling thread, and only it, into the namespace behind a file descriptor."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextmanager
def hosts(number: int) -> Iterator[list[Host]]:
    """So many hosts on one switch, 10.91.0.1 and on. Raises NotPermitted.

    Nothing of them is left afterwards, and nothing of processes that died without cleaning up.
    """
    remove_stale()
    prefix = f"engram-{os.getpid()}-{next(_numbers)}"
    switch = f"{prefix}-switch"
    made = [Host(f"{prefix}-h{n}", f"h{n}", f"10.91.0.{n + 1}", switch) for n in range(number)]
    try:
        set_up_switch(switch)
        for host in made:
            set_up(host)
        yield made
    finally:
        for name in [*(host.name for host in made), switch]:
            if (RUN_NETNS / name).exists():
                remove(name)


def set_up_switch(switch: str) -> None:
    ip("netns", "add", switch)
    for bridge in BRIDGES:
        ip("-n", switch, "link", "add", bridge, "type", "bridge")
        ip("-n", switch, "link", "set", bridge, "up")


def set_up(host: Host) -> None:
    ip("netns", "add", host.name)
    cable = ("link", "add", host.port, "type", "veth", "peer", "name", "eth0", "netns", host.name)
    ip("-n", host.switch, *cable)
    host.plug_into("left")
    host.mend()
    ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        ip("-n", host.name, "link", "set", device, "up")


def remove(name: str) -> None:
    """End what still runs in the namespace, then take it away; its cables go with it."""
    for pid in ip("netns", "pids", name).split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue  # it ended by itself meanwhile
    ip("netns", "del", name)


def remove_stale() -> None:
    """Take away what test processes made that live no more."""
    names = [path.name for path in RUN_NETNS.iterdir()] if RUN_NETNS.is_dir() else []
    for name in names:
        found = MADE_HERE.match(name)
        if found and not Path(f"/proc/{found[1]}").exists():
            remove(name)
