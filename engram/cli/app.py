"""The table of commands, each loaded when it is used, and the one place where errors are told."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from engram import __version__
from engram.cli.failure import report
from engram.errors import EngramError


class Entry(NamedTuple):
    """Where a command is, and its line in the list of commands."""

    place: str
    """module:function, or module:app for a group of commands."""
    summary: str


# Loading all of these takes a second (index, model, HTTP); `engram --help` needs none of them.
COMMANDS = {
    "up": Entry(
        "up:up", "Start a network on this machine, store a small corpus in it and search it."
    ),
    "down": Entry("up:down", "Stop the network that `engram up` left running."),
    "miner": Entry("miner:miner", "Run a miner: store records and answer searches over HTTP."),
    "validator": Entry(
        "validator:app", "Run a validator: probe and challenge miners, score them, set weights."
    ),
    "gateway": Entry(
        "gateway:gateway", "Run a gateway: take in files and pages, search, check records."
    ),
    "ingest": Entry("ingest:ingest", "Store a text, or a file of many records."),
    "query": Entry("records:query", "Find the records nearest in meaning to a text."),
    "get": Entry("records:get", "Show one record."),
    "verify": Entry("verify:verify", "Recompute a record's CID here, without trusting the node."),
    "list": Entry(
        "records:list_", "List records: of a node in order of arrival, of a network each once."
    ),
    "route": Entry("route:route", "Show which miners are to hold a record, and who answers."),
    "peers": Entry("route:peers", "Show the members of the network, as one node sees them."),
    "replication": Entry(
        "replication:app",
        "Show how many copies of the records there are, as a validator confirmed them.",
    ),
    "status": Entry("status:status", "Show how the local network stands, or one node."),
    "doctor": Entry(
        "doctor:doctor",
        "Check this machine: versions, model, folder, port; with a chain, the place on it.",
    ),
    "delete": Entry("operate:delete", "Delete a record from your own node, for good."),
    "undelete": Entry(
        "operate:undelete", "Lift a deletion, so that the record may be stored again."
    ),
    "fsck": Entry(
        "operate:fsck", "Check every record, the index and the outbox; repair index and outbox."
    ),
    "export": Entry("transfer:export", "Write all records to a JSONL or Parquet file."),
    "import": Entry("transfer:import_", "Read records from a JSONL or Parquet file."),
    "backup": Entry("transfer:backup", "Copy a data directory, also while its miner runs."),
    "restore": Entry("transfer:restore", "Make a data directory from a backup."),
    "model": Entry("model:app", "Install or check the embedding model."),
    "chain": Entry("chain:app", "Make and run a dev chain: a subnet on one machine."),
    "wallet": Entry("wallet:app", "Create or list the keys that a neuron signs with."),
    "version": Entry("version:version", "Show the versions of what is installed."),
}


class LazyGroup(TyperGroup):
    """Knows its commands by name and summary; imports one only when it is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, entry in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=entry.summary)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if ctx.resilient_parsing and cmd_name in COMMANDS:  # shell completion wants its options
            return load(cmd_name)
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, placeholder, rest = super().resolve_command(ctx, args)
        return name, load(name) if name else placeholder, rest


def load(name: str) -> Any:
    """The command itself, its module imported."""
    module, _, attribute = COMMANDS[name].place.partition(":")
    found = getattr(import_module(f"engram.cli.{module}"), attribute)
    group = found if isinstance(found, typer.Typer) else typer.Typer(**LOOK)
    if found is not group:
        group.command(name)(found)
    command = typer.main.get_command(group)
    command.name = name
    return command


LOOK: dict[str, Any] = {"rich_markup_mode": "rich", "add_completion": False}

app = typer.Typer(
    cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich"
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"engram {__version__}")
        raise typer.Exit


@app.callback()
def engram(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="show it")
    ] = False,
) -> None:
    """Engram: permanent, content-addressed semantic memory.

    \b
    Examples:
      engram up
      engram ingest "The oak was planted in 1911"
      engram query "how old is the tree?"
      engram COMMAND --help
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 if all went well, else the error's own exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(given, prog_name="engram")
    except (EngramError, OSError) as error:
        sys.exit(report(error, as_json="--json" in given))
