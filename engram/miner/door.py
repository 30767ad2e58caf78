"""Where every request comes in and every reply goes out: quota, errors, counting."""

from __future__ import annotations

from aiohttp import web

from engram.miner.node import Node
from engram.net.errors import Handler, answer
from engram.net.limits import AddressLimits


class Door:
    """The miner's only middleware: each one costs every request some microseconds."""

    def __init__(self, node: Node, limits: AddressLimits) -> None:
        self.node = node
        self.limits = limits

    @web.middleware
    async def enter(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let one request in, and account for its reply."""
        started = self.node.monotonic()
        response = await answer(request, self._within_quota(request, handler))
        seconds = self.node.monotonic() - started
        self.node.metrics.observe(path_of(request), response.status, seconds)
        return response

    async def _within_quota(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.limits.take(request.remote)
        return await handler(request)


def path_of(request: web.Request) -> str:
    """The route's pattern; one word for all paths that we do not serve, or labels would pile up."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"
