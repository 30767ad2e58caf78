"""Miners as processes on one machine, around a dev chain: killed, wiped and started by the test."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from engram.chain.dev import DEFAULT_NETUID
from engram.cli.network.layout import Layout, Role
from engram.cli.network.plan import MINER_PACE
from engram.cli.network.ports import HOST, any_free
from engram.cli.network.registry import prepare
from engram.config import environment_with

Json = dict[str, Any]

PATIENCE_S = 240.0  # only how long something broken may hang before the test fails
POLL_S = 0.25
ANSWER_S = 20.0
NO_ANSWER = (OSError, http.client.HTTPException, ValueError)


@dataclass
class MinerProcess:
    """One miner on a port that stays its own."""

    name: str
    port: int
    layout: Layout
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "engram.cli.network.leash", "miner"]
        command += ["--data-dir", str(self.layout.data(self.name))]
        command += ["--host", HOST, "--port", str(self.port), "--chain", self.layout.chain]
        command += ["--netuid", str(DEFAULT_NETUID), "--wallet", self.layout.wallet(self.name)]
        pace = {f"ENGRAM_{name.upper()}": value for name, value in MINER_PACE.items()}
        own = {"ENGRAM_WALLET_DIR": str(self.layout.wallets), "ENGRAM_LOG_FORMAT": "json"}
        with self.layout.log(self.name).open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # the leash: it ends when this process does
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment_with(pace | own),
            )

    def kill(self) -> None:
        """SIGKILL."""
        running, self.process = self.process, None
        if running is not None:
            assert running.stdin is not None
            running.kill()
            running.wait()
            running.stdin.close()

    def wipe(self) -> None:
        """Nothing is left of what it had on its disk."""
        assert self.process is None
        shutil.rmtree(self.layout.data(self.name))

    def ask(self, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        """Status and body. Raises one of NO_ANSWER if there is none."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_S)
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, headers)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            connection.close()

    def answers(self, path: str) -> Json | None:
        """The body of a 200; None for anything else."""
        try:
            status, body = self.ask("GET", path)
        except NO_ANSWER:
            return None
        return body if status == 200 else None

    def held(self, cids: Collection[str]) -> set[str]:
        """Which of these it says that it has; nothing if it does not answer."""
        try:
            status, body = self.ask("POST", "/has", {"cids": list(cids)})
        except NO_ANSWER:
            return set()
        return set(body["held"]) if status == 200 else set()


class Processes:
    """The miners of one chain."""

    def __init__(self, folder: Path, count: int) -> None:
        self.layout = Layout(folder)
        folder.mkdir(parents=True)
        names: dict[str, Role] = {f"miner-{number}": "miner" for number in range(count)}
        self.hotkeys = prepare(self.layout, names)
        self.miners = [
            MinerProcess(name, port, self.layout)
            for name, port in zip(names, any_free(count), strict=True)
        ]
        self.by_hotkey = {self.hotkeys[miner.name]: miner for miner in self.miners}

    def start(self) -> None:
        for miner in self.miners:
            miner.start()
        self.until("all are members", lambda: all(self.members(m) for m in self.miners))

    def members(self, miner: MinerProcess) -> bool:
        """True if it answers, and knows all miners as members."""
        peers = miner.answers("/peers") if miner.answers("/ready") else None
        return peers is not None and len(peers["members"]) == len(self.miners)

    def holders(self, cid: str) -> list[MinerProcess]:
        """Who is to hold it while all answer."""
        route = next(found for m in self.miners if (found := m.answers(f"/route/{cid}")))
        assigned = [each for each in route["holders"] if each["role"] != "stand-in"]
        return [self.by_hotkey[each["hotkey"]] for each in assigned[:3]]

    def until(self, what: str, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not reached():
            assert time.monotonic() < deadline, f"not in time: {what}\n{self.last_words()}"
            time.sleep(POLL_S)

    def last_words(self) -> str:
        return "\n".join(f"{m.name}:\n{self.layout.log_tail(m.name)}" for m in self.miners)

    def stop(self) -> None:
        for miner in self.miners:
            miner.kill()

    @contextmanager
    def reading(self, cids: Sequence[str]) -> Iterator[list[str]]:
        """Fetch one record after the other meanwhile; the CIDs that nobody served."""
        ended, missed = Event(), list[str]()
        reader = Thread(target=self._read, args=(cids, ended, missed), name="reader")
        reader.start()
        try:
            yield missed
        finally:
            ended.set()
            reader.join()

    def _read(self, cids: Sequence[str], ended: Event, missed: list[str]) -> None:
        while not ended.is_set():
            for cid in cids:
                if not any(miner.answers(f"/retrieve/{cid}") for miner in self.miners):
                    missed.append(cid)
                if ended.wait(0.01):
                    return


@contextmanager
def processes(folder: Path, count: int) -> Iterator[Processes]:
    """Miners that run, and none of them afterwards."""
    made = Processes(folder, count)
    try:
        made.start()
        yield made
    finally:
        made.stop()
