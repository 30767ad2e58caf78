"""How each node of a local network is run, and by which shortened rules."""

from __future__ import annotations

from collections.abc import Mapping

from engram.chain.dev import DEFAULT_NETUID
from engram.cli.network.child import Plan
from engram.cli.network.layout import Layout, Role, names
from engram.cli.network.ports import HOST
from engram.config import environment_with

PLACEMENT_BLOCKS = 5
MINER_PACE = {
    "placement_blocks": str(PLACEMENT_BLOCKS),
    "connect_every_s": "1",
    "metagraph_every_s": "3",
    "absent_after_s": "6",
    "compare_every_s": "2",
    "sweep_every_s": "3",
    "keep_foreign_s": "20",
}
VALIDATOR_PACE = {
    "placement_blocks": str(PLACEMENT_BLOCKS),
    "scoring_every_s": "3",
    "challenge_every_s": "3",
    "weights_every_s": "5",
    "placing_every_s": "2",
    "min_known": "10",
    "unreachable_after_s": "6",
    "survey_every_s": "2",
    "repair_every_s": "3",
    "repair_after_s": "10",
}
SHORTENED = (
    "blocks of 1 s instead of 12, placement every 5 blocks instead of 100, scoring every 3 s "
    "instead of 120, challenges every 3 s instead of 300, weights every 5 s instead of 600; miners "
    "compare what they hold every 2 s instead of 60, stand in for a silent one after 6 s instead "
    "of 600, and keep copies that are not theirs for 20 s instead of a day"
)


def roles(miners: int, validators: int) -> dict[str, Role]:
    """Every node's role by its name, miners first."""
    found: dict[str, Role] = dict.fromkeys(names("miner", miners), "miner")
    return found | dict.fromkeys(names("validator", validators), "validator")


def plans(
    layout: Layout, kinds: Mapping[str, Role], hotkeys: Mapping[str, str], ports: Mapping[str, int]
) -> list[Plan]:
    """How to run each node."""
    urls = {name: f"http://{HOST}:{port}" for name, port in ports.items()}
    environment = environment_with(
        {f"ENGRAM_{name.upper()}": value for name, value in MINER_PACE.items()}
        | {f"ENGRAM_VALIDATOR_{name.upper()}": value for name, value in VALIDATOR_PACE.items()}
        | {
            "ENGRAM_WALLET_DIR": str(layout.wallets),
            "ENGRAM_VALIDATORS": " ".join(
                urls[name] for name, kind in kinds.items() if kind == "validator"
            ),
        }
    )
    return [
        Plan(
            name=name,
            role=kind,
            hotkey=hotkeys[name],
            url=urls[name],
            arguments=arguments(layout, name, kind, ports[name]),
            environment=environment,
            log=layout.log(name),
        )
        for name, kind in kinds.items()
    ]


def arguments(layout: Layout, name: str, kind: Role, port: int) -> list[str]:
    """The command line of a node, after ``engram``."""
    return [
        kind,
        *("--data-dir", str(layout.data(name))),
        *("--host", HOST),
        *("--port", str(port)),
        *("--chain", layout.chain),
        *("--netuid", str(DEFAULT_NETUID)),
        *("--wallet", layout.wallet(name)),
    ]
