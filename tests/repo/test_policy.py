"""What may stand in a file of this repository, and how long it may be."""

from __future__ import annotations

import ast
import re
from collections import defaultdict

import pytest

from tests.repo.sources import ROOT, functions, package_modules, relative, tracked, tree

LONGEST_FUNCTION = 70  # a screen
LONGEST_FILE = 400
SAME_BODY_FROM = 6  # lines; shorter bodies repeat by chance
EMPTY_NAMES = {"utils", "util", "manager", "managers", "helpers", "helper", "common", "misc"}

# Written in pieces, so that this file passes its own test.
REGISTRY_HOSTS = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs\.org|(static|index)\.crates\.io"
    r"|deb\.debian\.org|proxy\.golang\.org".replace(r"\.", r"[.]")
)
MACHINE_PATHS = re.compile(r"(^|[^A-Za-z0-9_.])/(wor[k]|far[m]|roo[t]|User[s])/")

BROAD_EXCEPT = {
    "engram/net/errors.py",  # the HTTP middleware: whatever a handler raises becomes an answer
    "engram/storage/health.py",  # background loops: one failed turn must not end the loop
    "engram/net/background.py",  # the same on the event loop
}

TEXT = [
    p for p in tracked() if p.suffix not in {".png", ".parquet", ".npy", ".npz", ".ico", ".sqlite3"}
]
CODE = tracked("*.py", "*.rs")


def lines_that_match(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{relative(path)}:{number}: {line.strip()[:120]}"
        for path in TEXT
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_registry_host_is_named() -> None:
    assert not lines_that_match(REGISTRY_HOSTS)


def test_no_path_of_one_machine_is_named() -> None:
    assert not lines_that_match(MACHINE_PATHS)


@pytest.mark.parametrize("line", ["https://" + "pypi" + ".org/simple", "index" + ".crates.io"])
def test_a_registry_host_would_be_seen(line: str) -> None:
    assert REGISTRY_HOSTS.search(line)


def test_files_are_short() -> None:
    lengths = {relative(path): len(path.read_text().splitlines()) for path in CODE}
    assert not {name: n for name, n in lengths.items() if n > LONGEST_FILE}


def test_functions_fit_on_a_screen() -> None:
    too_long = [
        f"{relative(path)}:{function.lineno} {function.name}"
        for path in tracked("*.py")
        for function in functions(tree(path))
        if (function.end_lineno or 0) - function.lineno + 1 > LONGEST_FUNCTION
    ]
    assert not too_long


def test_modules_are_named_after_what_they_hold() -> None:
    assert not [relative(path) for path in CODE if path.stem in EMPTY_NAMES]


def body_without_docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    return function.body[1:] if ast.get_docstring(function) is not None else function.body


def test_no_function_is_written_twice() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for name, module in package_modules():
        for function in functions(module):
            body = body_without_docstring(function)
            if body and (body[-1].end_lineno or 0) - body[0].lineno + 1 >= SAME_BODY_FROM:
                key = "\n".join(ast.dump(statement) for statement in body)
                places[key].append(f"{name}.{function.name}")
    assert not [found for found in places.values() if len(found) > 1]


def hands_on(node: ast.AST) -> bool:
    """A bare ``raise``, or ``future.set_exception(…)``: the caller gets to see the error."""
    if isinstance(node, ast.Raise):
        return node.exc is None
    return isinstance(node, ast.Attribute) and node.attr == "set_exception"


def swallows_everything(handler: ast.ExceptHandler) -> bool:
    broad = {"Exception", "BaseException"}
    if handler.type is not None and getattr(handler.type, "id", None) not in broad:
        return False
    return not any(hands_on(node) for node in ast.walk(handler))


def catches_everything(module: ast.Module) -> bool:
    handlers = (node for node in ast.walk(module) if isinstance(node, ast.ExceptHandler))
    return any(swallows_everything(handler) for handler in handlers)


def test_everything_is_caught_at_two_named_boundaries_only() -> None:
    package = tracked("engram/*.py", "engram/**/*.py")
    broad = {relative(path) for path in package if catches_everything(tree(path))}
    assert broad == BROAD_EXCEPT


def test_every_make_target_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    explained = set(re.findall(r"^([a-z0-9-]+): ## \S", makefile, re.MULTILINE))
    assert targets == explained
    assert {"up", "down", "test", "check", "bench", "chaos", "clean", "help"} <= targets
