"""Help: quick, complete, and with an example for every command."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from engram import __version__
from engram.cli.app import COMMANDS, load
from tests.cli.shell import Shell

COMPUTING = {"numpy", "faiss", "onnxruntime"}


GROUPS = {
    "model": ["install", "status"],
    "wallet": ["create", "list", "regenerate"],
    "replication": ["status", "list", "show"],
    "chain": [
        "create",
        "status",
        "register",
        "stake",
        "faucet",
        "advance",
        "history",
        "rules",
        "fault",
    ],
}


def subcommands() -> list[list[str]]:
    whole = [[name] for name in COMMANDS if name not in GROUPS]
    return whole + [[name, one] for name, members in GROUPS.items() for one in members]


@pytest.mark.parametrize("command", subcommands(), ids=" ".join)
def test_every_command_has_an_example_of_itself(shell: Shell, command: list[str]) -> None:
    text = shell.ok(*command, "--help").out
    examples = text.partition("Examples:")[2].partition("╭")[0]
    assert f"engram {' '.join(command)}" in examples, text


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    first_line = (load(name).help or "").strip().splitlines()[0]
    assert first_line == COMMANDS[name].summary


def test_the_list_names_every_command(shell: Shell) -> None:
    text = shell.ok("--help").out
    listed = set(re.findall(r"^│ ([a-z]+) ", text, re.MULTILINE))
    assert listed >= set(COMMANDS)


def loaded_by(*arguments: str) -> set[str]:
    """Modules that a command line has imported when it ends."""
    program = (
        "import sys\nfrom engram.cli import main\n"
        f"try: main({list(arguments)!r})\nexcept SystemExit: pass\n"
        "print('LOADED', *sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    return set(ran.stdout.partition("LOADED ")[2].split())


def test_help_imports_nothing_heavy() -> None:
    loaded = loaded_by("--help")
    assert "typer" in loaded
    assert not loaded & {*COMPUTING, "aiohttp", "httpx", "pydantic", "engram.sdk"}


@pytest.mark.parametrize("command", ["query", "ingest", "get", "list", "status"])
def test_talking_to_a_node_imports_nothing_that_computes(command: str) -> None:
    loaded = loaded_by(command, "--help")
    assert "httpx" in loaded
    assert not loaded & COMPUTING


def test_version(shell: Shell) -> None:
    assert shell.ok("--version").out == f"engram {__version__}\n"
    body = shell.ok("version", "--json").json
    assert body["version"] == __version__
    assert body["core"] in ("rust", "python")
    assert __version__ in shell.ok("version").out


def test_nothing_is_answered_with_help(shell: Shell) -> None:
    assert "engram COMMAND --help" in shell().out
