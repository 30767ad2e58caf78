"""A subnet as the runtime tells it in one call: its metagraph at a block."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any

from engram.chain.interface import Axon, Block, Hyperparameters, Neuron, Snapshot
from engram.chain.signatures import public_key_of
from engram.chain.weighing import U16_MAX
from engram.errors import ChainRejected, ChainUnavailable

if TYPE_CHECKING:
    import bittensor

RAO = 1_000_000_000  # in one unit of the chain
HASHES_AT_ONCE = 16  # questions in flight; a first snapshot has up to 256
IPV6 = 6

Hashes = dict[int, bytes]
"""Block number to hash, of finalized blocks."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """The runtime's own record; every column of it is in the order of UIDs."""

    netuid: int
    block: Block
    raw: Mapping[str, Any]

    @property
    def hotkeys(self) -> list[str]:
        return [str(hotkey) for hotkey in self.raw["hotkeys"]]

    def uid_of(self, hotkey: str) -> int | None:
        """None if it is not registered."""
        return next((uid for uid, one in enumerate(self.hotkeys) if one == hotkey), None)

    def number(self, column: str, uid: int) -> int:
        return int(self.raw[column][uid])

    def axon(self, uid: int) -> Axon | None:
        return _axon(self.raw["axons"][uid])

    def served_at(self, uid: int) -> int:
        """Block in which it last announced an axon; 0 if never."""
        return int(self.raw["axons"][uid]["block"])

    def snapshot(self, hashes: Hashes) -> Snapshot:
        """``hashes`` has those of registration blocks, as far as they are known."""
        count = len(self.raw["hotkeys"])
        return Snapshot(
            self.netuid, self.block, tuple(self._neuron(u, hashes) for u in range(count))
        )

    def registration_blocks(self) -> set[int]:
        return {int(number) for number in self.raw["block_at_registration"]}

    def _neuron(self, uid: int, hashes: Hashes) -> Neuron:
        hotkey = str(self.raw["hotkeys"][uid])
        registered_at = self.number("block_at_registration", uid)
        return Neuron(
            uid=uid,
            hotkey=hotkey,
            coldkey=str(self.raw["coldkeys"][uid]),
            public_key=public_key_of(hotkey),
            axon=self.axon(uid),
            stake=self.number("total_stake", uid) / RAO,
            incentive=self.number("incentives", uid) / U16_MAX,
            dividends=self.number("dividends", uid) / U16_MAX,
            emission=self.number("emission", uid) / RAO,
            validator_permit=bool(self.raw["validator_permit"][uid]),
            last_update=self.number("last_update", uid),
            registered_at=registered_at,
            registered_hash=hashes.get(registered_at),
        )

    def rules(self, min_stake: float, block_time_s: float) -> Hyperparameters:
        """The subnet's rules; two of them are the whole chain's."""
        raw = self.raw
        return Hyperparameters(
            tempo=int(raw["tempo"]),
            weights_rate_limit=int(raw["weights_rate_limit"]),
            weights_version=int(raw["weights_version"]),
            min_allowed_weights=int(raw["min_allowed_weights"]),
            max_weight_limit=int(raw["max_weights_limit"]) / U16_MAX,
            commit_reveal=bool(raw["commit_reveal_weights_enabled"]),
            reveal_period_epochs=int(raw["commit_reveal_period"]),
            immunity_period=int(raw["immunity_period"]),
            activity_cutoff=int(raw["activity_cutoff"]),
            max_uids=int(raw["max_uids"]),
            max_validators=int(raw["max_validators"]),
            min_stake_to_set_weights=min_stake,
            block_time_s=block_time_s,
        )


async def finalized(substrate: bittensor.RpcSubstrate) -> Block:
    """The last finalized block."""
    found = await substrate.raw.get_chain_finalised_head()
    return Block(await substrate.raw.get_block_number(found), _bytes(found))


async def best(substrate: bittensor.RpcSubstrate) -> Block:
    """The newest block, which may still be replaced: writes are judged by its state."""
    found = await substrate.block_hash(None)
    return Block(await substrate.raw.get_block_number(found), _bytes(found))


async def block_at(substrate: bittensor.RpcSubstrate, number: int) -> Block:
    """A finalized block. Raises ChainUnavailable if it is not finalized yet."""
    last = await finalized(substrate)
    if number > last.number:
        raise ChainUnavailable(f"block {number} is not final yet; the last one is {last.number}")
    return (
        last if number == last.number else Block(number, _bytes(await substrate.block_hash(number)))
    )


async def subnet_at(substrate: bittensor.RpcSubstrate, netuid: int, block: Block) -> Subnet:
    """The subnet as of a block. Raises ChainRejected if there is none of that number."""
    raw = await substrate.runtime_call(
        "SubnetInfoRuntimeApi", "get_metagraph", [netuid], block_hash=_hex(block.hash)
    )
    if raw is None:
        raise ChainRejected(f"the chain has no subnet {netuid}: use --netuid")
    return Subnet(netuid, block, raw)


async def rules_of(substrate: bittensor.RpcSubstrate, subnet: Subnet) -> Hyperparameters:
    """The rules that held at the subnet's block."""
    at = _hex(subnet.block.hash)
    least = await substrate.query("SubtensorModule", "StakeThreshold", [], block_hash=at)
    return subnet.rules(int(least or 0) / RAO, await substrate.block_time())


async def hashes_of(
    substrate: bittensor.RpcSubstrate, numbers: set[int], known: Mapping[int, bytes]
) -> Hashes:
    """The hashes of finalized blocks, without those that the node has forgotten."""
    gate = asyncio.Semaphore(HASHES_AT_ONCE)

    async def ask(number: int) -> tuple[int, bytes | None]:
        async with gate:
            return number, await _hash_of(substrate, number)

    missing = numbers - known.keys()
    found = await asyncio.gather(*map(ask, sorted(missing)))
    kept = {number: known[number] for number in numbers & known.keys()}
    return kept | {number: value for number, value in found if value is not None}


async def _hash_of(substrate: bittensor.RpcSubstrate, number: int) -> bytes | None:
    from bittensor._transport.errors import BlockNotFound

    try:
        return _bytes(await substrate.raw.get_block_hash(number))
    except BlockNotFound:
        return None


def _axon(record: Mapping[str, Any]) -> Axon | None:
    number, port = int(record["ip"]), int(record["port"])
    if not number or not port:
        return None  # never announced, or taken back
    address = IPv6Address(number) if int(record["ip_type"]) == IPV6 else IPv4Address(number)
    return Axon(str(address), port)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
