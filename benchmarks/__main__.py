"""``python -m benchmarks [--quick] [--only NAME]``: what ``make bench`` runs."""

from __future__ import annotations

import sys

from benchmarks.run import main

if __name__ == "__main__":
    sys.exit(main())
