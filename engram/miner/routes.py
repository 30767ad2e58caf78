"""Which handler answers which path."""

from __future__ import annotations

from aiohttp import web

from engram.miner.api import Api
from engram.miner.door import Door
from engram.miner.endpoints import ENDPOINTS, Endpoint
from engram.miner.node import Node
from engram.net.limits import AddressLimits


def build_app(node: Node, *, metrics: bool = True) -> web.Application:
    """The application for the network port. ``metrics=False``: /metrics is served elsewhere."""
    limits = AddressLimits(node.settings.rate_per_s, node.settings.rate_burst, node.monotonic)
    api = Api(node, limits)
    app = web.Application(middlewares=[Door(node, limits).enter])
    for endpoint in ENDPOINTS:
        if metrics or endpoint.path != "/metrics":
            add_route(app, api, endpoint)
    return app


def build_metrics_app(node: Node) -> web.Application:
    """/metrics alone, for a loopback port of its own."""
    limits = AddressLimits(node.settings.rate_per_s, node.settings.rate_burst, node.monotonic)
    app = web.Application(middlewares=[Door(node, limits).enter])
    app.router.add_get("/metrics", Api(node, limits).metrics)
    return app


def add_route(app: web.Application, api: Api, endpoint: Endpoint) -> None:
    """Serve one endpoint; whatever answers GET answers HEAD."""
    handler = getattr(api, endpoint.operation)
    if endpoint.method == "GET":
        app.router.add_get(endpoint.path, handler)
    else:
        app.router.add_route(endpoint.method, endpoint.path, handler)
