"""The local network's ledger and keys: made once, completed at every start."""

from __future__ import annotations

from contextlib import closing

from engram.chain.dev import DEFAULT_NETUID, DevChain, DevOperator, Rules, create
from engram.chain.interface import Signer
from engram.chain.wallet import create_wallet, load_signer, paths_of
from engram.cli.network.layout import WALLET, Layout, Role
from engram.errors import ChainRejected

BLOCK_TIME_S = 1.0
STAKE = 1000.0  # each validator's: equal stakes, equal say
RULES = Rules(
    tempo=9,  # an epoch every ten seconds
    weights_rate_limit=5,
    serving_rate_limit=0,  # a restarted node may have another port
    immunity_period=60,
)


def prepare(layout: Layout, roles: dict[str, Role]) -> dict[str, str]:
    """Have a ledger on which every named node is registered; hotkey addresses by name.

    Raises ChainUnavailable or ChainRejected, and WalletError for keys that cannot be read.
    """
    if not layout.ledger.exists():
        create(layout.ledger, block_time_s=BLOCK_TIME_S, subnet_rules={DEFAULT_NETUID: RULES})
    with closing(DevOperator(layout.ledger)) as operator:
        return {name: enroll(layout, operator, name, role) for name, role in roles.items()}


def enroll(layout: Layout, operator: DevOperator, name: str, role: Role) -> str:
    """Give the node a key and a UID, and a validator its stake; the hotkey's address."""
    if not paths_of(WALLET, name, layout.wallets).hotkey.exists():
        create_wallet(WALLET, name, layout.wallets, password=None)
    signer = load_signer(layout.wallet(name), layout.wallets)
    with closing(DevChain(layout.ledger, signer)) as chain:
        receipt = chain.register(netuid=DEFAULT_NETUID)
        if not receipt.ok and receipt.code != "already_registered":
            raise ChainRejected(f"{name} cannot be registered: {receipt.message}")
        if role == "validator":
            endow(operator, chain, signer)
    return signer.hotkey


def endow(operator: DevOperator, chain: DevChain, signer: Signer) -> None:
    """Stake on a validator, if it has none yet: without stake its weights do not count."""
    neuron = chain.snapshot(DEFAULT_NETUID).by_hotkey(signer.hotkey)
    if neuron is not None and neuron.stake > 0:
        return
    operator.faucet(signer.coldkey or signer.hotkey, STAKE)
    receipt = chain.add_stake(STAKE, netuid=DEFAULT_NETUID)
    if not receipt.ok:
        raise ChainRejected(f"stake cannot be added: {receipt.message}")
