"""A node that answers what a test wrote down, without a socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx

from engram.sdk import AsyncEngramClient, EngramClient, RetryPolicy
from engram.sdk.own_embedder import Embed

Script = Callable[[httpx.Request], httpx.Response]
URL = "http://node.test:8091"


class ScriptedNode:
    """Answers requests in the order of its replies; remembers requests and waits.

    Its clients leave embedding to it unless ``embed`` says otherwise.
    """

    def __init__(self, *replies: httpx.Response | Exception, embed: Embed = "remote") -> None:
        self.replies = list(replies)
        self.embed = embed
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def body(self, position: int = 0) -> Any:
        """The JSON of a request."""
        return json.loads(self.requests[position].content)

    def client(self, policy: RetryPolicy | None = None) -> EngramClient:
        return EngramClient(
            URL,
            embed=self.embed,
            transport=httpx.MockTransport(self.answer),
            retry=policy or RetryPolicy(chance=lambda: 0.5),
            sleep=self.waits.append,
        )

    def async_client(self) -> AsyncEngramClient:
        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        return AsyncEngramClient(
            URL,
            embed=self.embed,
            transport=httpx.MockTransport(self.answer),
            retry=RetryPolicy(chance=lambda: 0.5),
            sleep=sleep,
        )


def ok(body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def refusal(status: int, code: str, error: str = "no", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"error": error, "code": code}, headers=named)


CID = "v1::" + "ab" * 32
INGESTED = {
    "cid": CID,
    "error": None,
    "truncated": False,
    "duplicate": False,
    "exact": True,
    "warnings": ["field 'x' is unknown"],
    "a_field_of_tomorrow": 1,
}
HIT = {"cid": CID, "score": 0.75, "metadata": {"a": 1}, "text": "t", "age_ms": 12}
RECORD = {
    "cid": CID,
    "model_version": "v1",
    "metadata": {"text": "t"},
    "embedding_b64": "AAAA",
    "text": "t",
    "stored_at": 1.5,
}
