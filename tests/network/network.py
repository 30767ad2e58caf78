"""Real miners and a validator on hosts of their own, around a ledger that they share as a file."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engram.chain.dev import DEFAULT_NETUID
from engram.cli.network.layout import Layout, Role
from engram.cli.network.plan import MINER_PACE, VALIDATOR_PACE
from engram.cli.network.registry import prepare
from engram.config import environment_with
from tests.network.namespaces import Host

Json = dict[str, Any]

PORT = 8091
PATIENCE_S = 120.0  # only how long something broken may hang before the test fails
POLL_S = 0.25
ANSWER_S = 10.0
SHORT = MINER_PACE | {
    "absent_after_s": "4",
    "compare_every_s": "2",
    "sweep_every_s": "3",
    "keep_foreign_s": "8",
    "replicate_deadline_s": "2",
    "rate_per_s": "5000",  # the test asks all that it wants to know from one address
    "rate_burst": "5000",
}


class Refused(Exception):
    """A node answered with an error."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


@dataclass
class Node:
    """One process on one host."""

    name: str
    role: Role
    host: Host
    layout: Layout
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def start(self) -> None:
        self.starts += 1
        with self.layout.log(self.name).open("ab") as log:
            self.process = subprocess.Popen(
                self.host.command(
                    [sys.executable, "-m", "engram.cli.network.leash", *self._line()]
                ),
                stdin=subprocess.PIPE,  # the leash: the node ends when this process does
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
            )

    def _line(self) -> list[str]:
        return [
            self.role,
            *("--data-dir", str(self.layout.data(self.name))),
            *("--host", self.host.address if self.role == "miner" else "127.0.0.1"),
            *("--port", str(PORT if self.role == "miner" else 0)),
            *("--chain", self.layout.chain),
            *("--netuid", str(DEFAULT_NETUID)),
            *("--wallet", self.layout.wallet(self.name)),
        ]

    def kill(self) -> None:
        """SIGKILL, wherever it is in its work."""
        if self.process is not None:
            assert self.process.stdin is not None
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process = None

    def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """What the node answers to somebody on its own host.

        Raises Refused, or OSError and HTTPException if it does not answer.
        """
        connection = http.client.HTTPConnection(self.host.address, PORT, timeout=ANSWER_S)
        try:
            connection.sock = self.host.connect(PORT, ANSWER_S)
            headers = {} if body is None else {"Content-Type": "application/json"}
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, headers)
            reply = connection.getresponse()
            found: Json = json.loads(reply.read())
        finally:
            connection.close()
        if reply.status != 200:
            raise Refused(reply.status, found)
        return found

    def answers(self, path: str) -> bool:
        """True if it answers that path with 200."""
        try:
            self.ask("GET", path)
        except (Refused, OSError, http.client.HTTPException):
            return False
        return True


@dataclass
class Network:
    """Miners, one a host, and a validator on the first of them."""

    folder: Path
    hosts: Sequence[Host]
    nodes: dict[str, Node] = field(default_factory=dict)

    def start(self) -> None:
        layout = Layout(self.folder)
        layout.root.mkdir(parents=True, exist_ok=True)
        roles: dict[str, Role] = {f"miner-{n}": "miner" for n in range(len(self.hosts))}
        roles["validator"] = "validator"
        prepare(layout, roles)
        environment = environment_with(
            {f"ENGRAM_{name.upper()}": value for name, value in SHORT.items()}
            | {f"ENGRAM_VALIDATOR_{name.upper()}": value for name, value in VALIDATOR_PACE.items()}
            | {"ENGRAM_WALLET_DIR": str(layout.wallets), "ENGRAM_LOG_FORMAT": "json"}
        )
        for (name, role), host in zip(roles.items(), [*self.hosts, self.hosts[0]], strict=True):
            self.nodes[name] = Node(name, role, host, layout, environment)
        for node in self.nodes.values():
            node.start()
        self.until("all are ready", lambda: all(m.answers("/ready") for m in self.miners))
        self.until("all are members", lambda: self.members() == [len(self.hosts)] * len(self.hosts))

    @property
    def miners(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.role == "miner"]

    def members(self) -> list[int]:
        """How many members each miner knows of."""
        return [len(miner.ask("GET", "/peers")["members"]) for miner in self.miners]

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait for it; fail with everybody's last words if it does not come."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"not in time: {what}\n{self.last_words()}"
            time.sleep(POLL_S)

    def last_words(self) -> str:
        tails = [f"{name}:\n{node.layout.log_tail(name)}" for name, node in self.nodes.items()]
        return "\n".join(tails)

    def stop(self) -> None:
        for node in self.nodes.values():
            node.kill()
