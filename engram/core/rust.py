"""The compiled rules of ``engram_core``, with its errors as ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import engram_core

from engram import errors
from engram.core.limits import CHALLENGE_TTL_S
from engram.core.proof import Challenge, Response

_P = ParamSpec("_P")
_T = TypeVar("_T")
_CLASSES = {
    cls.code: cls
    for cls in (
        errors.InvalidInput,
        errors.MalformedJson,
        errors.DuplicateKey,
        errors.InvalidEmbedding,
        errors.InvalidMetadata,
        errors.InvalidText,
        errors.InvalidCid,
        errors.InvalidChallenge,
        errors.UnsupportedVersion,
        errors.ModelError,
        errors.ModelMissing,
        errors.ModelMismatch,
        errors.SelfTestFailed,
    )
}


def translated(rule: Callable[_P, _T]) -> Callable[_P, _T]:
    """The compiled function, raising our errors instead of CoreError."""

    @wraps(rule)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return rule(*args, **kwargs)
        except engram_core.CoreError as error:
            code, message = error.args
            raise _CLASSES[code](message) from None

    return call


@translated
def generate_challenge(
    cid: str, ttl_s: int = CHALLENGE_TTL_S, now: float | None = None
) -> Challenge:
    return Challenge(*engram_core.generate_challenge(cid, ttl_s, now))


@translated
def generate_response(nonce_hex: str, embedding: Any) -> Response:
    return Response(*engram_core.generate_response(nonce_hex, embedding))


@translated
def generate_responses(nonces_hex: Sequence[str], embeddings: Any) -> list[Response]:
    return [Response(*pair) for pair in engram_core.generate_responses(nonces_hex, embeddings)]


assign = translated(engram_core.assign)
assign_many = translated(engram_core.assign_many)
embedding_bytes = translated(engram_core.embedding_bytes)
generate_cid = translated(engram_core.generate_cid)
generate_cids = translated(engram_core.generate_cids)
metadata_text = translated(engram_core.metadata_text)
nearest_many = translated(engram_core.nearest_many)
parse_cid = translated(engram_core.parse_cid)
parse_metadata = translated(engram_core.parse_metadata)
verify_cid = translated(engram_core.verify_cid)
verify_cids = translated(engram_core.verify_cids)
verify_response = translated(engram_core.verify_response)
