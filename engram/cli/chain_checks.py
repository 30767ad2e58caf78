"""What ``engram doctor`` looks at for a miner that is to join a chain. It changes nothing there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from engram.chain import open_chain
from engram.chain.interface import Axon, Chain, Signer, Snapshot
from engram.chain.wallet import load_signer, parse_wallet, paths_of
from engram.cli.checks import Check
from engram.config import MinerSettings
from engram.errors import ChainRejected, ChainUnavailable, WalletError
from engram.miner import chain_warnings
from engram.miner.app import axon_of
from engram.miner.chain_warnings import Concern


def on_chain(miner: MinerSettings) -> Iterator[Check]:
    """Wallet, chain, registration and address; nothing for a miner without a chain."""
    if miner.chain == "none":
        return
    if miner.wallet is None:
        yield Check("wallet", "fail", "none is named", "--wallet NAME/HOTKEY")
        return
    try:
        signer = load_signer(miner.wallet)
    except WalletError as error:
        yield Check("wallet", "fail", error.message, f"engram wallet create {miner.wallet}")
        return
    with closing(open_chain(miner.chain, signer)) as chain:
        yield wallet(miner.wallet, signer, public=chain.is_public)
        try:
            snapshot = chain.snapshot(miner.netuid)
        except (ChainUnavailable, ChainRejected) as error:
            remedy = "a miner starts without it and tries again every 10 s"
            yield Check("chain", "warn", error.message, remedy)
            return
        yield Check("chain", "ok", f"{chain.name} answers, block {snapshot.block.number}")
        yield registration(miner, signer, snapshot)
        yield axon(miner, chain, signer, snapshot)


def wallet(name: str, signer: Signer, *, public: bool) -> Check:
    """Whether the coldkey is somewhere else, as it should be where strangers may break in."""
    coldkey = paths_of(*parse_wallet(name)).coldkey
    if public and coldkey.exists():
        return warning("wallet", chain_warnings.coldkey_here(coldkey))
    return Check("wallet", "ok", f"{name} signs as {signer.hotkey}")


def registration(miner: MinerSettings, signer: Signer, snapshot: Snapshot) -> Check:
    neuron = snapshot.by_hotkey(signer.hotkey)
    if neuron is None:
        return warning("uid", chain_warnings.not_registered(signer.hotkey, miner.netuid))
    return Check("uid", "ok", f"UID {neuron.uid} of subnet {miner.netuid}")


def axon(miner: MinerSettings, chain: Chain, signer: Signer, snapshot: Snapshot) -> Check:
    """The address that the chain has, and the one that it would be given."""
    ours = axon_of(miner, miner.port)
    if ours is None:
        return warning("axon", chain_warnings.no_address(miner.host))
    if chain.is_public and chain_warnings.is_private(ours.ip):
        return warning("axon", chain_warnings.private_address(ours))
    neuron = snapshot.by_hotkey(signer.hotkey)
    return announced(signer, neuron.axon if neuron else None, ours)


def announced(signer: Signer, listed: Axon | None, ours: Axon) -> Check:
    if listed is None:
        return Check("axon", "ok", f"a miner started so will be announced at {ours.url}")
    answers = chain_warnings.answers(listed.url)
    if listed != ours and answers:
        return warning("axon", chain_warnings.two_miners(signer.hotkey, listed))
    if listed != ours:
        return Check("axon", "ok", f"{ours.url} will take the place of {listed.url}")
    if not answers:
        return warning("axon", chain_warnings.unreachable(ours))
    return Check("axon", "ok", f"{ours.url} is announced and answers")


def warning(name: str, concern: Concern) -> Check:
    return Check(name, "warn", concern.what, concern.remedy)
