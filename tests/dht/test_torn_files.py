"""What a crash or a bad disk leaves of the kept memberships is never taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engram.dht import RoutingTable, kept
from engram.dht.hashes import KnownHashes
from engram.dht.membership import Membership, membership
from tests.dht.networks import Pair, block_hash, neuron, pairs, snapshot

SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def some() -> list[Membership]:
    listed = (neuron(1), neuron(2))
    made = membership(snapshot(200, *listed), snapshot(100, *listed), {})
    assert made is not None
    return [made]


@SAME_FOLDER
@given(pairs())
def test_what_is_written_reads_back(tmp_path: Path, pair: Pair) -> None:
    made = membership(pair.current, pair.previous, {})
    assert made is not None
    kept.write(tmp_path / "placement", [made])
    assert kept.read(tmp_path / "placement") == [made]


def test_a_file_cut_anywhere_is_no_membership(tmp_path: Path) -> None:
    path = tmp_path / "placement"
    kept.write(path, some())
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert kept.read(path) == []


@SAME_FOLDER
@given(st.data())
def test_a_changed_byte_is_no_membership(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "placement"
    kept.write(path, some())
    torn = bytearray(path.read_bytes())
    torn[data.draw(st.integers(0, len(torn) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(torn)
    assert kept.read(path) == []


def test_another_version_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "VERSION", 2)
    kept.write(tmp_path / "placement", some())
    monkeypatch.undo()
    assert kept.read(tmp_path / "placement") == []


def test_a_node_with_a_torn_file_starts_and_moves_on(tmp_path: Path) -> None:
    (tmp_path / "placement").write_bytes(b"engram placement 1 0000")
    table = RoutingTable(100, "hotkey-1", tmp_path)
    assert table.current is None
    assert table.bootstrap(snapshot(200, neuron(1)), snapshot(100, neuron(1)))
    assert RoutingTable(100, "hotkey-1", tmp_path).current == table.current


def test_a_torn_line_costs_that_line_only(tmp_path: Path) -> None:
    path = tmp_path / "block-hashes"
    KnownHashes(path).learn({1: block_hash(1), 2: block_hash(2)})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 20])
    torn = KnownHashes(path)
    assert dict(torn) == {1: block_hash(1)}
    torn.learn({3: block_hash(3)})
    assert dict(KnownHashes(path)) == {1: block_hash(1), 3: block_hash(3)}


def test_what_the_chain_says_now_wins(tmp_path: Path) -> None:
    path = tmp_path / "block-hashes"
    KnownHashes(path).learn({1: block_hash(1)})
    KnownHashes(path).learn({1: block_hash(9)})
    assert dict(KnownHashes(path)) == {1: block_hash(9)}
