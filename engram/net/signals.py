"""SIGTERM and SIGINT as an event."""

from __future__ import annotations

import asyncio
import signal

STOPPING = (signal.SIGTERM, signal.SIGINT)


def stop_event() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT. A second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def asked_to_stop() -> None:
        stop.set()
        for number in STOPPING:
            loop.remove_signal_handler(number)

    for number in STOPPING:
        loop.add_signal_handler(number, asked_to_stop)
    return stop
