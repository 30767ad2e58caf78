"""Everything that can be judged without running Engram: `make check`.

All checks run even if one fails; a table at the end says what passed, failed or was left out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPONENTS = {"fmt": "cargo-fmt", "clippy": "cargo-clippy"}
CRATE = ["--manifest-path", "engram-core/Cargo.toml"]


@dataclass(frozen=True)
class Check:
    name: str
    command: list[str]

    def why_left_out(self) -> str | None:
        """A Rust check needs cargo and sometimes a component; everything else is in .venv."""
        if self.command[0] != "cargo":
            return None
        if shutil.which("cargo") is None:
            return "cargo is not installed"
        component = COMPONENTS.get(self.command[1])
        if component and subprocess.run([component, "--version"], capture_output=True).returncode:
            return f"{component} is not installed"
        return None


def python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


CHECKS = [
    Check("ruff check", python("ruff", "check", "--no-cache")),
    Check("ruff format", python("ruff", "format", "--check")),
    Check("mypy --strict", python("mypy")),
    Check(
        "import arrows and text policy",
        python("pytest", "-q", "tests/repo/test_import_arrows.py", "tests/repo/test_policy.py"),
    ),
    Check("cargo fmt", ["cargo", "fmt", *CRATE, "--check"]),
    Check(
        "cargo clippy", ["cargo", "clippy", "--locked", *CRATE, "--all-targets", "--", "-Dwarnings"]
    ),
    Check("cargo test", ["cargo", "test", "--locked", *CRATE, "--no-default-features"]),
]


def outcome(check: Check) -> str:
    if reason := check.why_left_out():
        return f"left out: {reason}"
    print(f"== {check.name}", flush=True)
    began = time.monotonic()
    failed = subprocess.run(check.command, cwd=ROOT).returncode
    return f"{'FAILED' if failed else 'ok'} ({time.monotonic() - began:.0f} s)"


def main() -> int:
    outcomes = {check.name: outcome(check) for check in CHECKS}
    print("\nchecks")
    for name, result in outcomes.items():
        print(f"  {name:<32} {result}")
    return int(any(result.startswith("FAILED") for result in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
