"""Write docs/settings.md from engram.config: `python -m scripts.settings_page`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from engram import config

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"
HEAD = """# Settings

Every setting has a default, an environment variable and, where a command offers it, an option of
the same name (`--data-dir` is `ENGRAM_DATA_DIR`). An option wins over the environment. This page
is written from `engram/config.py` by `python -m scripts.settings_page`; a test compares the two.

Two more variables are read before any setting: `ENGRAM_CORE=rust|python` chooses which form of
engram-core runs (by default Rust where its wheel is installed), and `NO_RUST=1` tells `make` to
build none.
"""


def classes() -> list[type[BaseSettings]]:
    members = vars(config).values()
    kinds = [kind for kind in members if isinstance(kind, type) and issubclass(kind, BaseSettings)]
    return [kind for kind in kinds if kind.__module__ == config.__name__]


def default_of(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the user's cache folder"
    if field.default in (None, PydanticUndefined, ()):
        return "none"
    return f"`{field.default}`"


def limits_of(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found: list[Any] = list(field.metadata)
    return ", ".join(
        f"{sign} {getattr(item, name)}"
        for item in found
        for name, sign in signs.items()
        if hasattr(item, name)
    )


def row(kind: type[BaseSettings], name: str, field: FieldInfo) -> str:
    variable = f"{kind.model_config['env_prefix']}{name}".upper()
    return f"| `{variable}` | {default_of(field)} | {limits_of(field)} | {field.description} |"


def table(kind: type[BaseSettings]) -> str:
    title = kind.__name__.removesuffix("Settings")
    rows = [row(kind, name, field) for name, field in kind.model_fields.items()]
    header = "| variable | default | limits | what it does |\n| --- | --- | --- | --- |"
    return "\n".join([f"## {title}", "", kind.__doc__ or "", "", header, *rows])


def page() -> str:
    return "\n\n".join([HEAD.strip(), *(table(kind) for kind in classes())]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
