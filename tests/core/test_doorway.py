"""Which side answers, and who decides."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import engram.core
from engram.core import limits
from engram.core.twin import __all__ as twin_names

REPORT = """
import sys
import engram.core
print(engram.core.BACKEND, "engram_core" in sys.modules, engram.core.generate_cid([1.0] * 384))
"""
BLOCKED = "import sys; sys.modules['engram_core'] = None\n" + REPORT


def run(script: str, choice: str | None) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "ENGRAM_CORE"}
    if choice is not None:
        env["ENGRAM_CORE"] = choice
    return subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=60
    )


def test_the_twin_can_be_forced() -> None:
    backend, loaded, cid = run(REPORT, "python").stdout.split()
    assert (backend, loaded) == ("python", "False")
    assert cid == engram.core.generate_cid([1.0] * 384)


def test_the_compiled_core_is_taken_where_it_is_installed(both: object) -> None:
    backend, loaded, cid = run(REPORT, None).stdout.split()
    assert (backend, loaded) == ("rust", "True")
    assert cid == engram.core.generate_cid([1.0] * 384)


def test_without_the_compiled_core_the_twin_answers() -> None:
    script = "import importlib.util as u; u.find_spec = lambda *a: None\n" + REPORT
    assert run(script, None).stdout.split()[0] == "python"


def test_forcing_what_is_not_there_fails() -> None:
    done = run(BLOCKED, "rust")
    assert done.returncode != 0
    assert "ModuleNotFoundError" in done.stderr


def test_an_unknown_choice_is_refused() -> None:
    done = run(REPORT, "java")
    assert "ENGRAM_CORE must be rust or python, not 'java'" in done.stderr


def test_both_sides_offer_the_same_names(both: object) -> None:
    import engram.core.rust as rust

    for name in twin_names:
        assert callable(getattr(rust, name))
        assert name in engram.core.__all__


def test_the_compiled_core_stands_alone(both: object) -> None:
    script = "import sys, engram_core as e; e.generate_cid([1.0] * 384); print(sorted(sys.modules))"
    done = run(script, None)
    assert "'engram_core'" in done.stdout
    assert "'engram'" not in done.stdout
    assert "'numpy'" not in done.stdout


def test_a_refusal_of_the_compiled_core_has_a_code(both: object) -> None:
    engram_core = pytest.importorskip("engram_core")
    with pytest.raises(engram_core.CoreError) as caught:
        engram_core.parse_cid("x")
    assert caught.value.args == ("invalid_cid", "a CID is v1:: and 64 lowercase hexadecimal digits")


def test_a_challenge_may_last_as_long_as_a_miner_accepts() -> None:
    from engram import protocol

    assert protocol.CHALLENGE_FUTURE_S == limits.MAX_CHALLENGE_TTL_S
