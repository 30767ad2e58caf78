"""Extrinsics as a node takes them: decoded, their signature checked, carried out on the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from engram.chain.interface import Axon, Receipt
from engram.chain.signatures import public_key_of, verify
from tests.chain.subtensor.book import Book
from tests.chain.subtensor.runtime import PALLET, Runtime

IPV6 = 6
WEIGHT = {"ref_time": 1000, "proof_size": 1000}
INFO = {"weight": WEIGHT, "class": "Normal", "pays_fee": "Yes"}

# The runtime's names of the ledger's refusals.
NAMES = {
    "not_registered": "HotKeyNotRegisteredInSubNet",
    "no_permit": "NeuronNoValidatorPermit",
    "low_stake": "NotEnoughStakeToSetWeights",
    "version_too_low": "IncorrectWeightVersionKey",
    "too_few_weights": "WeightVecLengthIsLow",
    "max_weight_exceeded": "MaxWeightExceeded",
}


class InvalidTransactionError(Exception):
    """What the pool says of an extrinsic that it does not take."""


@dataclass(frozen=True)
class Extrinsic:
    """A call whose signature was checked."""

    data: bytes
    address: str
    """Whose signature it bears."""
    nonce: int
    function: str
    arguments: dict[str, Any]

    @property
    def hash(self) -> str:
        return "0x" + hashlib.blake2b(self.data, digest_size=32).hexdigest()


def opened(
    runtime: Runtime, data: bytes, genesis: bytes, best: int, hash_at: Callable[[int], bytes]
) -> Extrinsic:
    """The extrinsic in these bytes. Raises InvalidTransactionError if its signature is not good."""
    plain = runtime.codec.decode_extrinsic(data)
    signature = bytes.fromhex(plain["signature"]["Sr25519"].removeprefix("0x"))
    era, anchor = _era(plain["era"], best, genesis, hash_at)
    parts = {
        "era": era,
        "nonce": plain["nonce"],
        "tip": plain["tip"],
        "tip_asset_id": None,
        "genesis_hash": genesis,
        "era_block_hash": anchor,
    }
    extra, _ = runtime.codec.signature_payload_parts(**parts)
    after = data.index(signature) + len(signature) + len(extra)
    payload = runtime.codec.signature_payload(data[after:], **parts)
    if not verify(public_key_of(plain["address"]), payload, signature):
        raise InvalidTransactionError("Transaction has a bad signature")
    call = plain["call"]
    arguments = {one["name"]: one["value"] for one in call["call_args"]}
    return Extrinsic(
        data,
        plain["address"],
        plain["nonce"],
        f"{call['call_module']}.{call['call_function']}",
        arguments,
    )


def _era(era: Any, best: int, genesis: bytes, hash_at: Callable[[int], bytes]) -> tuple[Any, bytes]:
    """The era as the codec takes it, and the hash of the block in which it began."""
    if era == "00":
        return era, genesis
    period, phase = era
    birth = (max(best, phase) - phase) // period * period + phase
    return {"period": period, "phase": phase}, hash_at(birth)


def carried_out(book: Book, extrinsic: Extrinsic) -> Receipt:
    """Dispatch the call."""
    return CALLS[extrinsic.function](book, extrinsic.address, extrinsic.arguments)


def _serve_axon(book: Book, hotkey: str, given: dict[str, Any]) -> Receipt:
    kind = IPv6Address if given["ip_type"] == IPV6 else IPv4Address
    return book.serve(given["netuid"], hotkey, Axon(str(kind(given["ip"])), given["port"]))


def _set_weights(book: Book, hotkey: str, given: dict[str, Any]) -> Receipt:
    weights = dict(zip(given["dests"], given["weights"], strict=True))
    return book.set_weights(given["netuid"], hotkey, weights, given["version_key"])


def _commit(book: Book, hotkey: str, given: dict[str, Any]) -> Receipt:
    return book.note_commit(given["netuid"], hotkey)


def _register(book: Book, coldkey: str, given: dict[str, Any]) -> Receipt:
    return book.register(given["netuid"], given["hotkey"], coldkey)


CALLS: dict[str, Callable[[Book, str, dict[str, Any]], Receipt]] = {
    f"{PALLET}.burned_register": _register,
    f"{PALLET}.serve_axon": _serve_axon,
    f"{PALLET}.set_mechanism_weights": _set_weights,
    f"{PALLET}.commit_timelocked_mechanism_weights": _commit,
}


def event(runtime: Runtime, index: int, receipt: Receipt, limited: str) -> dict[str, Any]:
    """What System.Events says of the extrinsic at that place in its block."""
    if receipt.ok:
        happened: dict[str, Any] = {"ExtrinsicSuccess": {"dispatch_info": INFO}}
    else:
        name = limited if receipt.code == "rate_limited" else NAMES.get(receipt.code, receipt.code)
        pallet, error = runtime.errors[name]
        module = {"index": pallet, "error": f"0x{error:02x}000000"}
        failed = {"dispatch_error": {"Module": module}, "dispatch_info": INFO}
        happened = {"ExtrinsicFailed": failed}
    return {"phase": {"ApplyExtrinsic": index}, "event": {"System": happened}, "topics": []}
