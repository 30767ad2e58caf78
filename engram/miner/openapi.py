"""docs/openapi.json: generated from the messages and the endpoints.

``python -m engram.miner.openapi > docs/openapi.json`` writes it anew; a test compares the two.
"""

from __future__ import annotations

import re
import sys
from itertools import groupby
from typing import Any

import orjson
from pydantic.json_schema import models_json_schema

from engram import __version__
from engram.errors import EngramError
from engram.miner.endpoints import ENDPOINTS, EVERYWHERE, Endpoint
from engram.miner.examples import CID, EXAMPLES
from engram.net import signed
from engram.net.body import JSON, NDJSON
from engram.protocol import CID_PATTERN, ErrorReply, Message

Json = dict[str, Any]

COMPONENTS = "#/components/schemas/"
RETRY_AFTER = {
    "description": "Seconds after which the same request may succeed.",
    "schema": {"type": "integer", "minimum": 1},
}


def document() -> Json:
    """The OpenAPI 3.1 document."""
    by_path = groupby(ENDPOINTS, key=lambda endpoint: endpoint.path)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Engram miner",
            "version": __version__,
            "summary": "Permanent, content-addressed records: store, find, prove.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {
            path: {endpoint.method.lower(): operation(endpoint) for endpoint in endpoints}
            for path, endpoints in by_path
        },
        "components": {"schemas": schemas()},
    }


def operation(endpoint: Endpoint) -> Json:
    """One method of one path."""
    described: Json = {"operationId": endpoint.operation, "summary": endpoint.summary}
    parameters = [parameter(name) for name in re.findall(r"{(\w+)}", endpoint.path)]
    if endpoint.signed:
        parameters += [header(name, form.pattern) for name, form in signed.FORMS.items()]
    if parameters:
        described["parameters"] = parameters
    if endpoint.request is not None:
        described["requestBody"] = request_body(endpoint.request, endpoint.lines)
    described["responses"] = {"200": success(endpoint), **failures(endpoint)}
    return described


def parameter(name: str) -> Json:
    """A part of the path; the only one there is names a record."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": CID_PATTERN},
        "example": CID,
    }


def header(name: str, pattern: str) -> Json:
    """One of those that a sender signs with."""
    schema = {"type": "string", "pattern": f"^{pattern}$"}
    return {"name": name, "in": "header", "required": True, "schema": schema}


def request_body(model: type[Message] | str, lines: bool) -> Json:
    """What to send."""
    if isinstance(model, str):
        content: Json = {model: {"schema": {"type": "string", "format": "binary"}}}
        return {"required": True, "content": content}
    examples = {name: {"value": value} for name, value in EXAMPLES[model].items()}
    content = {JSON: {"schema": reference(model), "examples": examples}}
    if lines:
        content[NDJSON] = {"schema": {"type": "string", "description": "one item a line"}}
    return {"required": True, "content": content}


def success(endpoint: Endpoint) -> Json:
    """What a 200 carries."""
    content: Json = {}
    if isinstance(endpoint.reply, str):
        kind = "object" if endpoint.reply == JSON else "string"
        content[endpoint.reply] = {"schema": {"type": kind}}
    else:
        content[JSON] = {"schema": reference(endpoint.reply)}
    if endpoint.lines:
        content[NDJSON] = {"schema": {"type": "string", "description": "one outcome a line"}}
    return {"description": "Done.", "content": content}


def failures(endpoint: Endpoint) -> Json:
    """The documented errors, by status. Classes that share a status are described together."""
    errors = sorted([*endpoint.errors, *EVERYWHERE], key=lambda error: error.status)
    return {
        str(status): failure([*group])
        for status, group in groupby(errors, key=lambda error: error.status)
    }


def failure(errors: list[type[EngramError]]) -> Json:
    """One error status, with the codes that it may come with."""
    codes = sorted({code for error in errors for code in codes_of(error)})
    meanings = " ".join((error.__doc__ or "").splitlines()[0] for error in errors)
    described: Json = {
        "description": f"{meanings} code: {', '.join(codes)}",
        "content": {JSON: {"schema": reference(ErrorReply)}},
    }
    if errors[0].status in (429, 503):
        described["headers"] = {"Retry-After": RETRY_AFTER}
    return described


def codes_of(error: type[EngramError]) -> list[str]:
    """The codes of a class of errors and of its more special ones."""
    return [error.code, *(code for child in error.__subclasses__() for code in codes_of(child))]


def reference(model: type[Message]) -> Json:
    """A pointer to the message's schema."""
    return {"$ref": COMPONENTS + model.__name__}


def schemas() -> Json:
    """The JSON Schemas of all messages that the endpoints name."""
    named: set[type[Message]] = {ErrorReply}
    for endpoint in ENDPOINTS:
        named |= {m for m in (endpoint.request, endpoint.reply) if isinstance(m, type)}
    ordered = sorted(named, key=lambda model: model.__name__)
    _, generated = models_json_schema(
        [(model, "validation") for model in ordered], ref_template=COMPONENTS + "{model}"
    )
    found: Json = generated["$defs"]
    return dict(sorted(found.items()))


def as_text() -> bytes:
    """The document as it is checked in."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    sys.stdout.buffer.write(as_text())
