"""From bytes to a valid message, or to the one error that says what is wrong with them."""

from __future__ import annotations

from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import ValidationError

from engram.core import strict_json
from engram.errors import InvalidInput, MalformedJson
from engram.protocol import REFUSALS, Message

M = TypeVar("M", bound=Message)

MAX_NAMED = 16  # unknown fields that a warning names: a reply stays small whatever was sent
MAX_QUOTED = 200  # characters of the caller's own words that an error repeats


class Decoded(NamedTuple, Generic[M]):
    """A valid message and what was ignored on the way."""

    message: M
    warnings: list[str]


def decode(body: bytes, model: type[M]) -> Decoded[M]:
    """Parse strictly and validate. Raises MalformedJson, DuplicateKey or another InvalidInput."""
    if not body.strip():
        raise MalformedJson("The body is empty; send a JSON object.")
    return from_value(strict_json.loads(body), model)


def from_value(value: Any, model: type[M]) -> Decoded[M]:
    """Validate a parsed value. Raises the error that ``protocol.REFUSALS`` names for the field."""
    if not isinstance(value, dict):
        raise InvalidInput(f"Send a JSON object, not {json_kind(value)}.")
    try:
        message = model.model_validate(value)
    except ValidationError as error:
        raise refusal(error) from None
    return Decoded(message, unknown_fields(value, model))


def unknown_fields(value: dict[str, Any], model: type[Message]) -> list[str]:
    """One warning for each field that the model does not have, at most MAX_NAMED of them."""
    known = field_names(model)
    if value.keys() <= known:
        return []
    unknown = [name for name in value if name not in known]
    named = [f"Unknown field {name[:64]!r} was ignored." for name in unknown[:MAX_NAMED]]
    rest = len(unknown) - len(named)
    return [*named, f"{rest} more unknown fields were ignored."] if rest else named


@cache
def field_names(model: type[Message]) -> frozenset[str]:
    """The fields of a message."""
    return frozenset(model.model_fields)


def refusal(error: ValidationError) -> InvalidInput:
    """The first thing that is wrong, as the error for its field, with a sentence naming it."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    kind = REFUSALS.get(str(first["loc"][0]), InvalidInput) if first["loc"] else InvalidInput
    if first["type"] == "missing":
        return kind(f"The field {path!r} is missing.")
    reason = str(first["msg"])
    return kind(f"{path[:MAX_QUOTED]}: {reason[:1].lower()}{reason[1:MAX_QUOTED]}.")


def json_kind(value: Any) -> str:
    """What JSON calls a parsed value, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "an array"
        case _:
            return "an object"
