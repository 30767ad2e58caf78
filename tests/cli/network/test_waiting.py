"""A young network is waited for until its miners are members, and not for ever."""

from __future__ import annotations

from typing import Any

import pytest

from engram.cli.network import waiting
from engram.cli.network.waiting import PLACED_S, wait_placed

URLS = ["http://one", "http://two"]


class Young:
    """What the first miner says, and the time that passes between questions."""

    def __init__(self, *answers: dict[str, Any] | None) -> None:
        self.answers = list(answers)
        self.now = 0.0

    def ask(self, url: str) -> dict[str, Any] | None:
        assert url == "http://one/peers"
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, monkeypatch: pytest.MonkeyPatch) -> bool:
        monkeypatch.setattr(waiting, "ask", self.ask)
        return wait_placed(URLS, monotonic=lambda: self.now, sleep=self.sleep)


def members(*urls: str) -> dict[str, Any]:
    return {"members": [{"url": url} for url in urls]}


def test_it_ends_when_all_are_members(monkeypatch: pytest.MonkeyPatch) -> None:
    young = Young(None, members(), members("http://one"), members(*URLS))
    assert young.wait(monkeypatch)
    assert len(young.answers) == 1


def test_a_member_at_its_old_address_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    young = Young(members("http://one", "http://old"), members(*URLS))
    assert young.wait(monkeypatch)
    assert young.now > 0


def test_a_network_that_stays_young_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    young = Young(members("http://one"))
    assert not young.wait(monkeypatch)
    assert PLACED_S <= young.now < PLACED_S + 2
