"""Which addresses may be dialled: on a public chain strangers choose them."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_global(url: str) -> bool:
    """False for what only this machine or its own network can reach, and for names."""
    try:
        return ipaddress.ip_address(urlsplit(url).hostname or "").is_global
    except ValueError:
        return False
