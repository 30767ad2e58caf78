"""The validator, put together from real parts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from random import SystemRandom

from engram.chain import open_chain
from engram.config import EmbedderSettings, ValidatorSettings
from engram.dht import RoutingTable
from engram.embedding import open_embedder
from engram.errors import InvalidInput
from engram.net.log import configure_logging
from engram.net.signals import stop_event
from engram.storage.lock import DirectoryLock
from engram.validator.clock import SystemClock
from engram.validator.corpus import Corpus, read_passages
from engram.validator.miner_client import HttpTransport
from engram.validator.parts import Given, Parts
from engram.validator.serve import run
from engram.validator.state import State
from engram.validator.state.database import fact, set_fact

__all__ = ["run_validator"]

SUBNET = "subnet"


def run_validator(
    settings: ValidatorSettings, embedder: EmbedderSettings, bundled: Iterable[str]
) -> None:
    """Run a validator until SIGTERM or SIGINT.

    ``bundled``: the texts to recombine if the operator names no corpus. Raises CannotListen,
    StoreLocked and the other StoreErrors, ModelMissing, ModelMismatch, WalletError, InvalidInput.
    """
    configure_logging(settings.log_format)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    lock = DirectoryLock(settings.data_dir)
    try:
        state = State(settings.data_dir)
        try:
            asyncio.run(until_signalled(settings, embedder, bundled, state, lock))
        finally:
            state.close()
    finally:
        lock.release()


async def until_signalled(
    settings: ValidatorSettings,
    embedder: EmbedderSettings,
    bundled: Iterable[str],
    state: State,
    lock: DirectoryLock,
) -> None:
    """Put the parts together and run them."""
    stop = stop_event()
    clock = SystemClock()
    async with HttpTransport(settings.max_in_flight, clock) as transport:
        given = await asyncio.to_thread(
            opened, settings, embedder, bundled, state, transport, clock
        )
        await run(Parts(settings, given), lock, stop)


def opened(
    settings: ValidatorSettings,
    embedder: EmbedderSettings,
    bundled: Iterable[str],
    state: State,
    transport: HttpTransport,
    clock: SystemClock,
) -> Given:
    """The impure things. Nothing is dialled yet; opening the embedder takes a second."""
    # sr25519, which reading a state does not need
    from engram.chain.signatures import verify
    from engram.chain.wallet import load_signer

    if settings.chain is None or settings.wallet is None:
        raise InvalidInput("A validator needs --chain and --wallet NAME/HOTKEY.")
    require_same_subnet(state, f"{settings.chain} subnet {settings.netuid}")
    signer = load_signer(settings.wallet)
    random = SystemRandom()  # a probe that could be foretold would be none
    return Given(
        chain=open_chain(settings.chain, signer, deadline_s=settings.chain_deadline_s),
        signer=signer,
        verify=verify,
        state=state,
        table=RoutingTable(settings.placement_blocks, folder=settings.data_dir / "placement"),
        transport=transport,
        embedder=open_embedder(embedder),
        corpus=corpus_of(settings, bundled, random),
        clock=clock,
        random=random,
    )


def require_same_subnet(state: State, subnet: str) -> None:
    """Raise InvalidInput if the folder's evidence is of another subnet."""
    with state.write() as tx:
        before = fact(tx, SUBNET)
        if before is None:
            set_fact(tx, SUBNET, subnet)
    if before not in (None, subnet):
        raise InvalidInput(
            f"This folder's evidence is of {before}, not of {subnet}; name another --data-dir."
        )


def corpus_of(settings: ValidatorSettings, bundled: Iterable[str], random: SystemRandom) -> Corpus:
    """The operator's own texts, or else the bundled ones, which are no secret."""
    if settings.corpus is None:
        return Corpus(bundled, random, secret=False)
    return Corpus(read_passages(settings.corpus), random, secret=True)
