"""``python -m engram.cli.network.leash COMMAND…``: an engram command that ends with its parent.

Its standard input is a pipe that the parent holds open and never writes to. However the parent
ends, the kernel closes the pipe, so no process is left behind, not even after ``kill -9``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from threading import Thread

from engram.cli.app import main

GRACE_S = 30.0  # draining takes 5 s by default, a last snapshot a few more


def end_with_parent() -> None:
    """Wait until the parent lets go, then stop this process as its operator would."""
    while os.read(0, 4096):
        pass  # nobody writes; whatever comes is not for us
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    Thread(target=end_with_parent, name="leash", daemon=True).start()
    main(sys.argv[1:])
