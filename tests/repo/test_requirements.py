"""The pinned requirements: complete, nested, and within what pyproject.toml allows."""

from __future__ import annotations

import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from scripts.bootstrap import NEWEST, OLDEST, PROFILES
from tests.repo.sources import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all(len(r.specifier) == 1 and str(r.specifier).startswith("==") for r in found)
    return {canonicalize_name(r.name): str(r.specifier)[2:] for r in found}


@pytest.mark.parametrize("name", [*PROFILES, "rust", "node"])
def test_every_line_is_one_exact_version(name: str) -> None:
    assert pins(name)


@pytest.mark.parametrize(("smaller", "larger"), [("run", "dev"), ("rust", "dev"), ("dev", "bench")])
def test_each_profile_holds_the_one_before_it(smaller: str, larger: str) -> None:
    assert pins(smaller).items() <= pins(larger).items()


@pytest.mark.parametrize(
    "line", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["parquet"]]
)
def test_pins_are_within_the_bounds_of_the_project(line: str) -> None:
    wanted = Requirement(line)
    assert wanted.specifier.contains(pins("dev")[canonicalize_name(wanted.name)])


def test_the_bootstrap_takes_the_pythons_that_the_project_takes() -> None:
    allowed = SpecifierSet(PROJECT["requires-python"])
    versions = [(3, minor) for minor in range(8, 20)]
    taken = {version for version in versions if OLDEST <= version <= NEWEST}
    assert taken == {v for v in versions if allowed.contains(f"{v[0]}.{v[1]}.0")}


def test_the_package_needs_no_rust() -> None:
    """`pip install engram-network` alone works; engram-core is an extra."""
    assert not [line for line in PROJECT["dependencies"] if "engram-network-core" in line]
    assert any("engram-network-core" in line for line in PROJECT["optional-dependencies"]["core"])
