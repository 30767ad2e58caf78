"""Descriptions of images by a model behind a Responses API: xAI's Grok, or any that speaks it."""

from __future__ import annotations

import base64
from typing import Any, Protocol

import httpx

from engram import __version__
from engram.core.limits import MAX_TEXT_CODE_POINTS
from engram.documents.images import Picture
from engram.errors import DescriberRefused, DescriberUnavailable, EngramError

DETAIL = "high"
MOST_BYTES = 1024 * 1024  # of an answer
LONGEST_WAIT_S = 600.0
PROMPT = (
    "Describe this image so that it can be found by its meaning later. Say what it shows: the "
    "subject, the setting, people and things and what they do, colours, mood and style. Quote any "
    "text that is legible. Plain prose in English, at most 150 words, without an introduction."
)


class Describer(Protocol):
    """Says what a picture shows."""

    @property
    def source(self) -> str:
        """Whose words they are: goes into ``description_source``, and so into the CID."""
        ...

    async def describe(self, picture: Picture) -> str:
        """Raises DescriberUnavailable (try again, after ``retry_after`` if it says so) or
        DescriberRefused."""
        ...


class ModelDescriber:
    """One POST for each picture; nothing is kept at the other side (``store: false``)."""

    def __init__(self, http: httpx.AsyncClient, model: str, key: str) -> None:
        """``http`` has the API's base URL, and the timeout."""
        self._http = http
        self._model = model
        self._headers = {
            "Authorization": f"Bearer {key}",
            "User-Agent": f"engram/{__version__}",
            "Accept-Encoding": "identity",
        }

    @property
    def source(self) -> str:
        """The model's name."""
        return self._model

    async def describe(self, picture: Picture) -> str:
        """See Describer."""
        body = request_body(self._model, picture)
        try:
            answer = await self._http.post("/responses", json=body, headers=self._headers)
        except httpx.TimeoutException as error:
            raise DescriberUnavailable("The describing model took too long.") from error
        except httpx.HTTPError as error:
            raise DescriberUnavailable("The describing model is not reached.") from error
        if answer.status_code != 200:
            raise refusal(answer, self._model)
        return description_in(answer)


def request_body(model: str, picture: Picture) -> dict[str, Any]:
    """What is posted."""
    data = base64.b64encode(picture.data).decode()
    image = {
        "type": "input_image",
        "image_url": f"data:{picture.media_type};base64,{data}",
        "detail": DETAIL,
    }
    question = {"type": "input_text", "text": PROMPT}
    return {
        "model": model,
        "input": [{"role": "user", "content": [image, question]}],
        "store": False,
    }


def description_in(answer: httpx.Response) -> str:
    """The text of an answer. Raises DescriberUnavailable for one that has none."""
    try:
        if len(answer.content) > MOST_BYTES:
            raise ValueError
        parts = [
            part["text"]
            for item in answer.json()["output"]
            if item["type"] == "message"
            for part in item["content"]
            if part["type"] == "output_text"
        ]
        text = "".join(parts).strip().encode("utf-8", "replace").decode()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DescriberUnavailable("The describing model's answer is not readable.") from None
    if not text:
        raise DescriberUnavailable("The describing model answered without a description.")
    return text[:MAX_TEXT_CODE_POINTS]


def refusal(answer: httpx.Response, model: str) -> EngramError:
    """What a status means, and what its operator can do about it."""
    match answer.status_code:
        case 401:
            return DescriberRefused("The API key is not accepted. Set ENGRAM_VISION_API_KEY anew.")
        case 403:
            return DescriberRefused(
                "The API key may not use this model, or its account has no credit left. Look at "
                "the account, or set another ENGRAM_VISION_API_KEY."
            )
        case 404:
            return DescriberRefused(
                f"There is no model {model!r} there. Set ENGRAM_VISION_MODEL, or "
                "ENGRAM_VISION_BASE_URL if it is another server."
            )
        case 429:
            return DescriberUnavailable(
                "The describing model takes no more requests for now.",
                retry_after=seconds(answer.headers.get("retry-after")) or 30.0,
            )
        case status if status >= 500 or status == 408:
            return DescriberUnavailable(
                f"The describing model has a fault of its own ({status}).",
                retry_after=seconds(answer.headers.get("retry-after")),
            )
        case status:
            return DescriberRefused(f"The describing model refused the image ({status}).")


def seconds(header: str | None) -> float | None:
    """Seconds in a Retry-After, 0..600; None for none, or for a date."""
    try:
        return None if header is None else min(max(float(header), 0.0), LONGEST_WAIT_S)
    except ValueError:
        return None
