"""What the whole suite shares: a last word on what was not tested, and why."""

from __future__ import annotations

from collections import Counter

import pytest


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    from engram.core import BACKEND

    skipped = Counter(reason_of(report) for report in terminalreporter.stats.get("skipped", []))
    terminalreporter.write_line("")
    terminalreporter.write_line(f"engram-core: {BACKEND}")
    if not skipped:
        terminalreporter.write_line("skipped: nothing")
        return
    terminalreporter.write_line("skipped, and why:")
    for reason, count in skipped.most_common():
        terminalreporter.write_line(f"  {count:>4}  {reason}")


def reason_of(report: pytest.TestReport) -> str:
    place = report.longrepr
    text = place[2] if isinstance(place, tuple) else str(place)
    return text.removeprefix("Skipped: ")
