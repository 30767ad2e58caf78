"""docs/settings.md names every setting, with the default and limits that are in force."""

from __future__ import annotations

from engram.config import StoreSettings
from scripts.settings_page import PAGE, classes, page


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m scripts.settings_page"


def test_every_class_of_settings_is_on_it() -> None:
    assert StoreSettings in classes()
    described = page()
    names = [
        f"{kind.model_config['env_prefix']}{name}".upper()
        for kind in classes()
        for name in kind.model_fields
    ]
    assert names
    assert not [name for name in names if f"`{name}`" not in described]


def test_every_setting_says_what_it_does() -> None:
    unexplained = [
        name
        for kind in classes()
        for name, field in kind.model_fields.items()
        if not field.description
    ]
    assert not unexplained
