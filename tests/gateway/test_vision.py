"""What is sent to the describing model, byte by byte, and what each of its failures says."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image

from engram.documents.images import Picture
from engram.errors import DescriberRefused, DescriberUnavailable
from engram.gateway.vision import PROMPT, ModelDescriber

KEY = "xai-a-key-that-must-stay-secret"
SAID = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "grok-4.3",
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": " A red square. ", "annotations": []}],
        },
    ],
}


@dataclass
class Recorder:
    """Keeps what came, and answers as it is told."""

    status: int = 200
    body: Any = field(default_factory=lambda: SAID)
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    delay_s: float = 0.0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.path, dict(request.headers), await request.read()))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return web.Response(text=text, status=self.status, headers=self.headers)


@dataclass
class Desk:
    recorder: Recorder
    describer: ModelDescriber


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Desk]:
    recorder = Recorder()
    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_post("/v1/responses", recorder.answer)
    server = TestServer(app)
    await server.start_server()
    url = str(server.make_url("/v1"))
    async with httpx.AsyncClient(base_url=url, timeout=0.5, trust_env=False) as http:
        yield Desk(recorder, ModelDescriber(http, "grok-4.3", KEY))
    await server.close()


@pytest.fixture(scope="module")
def picture() -> Picture:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "JPEG")
    return Picture(out.getvalue(), "image/jpeg", 8, 8, "JPEG", ("red",))


async def test_the_request_byte_by_byte(desk: Desk, picture: Picture) -> None:
    assert await desk.describer.describe(picture) == "A red square."
    [(path, headers, body)] = desk.recorder.seen
    assert path == "/v1/responses"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Content-Type"] == "application/json"
    image = base64.b64encode(picture.data).decode()
    expected = {
        "model": "grok-4.3",
        "input": [
            {
                "role": "user",
                "content": [
                    {
                        "type": "input_image",
                        "image_url": f"data:image/jpeg;base64,{image}",
                        "detail": "high",
                    },
                    {"type": "input_text", "text": PROMPT},
                ],
            }
        ],
        "store": False,
    }
    assert body == json.dumps(expected, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, DescriberRefused, "refused the image"),
        (401, DescriberRefused, "ENGRAM_VISION_API_KEY"),
        (403, DescriberRefused, "credit"),
        (404, DescriberRefused, "ENGRAM_VISION_MODEL"),
        (408, DescriberUnavailable, "fault of its own"),
        (429, DescriberUnavailable, "no more requests"),
        (500, DescriberUnavailable, "fault of its own"),
        (503, DescriberUnavailable, "fault of its own"),
    ],
)
async def test_each_failure_says_what_to_do(
    desk: Desk, picture: Picture, status: int, kind: type[Exception], words: str
) -> None:
    desk.recorder.status = status
    desk.recorder.body = {"error": f"your key {KEY} is no good"}
    with pytest.raises(kind, match=words) as raised:
        await desk.describer.describe(picture)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    ("header", "waits"), [("7", 7.0), ("100000", 600.0), ("-1", 30.0), ("soon", 30.0)]
)
async def test_a_full_queue_says_when_to_come_back(
    desk: Desk, picture: Picture, header: str, waits: float
) -> None:
    desk.recorder.status, desk.recorder.headers = 429, {"Retry-After": header}
    with pytest.raises(DescriberUnavailable) as raised:
        await desk.describer.describe(picture)
    assert raised.value.retry_after == waits


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        [],
        {},
        {"output": []},
        {"output": [{"type": "message"}]},
        {"output": [{"type": "message", "content": [{"type": "output_text", "text": "  "}]}]},
        {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}]},
        {"output": [{"type": "message", "content": [{"type": "output_text", "text": 5}]}]},
    ],
    ids=str,
)
async def test_an_answer_without_a_description(desk: Desk, picture: Picture, body: Any) -> None:
    desk.recorder.body = body
    with pytest.raises(DescriberUnavailable):
        await desk.describer.describe(picture)


async def test_it_takes_too_long(desk: Desk, picture: Picture) -> None:
    desk.recorder.delay_s = 5
    with pytest.raises(DescriberUnavailable, match="too long"):
        await desk.describer.describe(picture)


async def test_nobody_is_there(picture: Picture) -> None:
    async with httpx.AsyncClient(base_url="http://127.0.0.1:9/v1", trust_env=False) as http:
        with pytest.raises(DescriberUnavailable, match="not reached"):
            await ModelDescriber(http, "grok-4.3", KEY).describe(picture)
