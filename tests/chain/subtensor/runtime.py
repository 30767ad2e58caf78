"""A real subtensor runtime's metadata, and what is encoded and decoded with it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import bittensor_core
import pytest

GOLDEN = Path(sys.prefix) / ".engram-runtime" / "golden.json"
PALLET = "SubtensorModule"
OPTION_SOME = 1


@dataclass(frozen=True)
class Runtime:
    """One version of the runtime. ``opaque`` is what the node hands out: Option<OpaqueMetadata>."""

    opaque: bytes
    spec_version: int
    transaction_version: int

    @cached_property
    def codec(self) -> Any:
        """The chain's own codec, which the SDK uses too."""
        return bittensor_core.Runtime(
            _unwrapped(self.opaque), self.spec_version, self.transaction_version, 42
        )

    @cached_property
    def outputs(self) -> dict[str, str]:
        """SCALE type of what each runtime API gives, by ``Api_method``."""
        apis = self.codec.runtime_api_map()
        return {
            f"{api}_{name}": one["output"]
            for api, them in apis.items()
            for name, one in them.items()
        }

    @cached_property
    def errors(self) -> dict[str, tuple[int, int]]:
        """(pallet, error) of each of SubtensorModule's errors."""
        pallets = self.codec.metadata_ir()["pallets"]
        mine = next(pallet for pallet in pallets if pallet["name"] == PALLET)
        return {error["name"]: (mine["index"], error["index"]) for error in mine["errors"]}

    def renamed(self, old: str, new: str) -> Runtime:
        """The same runtime with a storage item of another name, as long: what a later one adds."""
        assert len(old) == len(new) and self.opaque.count(old.encode()) >= 1
        return Runtime(
            self.opaque.replace(old.encode(), new.encode()),
            self.spec_version + 1,
            self.transaction_version,
        )


@cache
def real_runtime() -> Runtime:
    """The one that the SDK's authors recorded. Skips the test if it could not be fetched."""
    if not GOLDEN.exists():
        pytest.skip("no runtime metadata here: python scripts/chain_runtime.py fetches it")
    golden = json.loads(GOLDEN.read_bytes())
    network = golden["network"]
    return Runtime(
        bytes.fromhex(golden["metadata"]["v15_hex"].removeprefix("0x")),
        network["spec_version"],
        network["transaction_version"],
    )


def _unwrapped(opaque: bytes) -> bytes:
    """The metadata within Option<Vec<u8>>; it is long, so its length takes 4 bytes."""
    assert opaque[0] == OPTION_SOME
    length = int.from_bytes(opaque[1:5], "little") >> 2
    return opaque[5 : 5 + length]
