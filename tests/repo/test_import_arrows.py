"""Imports run one way, and only a few named modules put real parts together."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.repo.sources import package_modules

# cli > gateway > miner | validator | sdk > capabilities > protocol config > core > errors
TIERS = [
    {"errors"},
    {"core"},
    {"protocol", "config"},
    {"chain", "storage", "embedding", "dht", "blobs", "documents", "net"},
    {"miner", "validator", "sdk"},
    {"gateway"},
    {"cli"},
    {"__init__", "__main__"},  # doorways: they name what is inside and hold nothing of their own
]
RANK = {room: rank for rank, tier in enumerate(TIERS) for room in tier}

READS_THE_ENVIRONMENT = {
    "engram.config",
    "engram.core",  # ENGRAM_CORE alone: core stands below config and must choose before it
}
OPENERS = {"open_store", "open_embedder", "open_chain"}


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imported(name: str, module: ast.Module) -> Iterator[str]:
    """Dotted names of what a module imports from the package, wherever the import stands."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "engram")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively; write the whole name"
            if node.module == "engram":
                yield from (f"engram.{alias.name}" for alias in node.names)
            elif node.module and node.module.startswith("engram."):
                yield node.module


def wrong_arrows(name: str, module: ast.Module) -> list[str]:
    here = room(name)
    targets = {room(target) for target in imported(name, module)} - {here}
    return sorted(target for target in targets if RANK.get(target, 0) >= RANK[here])


def test_every_room_has_its_place() -> None:
    unknown = {room(name) for name, _ in package_modules()} - RANK.keys()
    assert not unknown, f"say in TIERS where {unknown} belong"


def test_imports_run_one_way() -> None:
    wrong = {name: wrong_arrows(name, module) for name, module in package_modules()}
    assert not {name: targets for name, targets in wrong.items() if targets}


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("engram.core.cid", "from engram.config import StoreSettings", ["config"]),
        ("engram.miner.query", "def f():\n    import engram.sdk.client", ["sdk"]),
        ("engram.storage.index", "from engram.embedding import open_embedder", ["embedding"]),
        ("engram.cli.up", "from engram.sdk import EngramClient", []),
        ("engram.sdk.memory", "from engram.storage import open_store", []),
    ],
)
def test_a_wrong_arrow_is_seen(name: str, source: str, expected: list[str]) -> None:
    assert wrong_arrows(name, ast.parse(source)) == expected


def environment_reads(module: ast.Module) -> list[int]:
    names = {"environ", "environb", "getenv", "getenvb"}
    return [
        node.lineno
        for node in ast.walk(module)
        if (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.ImportFrom) and {a.name for a in node.names} & names)
    ]


def test_only_config_reads_the_environment() -> None:
    found = {
        name: lines
        for name, module in package_modules()
        if name not in READS_THE_ENVIRONMENT and (lines := environment_reads(module))
    }
    assert not found


def test_core_reads_one_variable_only() -> None:
    core = next(module for name, module in package_modules() if name == "engram.core")
    strings = {n.value for n in ast.walk(core) if isinstance(n, ast.Constant)}
    assert "ENGRAM_CORE" in strings
    assert len(environment_reads(core)) == 1


COMPOSES = {
    "engram.sdk.local",  # the app of whoever uses Memory inside their own process
    "engram.sdk.own_embedder",  # and of whoever embeds before anything is sent to a node
    "engram.sdk.network.from_chain",  # and of whoever reads from a chain who the members are
}


def composes(name: str) -> bool:
    return room(name) == "cli" or name.endswith(".app") or name in COMPOSES


def calls_an_opener(module: ast.Module) -> bool:
    calls = (node.func for node in ast.walk(module) if isinstance(node, ast.Call))
    return any(
        (isinstance(f, ast.Name) and f.id in OPENERS)
        or (isinstance(f, ast.Attribute) and f.attr in OPENERS)
        for f in calls
    )


def test_only_cli_and_apps_put_real_parts_together() -> None:
    found = [name for name, module in package_modules() if calls_an_opener(module)]
    assert not [name for name in found if not composes(name)]
