"""``engram up`` and ``engram down``: a miner of one's own with something in it to search."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from engram.cli import corpus, local_miner, output
from engram.cli.local_miner import Home
from engram.cli.options import settings
from engram.config import MinerSettings
from engram.errors import NotReady
from engram.sdk import EngramClient

HITS_SHOWN = 3
STILL_WAITING_S = 5.0  # between lines that say so

DataDir = Annotated[Path, typer.Option(help="folder for the records and the log")]


def say(line: str) -> None:
    output.say(f"engram: {line}")


def up(
    data_dir: DataDir = Path(".engram"),
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="first port to try [default: 8091]")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="show the searches, then stop")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="leave the miner running")] = False,
) -> None:
    """Start a miner, store a small corpus in it and search it.

    \b
    Examples:
      engram up
      engram up --detach
      engram up --demo --data-dir ./demo --port 0
    """
    home = Home(data_dir)
    if (holder := home.holder()) and holder.url:
        say(f"a miner already runs here (pid {holder.pid}); using it")
        show(home, holder.url)
        return
    with interrupts():
        child: subprocess.Popen[bytes] | None = None
        try:
            with held_back():
                child = begin(home, settings(MinerSettings, port=port).port)
            show(home, local_miner.wait_ready(home, child, StillWaiting()))
            if detach:
                say(f"it runs on in the background (pid {child.pid}); `engram down` stops it")
                return
            if not demo:
                attend(home, child)
        except KeyboardInterrupt:
            say("stopping")
        except BaseException:
            stop(child)
            raise
        stop(child)
        say("stopped")


def down(data_dir: DataDir = Path(".engram")) -> None:
    """Stop the miner that `engram up` left running.

    \b
    Examples:
      engram down
    """
    home = Home(data_dir)
    holder = home.holder()
    if holder is None:
        say(f"nothing runs in {data_dir}")
        return
    say(f"stopping the miner (pid {holder.pid})")
    local_miner.stop_holder(home, holder)
    say("stopped")


@contextmanager
def interrupts() -> Iterator[None]:
    """SIGTERM and SIGHUP end the command as Ctrl-C does, so that the child is stopped too."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = {n: signal.signal(n, interrupt) for n in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Signals wait until the block is over: by then the child has a name to be stopped by."""
    arrived: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    previous = {n: signal.signal(n, lambda number, _: arrived.append(number)) for n in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if arrived:
        raise KeyboardInterrupt


def stop(child: subprocess.Popen[bytes] | None) -> None:
    if child is not None:
        local_miner.stop_child(child)


def begin(home: Home, wanted: int) -> subprocess.Popen[bytes]:
    port = local_miner.free_port(wanted)
    if port != wanted:
        say(f"PORT {wanted} IS BUSY: this miner listens on {port} instead")
    say(f"starting a miner on port {port or 'of its choice'} (log: {home.log})")
    return local_miner.start(home, port)


class StillWaiting:
    """Says every few seconds that something goes on, so that nobody thinks that it hangs."""

    def __init__(self) -> None:
        self.said = 0.0

    def __call__(self, seconds: float) -> None:
        if seconds - self.said >= STILL_WAITING_S:
            self.said = seconds
            say(f"the miner is loading ({seconds:.0f} s)")


def show(home: Home, url: str) -> None:
    """Store the corpus if it is not there yet, search it, and say where the miner is."""
    with EngramClient(
        url, embed="remote"
    ) as client:  # that miner is ours, and has the model loaded
        fill(home, client)
        for query in corpus.SEARCHES:
            show_search(client, query)
    output.say(f"\nREADY {url}")


def fill(home: Home, client: EngramClient) -> None:
    if corpus.is_stored(client, home.corpus_receipt):
        say(f"{client.stats().vectors} records are here already")
        return
    total = len(corpus.passages())
    say(f"storing {total} bundled passages")
    began = time.monotonic()
    with output.progress() as progress:
        task = progress.add_task("embedding and storing", total=total)
        stored = corpus.store(
            client, home.corpus_receipt, lambda count: progress.advance(task, count)
        )
    say(f"{stored} passages are on disk after {time.monotonic() - began:.1f} s")


def show_search(client: EngramClient, query: str) -> None:
    found = client.query(query, top_k=HITS_SHOWN)
    output.say(f"\n{query}  ({found.latency_ms:.1f} ms)")
    for hit in found:
        output.say(f"  {hit.score:.3f}  {hit.cid}")
        output.say(f"         {output.snippet(hit.text)}")


def attend(home: Home, child: subprocess.Popen[bytes]) -> None:
    """Wait in the foreground until Ctrl-C, or until the miner ends."""
    say("Ctrl-C stops it")
    if code := child.wait():
        raise NotReady(f"The miner ended (exit code {code}). Its last lines:\n{home.log_tail()}")
    say("the miner was stopped from elsewhere")
