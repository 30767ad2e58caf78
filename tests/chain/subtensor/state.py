"""What a subtensor runtime answers from its state: storage items and runtime APIs, encoded."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from engram.chain.dev.subnets import SubnetRow
from engram.chain.interface import Axon
from engram.chain.weighing import U16_MAX
from tests.chain.subtensor.book import Book, Row
from tests.chain.subtensor.runtime import PALLET, Runtime

RAO = 1_000_000_000
NOBODY = "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM"  # 32 zero bytes


class State:
    """The state at a block, from the ledger."""

    def __init__(self, runtime: Runtime, book: Book) -> None:
        self._runtime = runtime
        self._book = book
        self._items = {
            runtime.codec.storage_prefix(PALLET, name): (name, read) for name, read in ITEMS.items()
        }

    def storage(self, key: bytes, number: int) -> bytes | None:
        """The value under a storage key; None if it is not set (its default holds then)."""
        name, read = self._items.get(key[:32], ("", None))
        if read is None:
            return None
        codec = self._runtime.codec
        params = codec.decode_storage_key_params(PALLET, name, key)
        subnet = self._book.subnet(params[0] if params else 1)
        if subnet is None:
            return None
        rows = self._book.rows(subnet.netuid, number)
        value = read(subnet, rows, number, params[1:])
        kind = codec.storage_entry(PALLET, name).value_type
        return None if value is None else bytes(codec.encode(kind, value))

    def metagraph(self, netuid: int, number: int) -> bytes:
        subnet = self._book.subnet(netuid)
        record = None if subnet is None else metagraph(subnet, self._book, number)
        kind = self._runtime.outputs["SubnetInfoRuntimeApi_get_metagraph"]
        return bytes(self._runtime.codec.encode(kind, record))

    def fee(self) -> bytes:
        kind = self._runtime.outputs["TransactionPaymentApi_query_info"]
        weight = {"ref_time": 1000, "proof_size": 1000}
        info = {"weight": weight, "class": "Normal", "partial_fee": 0}
        return bytes(self._runtime.codec.encode(kind, info))


def _uid(_subnet: SubnetRow, rows: list[Row], _number: int, rest: list[Any]) -> int | None:
    return next((row.neuron.uid for row in rows if row.neuron.hotkey == rest[0]), None)


Read = Callable[[SubnetRow, list[Row], int, list[Any]], Any]

ITEMS: dict[str, Read] = {
    "Uids": _uid,
    "LastUpdate": lambda _s, rows, _n, _p: [row.neuron.last_update for row in rows],
    "StakeThreshold": lambda s, _r, _n, _p: round(s.rules.min_stake_to_set_weights * RAO),
    "CommitRevealWeightsEnabled": lambda s, _r, _n, _p: s.rules.commit_reveal,
    "WeightsSetRateLimit": lambda s, _r, _n, _p: s.rules.weights_rate_limit,
    "MinAllowedWeights": lambda s, _r, _n, _p: s.rules.min_allowed_weights,
    "MaxWeightsLimit": lambda s, _r, _n, _p: int(s.rules.max_weight_limit * U16_MAX),
    "Tempo": lambda s, _r, _n, _p: s.rules.tempo,
    "RevealPeriodEpochs": lambda s, _r, _n, _p: s.rules.reveal_period_epochs,
    "LastEpochBlock": lambda s, _r, _n, _p: s.last_epoch,
    "BlocksSinceLastStep": lambda s, _r, n, _p: n - s.last_epoch,
    "SubnetEpochIndex": lambda s, _r, n, _p: n // (s.rules.tempo + 1),
}


def metagraph(subnet: SubnetRow, book: Book, number: int) -> dict[str, Any]:
    """The runtime's record of a subnet; what a dev chain does not have is empty."""
    rows = book.rows(subnet.netuid, number)
    nothing = [0] * len(rows)
    columns = {
        "hotkeys": [row.neuron.hotkey for row in rows],
        "coldkeys": [row.neuron.coldkey for row in rows],
        "identities": [None] * len(rows),
        "axons": [_axon(row) for row in rows],
        "active": [True] * len(rows),
        "validator_permit": [row.neuron.validator_permit for row in rows],
        "last_update": [row.neuron.last_update for row in rows],
        "emission": [round(row.neuron.emission * RAO) for row in rows],
        "dividends": [round(row.neuron.dividends * U16_MAX) for row in rows],
        "incentives": [round(row.neuron.incentive * U16_MAX) for row in rows],
        "block_at_registration": [row.neuron.registered_at for row in rows],
        "total_stake": [round(row.neuron.stake * RAO) for row in rows],
        "tao_dividends_per_hotkey": [],
        "alpha_dividends_per_hotkey": [],
    }
    empty = ("pruning_score", "consensus", "trust", "rank", "alpha_stake", "tao_stake")
    columns |= dict.fromkeys((*empty, *COLLATERAL), nothing)
    return _whole(subnet, len(rows), number) | columns


COLLATERAL = ("collateral_locked", "collateral_min", "collateral_earned")
UNUSED = (
    *("network_registered_at", "last_step", "blocks_since_last_step", "subnet_emission"),
    *("alpha_in", "alpha_out", "tao_in", "alpha_out_emission", "alpha_in_emission"),
    *("tao_in_emission", "pending_alpha_emission", "pending_root_emission", "subnet_volume"),
    *("rho", "kappa", "burn", "difficulty", "min_difficulty", "max_difficulty", "min_burn"),
    *("max_burn", "adjustment_alpha", "adjustment_interval", "target_regs_per_interval"),
    *("max_regs_per_block", "alpha_high", "alpha_low", "bonds_moving_avg"),
)


def _whole(subnet: SubnetRow, neurons: int, number: int) -> dict[str, Any]:
    rules = subnet.rules
    return dict.fromkeys(UNUSED, 0) | {
        "netuid": subnet.netuid,
        "name": list(b"dev"),
        "symbol": list(b"d"),
        "identity": None,
        "owner_hotkey": NOBODY,
        "owner_coldkey": NOBODY,
        "block": number,
        "tempo": rules.tempo,
        "moving_price": {"bits": 0},
        "min_allowed_weights": rules.min_allowed_weights,
        "max_weights_limit": int(rules.max_weight_limit * U16_MAX),
        "weights_version": rules.weights_version,
        "weights_rate_limit": rules.weights_rate_limit,
        "activity_cutoff": rules.activity_cutoff,
        "max_validators": rules.max_validators,
        "num_uids": neurons,
        "max_uids": rules.max_uids,
        "registration_allowed": True,
        "pow_registration_allowed": False,
        "immunity_period": rules.immunity_period,
        "serving_rate_limit": rules.serving_rate_limit,
        "commit_reveal_weights_enabled": rules.commit_reveal,
        "commit_reveal_period": rules.reveal_period_epochs,
        "liquid_alpha_enabled": False,
    }


def _axon(row: Row) -> dict[str, int]:
    axon = row.neuron.axon or Axon("0.0.0.0", 0)
    address = ip_address(axon.ip)
    nothing = dict.fromkeys(("version", "protocol", "placeholder1", "placeholder2"), 0)
    where = {"ip": int(address), "port": axon.port, "ip_type": address.version}
    return nothing | where | {"block": row.served_at}
