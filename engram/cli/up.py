"""``engram up`` and ``engram down``: a network of one's own with something in it to search."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from engram.cli import corpus, output
from engram.cli.network import control, report
from engram.cli.network.control import Size
from engram.cli.network.layout import SUPERVISOR, Layout
from engram.cli.network.plan import SHORTENED
from engram.cli.network.report import NodeReport
from engram.cli.network.standing import NetworkStanding
from engram.cli.network.table import replication, table
from engram.cli.network.waiting import wait_paid, wait_placed
from engram.cli.options import settings
from engram.config import MinerSettings
from engram.core.limits import REPLICAS
from engram.errors import NotReady
from engram.sdk import EngramClient, EngramNetwork, Ingested

HITS_SHOWN = 3
STILL_WAITING_S = 5.0  # between lines that say so

DataDir = Annotated[Path, typer.Option(help="folder for ledger, keys, records and logs")]


def say(line: str) -> None:
    output.say(f"engram: {line}")


def up(
    data_dir: DataDir = Path(".engram"),
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="first port to try [default: 8091]")
    ] = None,
    miners: Annotated[int, typer.Option(min=1, max=32, help="how many")] = 3,
    validators: Annotated[int, typer.Option(min=0, max=8, help="how many")] = 1,
    demo: Annotated[
        bool, typer.Option("--demo", help="show searches and scores, then stop")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="leave the network running")] = False,
) -> None:
    """Start a network on this machine, store a small corpus in it and search it.

    A dev chain, miners and a validator that judges them, at shortened intervals. What it pays is
    worth nothing. Run again, it goes on where it was.

    \b
    Examples:
      engram up
      engram up --detach
      engram up --demo --data-dir ./demo --port 0
      engram up --miners 5 --validators 2
    """
    layout = Layout(data_dir)
    if holder := layout.holder():
        say(f"a network already runs here (pid {holder.pid}); using it")
        show(layout, running(layout), demo=demo)
        return
    size = Size(miners, validators, settings(MinerSettings, port=port).port)
    with interrupts():
        supervisor: subprocess.Popen[bytes] | None = None
        try:
            with held_back():
                supervisor = begin(layout, size, leashed=not detach)
            nodes = control.wait_ready(layout, supervisor, StillWaiting())
            tell_ports(nodes, size)
            show(layout, nodes, demo=demo)
            if detach:
                say(f"it runs on in the background (pid {supervisor.pid}); `engram down` stops it")
                return
            if not demo:
                attend(layout, supervisor)
        except KeyboardInterrupt:
            say("stopping")
        except BaseException:
            stop(supervisor)
            raise
        stop(supervisor)
        say("stopped")


def down(data_dir: DataDir = Path(".engram")) -> None:
    """Stop the network that `engram up` left running.

    \b
    Examples:
      engram down
    """
    layout = Layout(data_dir)
    holder = layout.holder()
    if holder is None:
        say(f"nothing runs in {data_dir}")
        return
    say(f"stopping the network (pid {holder.pid})")
    control.stop_holder(layout, holder)
    say("stopped")


@contextmanager
def interrupts() -> Iterator[None]:
    """SIGTERM and SIGHUP end the command as Ctrl-C does, so that the network is stopped too."""

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
    """Signals wait until the block is over: by then the process has a name to be stopped by."""
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


def stop(supervisor: subprocess.Popen[bytes] | None) -> None:
    if supervisor is not None:
        control.stop(supervisor)


def begin(layout: Layout, size: Size, *, leashed: bool) -> subprocess.Popen[bytes]:
    say(
        f"starting a dev chain, {counted(size.miners, 'miner')} and "
        f"{counted(size.validators, 'validator')} (logs: {layout.log('*')})"
    )
    say(f"shortened for one machine: {SHORTENED}")
    return control.start(layout, size, leashed=leashed)


def counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def tell_ports(nodes: list[NodeReport], size: Size) -> None:
    """Say so, loudly, if the first miner is not where it was wanted."""
    got = nodes[0].url.rpartition(":")[2]
    if size.first_port and got != str(size.first_port):
        say(f"PORT {size.first_port} IS BUSY: the first miner listens on {got} instead")


def running(layout: Layout) -> list[NodeReport]:
    """The nodes of a network that somebody else started. Raises NotReady while it starts."""
    nodes = report.read(layout.report)
    if not nodes or not control.serves(nodes[0]):
        raise NotReady(
            f"The network is only starting (log: {layout.log(SUPERVISOR)}); try again in a moment."
        )
    return nodes


class StillWaiting:
    """Says every few seconds that something goes on, so that nobody thinks that it hangs."""

    def __init__(self) -> None:
        self.said = 0.0

    def __call__(self, seconds: float) -> None:
        if seconds - self.said >= STILL_WAITING_S:
            self.said = seconds
            say(f"the nodes are loading ({seconds:.0f} s)")


def show(layout: Layout, nodes: list[NodeReport], *, demo: bool) -> None:
    """Store the corpus if it is not there yet, search it, and say where the nodes are."""
    url = nodes[0].url
    miners = [node.url for node in nodes if node.role == "miner"]
    with EngramClient(url, embed="remote") as client:  # it is ours, and has the model loaded
        fill(layout, client, miners)
        if len(miners) <= REPLICAS:
            show_searches(client)  # each of them has everything
    if len(miners) > REPLICAS:
        wait_placed(miners)
        with EngramNetwork(url=url, embed="remote") as network:
            show_searches(network)
    output.say(f"\nREADY {url}")
    validator = next((node.url for node in nodes if node.role == "validator"), None)
    if validator is not None:
        say(f"the validator's scores are at {validator}/scores")
    if demo and validator is not None:
        show_scores(layout)


def show_scores(layout: Layout) -> None:
    """Wait until miners are paid for what the validator measured, and show how all stand."""
    say("the validator posts records of its own, probes and challenges the miners, sets weights")
    found = wait_paid(layout, told=tell_progress)
    output.say()
    output.show(table(found))
    output.say(replication(found.replication))


def tell_progress(found: NetworkStanding) -> None:
    miners = [one for one in found.neurons if one.role == "miner"]
    judged = sum(one.composite is not None for one in miners)
    weighed = sum(bool(one.weight) for one in miners)
    paid = sum(one.incentive > 0 for one in miners)
    say(
        f"block {found.block}: of {counted(len(miners), 'miner')} {judged} are scored, "
        f"{weighed} have weight, {paid} are paid"
    )


def fill(layout: Layout, client: EngramClient, miners: list[str]) -> None:
    if corpus.is_stored(client, layout.corpus_receipt):
        say(f"{client.stats().vectors} records are here already")
        return
    say("waiting for the placement blocks that make the miners members")
    wait_placed(miners)
    total = len(corpus.passages())
    say(f"storing {total} bundled passages")
    began = time.monotonic()
    with output.progress() as progress:
        task = progress.add_task("embedding and storing", total=total)
        stored = corpus.store(
            client, layout.corpus_receipt, lambda count: progress.advance(task, count)
        )
    say(f"{len(stored)} passages are on disk after {time.monotonic() - began:.1f} s")
    for copies, count in Counter(copies_of(one) for one in stored).items():
        say(f"{count} of them with {copies} acknowledged")


def copies_of(stored: Ingested) -> str:
    """How many of its holders have a record, in words."""
    if stored.replicas is None:
        return "no replicas"
    return f"{stored.replicas.acknowledged} of {stored.replicas.required} replicas"


def show_searches(place: EngramClient | EngramNetwork) -> None:
    for query in corpus.SEARCHES:
        found = place.query(query, HITS_SHOWN, corpus.ONLY)
        output.say(f"\n{query}  ({found.latency_ms:.1f} ms)")
        for hit in found:
            output.say(f"  {hit.score:.3f}  {hit.cid}")
            output.say(f"         {output.snippet(hit.text)}")


def attend(layout: Layout, supervisor: subprocess.Popen[bytes]) -> None:
    """Wait in the foreground until Ctrl-C, or until the network ends."""
    say("Ctrl-C stops it; `engram status` shows it")
    if code := supervisor.wait():
        raise NotReady(
            f"The network ended (exit code {code}). Its last lines:\n{layout.log_tail(SUPERVISOR)}"
        )
    say("the network was stopped from elsewhere")
