"""Who may come in: a browser on the same machine may be showing anybody's page.

Three things that a page of another origin cannot forge are looked at: the ``Host`` that the browser
thinks it talks to (a name of the attacker's that was made to lead here is none of ours), the
``Origin`` of the page, and ``Sec-Fetch-Site``. Clients that are no browsers send none of the last
two. No answer ever carries a CORS header.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web

from engram.errors import TokenNeeded, WrongHost, WrongOrigin
from engram.net.errors import Handler, answer

API = "/api/"
SAFE_METHODS = ("GET", "HEAD")
OWN_SITES = ("same-origin", "none")  # none: the person typed the address
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


class Gate:
    """The gateway's middleware: refuses strangers, turns errors into replies."""

    def __init__(self, allowed_hosts: Collection[str], token: str | None) -> None:
        self._hosts = {host.lower() for host in allowed_hosts}
        self._token = token

    @web.middleware
    async def enter(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let one request in, or refuse it."""
        response = await answer(request, self._admitted(request, handler))
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    async def _admitted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        require_host(request.headers.get("Host", ""), self._hosts)
        require_origin(request)
        if self._token is not None and request.path.startswith(API):
            require_token(request.headers.get("Authorization", ""), self._token)
        return await handler(request)


def require_host(host: str, allowed: Collection[str]) -> None:
    """Raise WrongHost unless it is an address, this machine, or a name that the operator gave.

    An address cannot be made to lead elsewhere; a name can, after the page was loaded from it.
    """
    name = hostname(host)
    if name is None:
        raise WrongHost("The request names no host.")
    if name == "localhost" or name in allowed or is_address(name):
        return
    raise WrongHost(
        f"This gateway is not called {name[:80]}. Its operator can allow the name: "
        "ENGRAM_GATEWAY_ALLOWED_HOSTS."
    )


def require_origin(request: web.Request) -> None:
    """Raise WrongOrigin for a request that a page of another origin made.

    Another page may link to ours; nothing else, and not to the API.
    """
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
        raise WrongOrigin("A page of another origin may not use this gateway.")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site not in OWN_SITES and not is_link(request):
        raise WrongOrigin("A page of another site may not use this gateway.")


def is_link(request: web.Request) -> bool:
    """True if somebody follows a link to one of our pages."""
    headers = request.headers
    return (
        request.method in SAFE_METHODS
        and headers.get("Sec-Fetch-Mode") == "navigate"
        and headers.get("Sec-Fetch-Dest") == "document"
        and not request.path.startswith(API)
    )


def require_token(header: str, token: str) -> None:
    """Raise TokenNeeded unless the header carries the token; takes as long for any other."""
    given = header.removeprefix("Bearer ").encode("utf-8", "replace")
    if not hmac.compare_digest(given, token.encode()):
        raise TokenNeeded("This gateway needs a token: Authorization: Bearer <token>.")


def hostname(host: str) -> str | None:
    """The name or address in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
