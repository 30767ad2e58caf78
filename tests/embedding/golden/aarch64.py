"""``make test-aarch64``: the golden hashes on an emulated ARM processor, by its NEON kernel.

Cross-compiles engram-core's example ``embedding_hashes``, runs it under qemu's user emulation and
compares. ``--every 1`` takes all 1,000 texts.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from engram.embedding.files import ModelFiles, find_model, verify_model
from tests.embedding.golden.hashes import golden, texts_as_bytes

CRATE = Path(__file__).parents[3] / "engram-core"
TARGET = "aarch64-unknown-linux-gnu"
EXAMPLE = "embedding_hashes"
LINKER = "aarch64-linux-gnu-gcc"
QEMU = "qemu-aarch64"
LIBRARIES = "/usr/aarch64-linux-gnu"  # where Debian's cross compiler keeps libc
PORTABLE_EVERY = 250  # emulated arithmetic on an emulated processor

TOOLS = f"""{QEMU} or {LINKER} is not installed. On Debian and Ubuntu:
    sudo apt install qemu-user gcc-aarch64-linux-gnu"""
STANDARD_LIBRARY = f"""Rust's standard library for {TARGET} is not installed. With rustup:
    rustup target add {TARGET}
or, on Debian, with its own compiler (12: rustc-web and libstd-rust-web-dev):
    sudo dpkg --add-architecture arm64 && sudo apt update
    sudo apt install rustc libstd-rust-dev:arm64
    RUSTC=/usr/bin/rustc make test-aarch64"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=20, help="take each such text (1: all)")
    every = parser.parse_args().every
    require_tools()
    program = build()
    model = find_model()
    verify_model(model)
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder) / "texts.bin"
        texts.write_bytes(texts_as_bytes())
        wrong = compare(program, model, texts, every, "neon")
        wrong += compare(program, model, texts, max(every, PORTABLE_EVERY), "portable")
    sys.exit(1 if wrong else 0)


def require_tools() -> None:
    if not shutil.which(QEMU) or not shutil.which(LINKER):
        sys.exit(TOOLS)
    rustc = [os.environ.get("RUSTC", "rustc"), "--print", "target-libdir", "--target", TARGET]
    found = subprocess.run(rustc, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(found).is_dir():
        sys.exit(STANDARD_LIBRARY)


def build() -> Path:
    """The example for ARM, in the crate's own target folder or CARGO_TARGET_DIR."""
    linker = {f"CARGO_TARGET_{TARGET.upper().replace('-', '_')}_LINKER": LINKER}
    command = ["cargo", "build", "--locked", "--release", "--no-default-features"]
    command += ["--target", TARGET, "--example", EXAMPLE]
    subprocess.run(command, cwd=CRATE, env=linker | os.environ, check=True)
    target = CRATE / os.environ.get("CARGO_TARGET_DIR", "target")
    return target / TARGET / "release" / "examples" / EXAMPLE


def compare(program: Path, model: ModelFiles, texts: Path, every: int, kernel: str) -> int:
    """How many hashes differ, printing each as it comes."""
    files = [str(path) for path in (program, model.weights, model.tokenizer, texts)]
    command = [QEMU, "-L", LIBRARIES, *files, str(every), kernel]
    wanted, found, wrong = golden(), 0, 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            place, digest = line.split()
            found += 1
            if digest != wanted[int(place)]:
                wrong += 1
                print(f"{kernel}: text {place} has other bits: {digest}", flush=True)
    if running.returncode != 0 or found != len(wanted[::every]):
        sys.exit(f"{kernel}: stopped after {found} texts with exit code {running.returncode}")
    print(f"{kernel}: {found - wrong} passed, {wrong} failed", flush=True)
    return wrong


main()
