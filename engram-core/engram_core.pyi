from collections.abc import Sequence
from os import PathLike
from typing import Any, final

__all__ = [
    "CoreError",
    "Embedder",
    "WordPieces",
    "__version__",
    "assign",
    "assign_many",
    "embedding_bytes",
    "generate_challenge",
    "generate_cid",
    "generate_cids",
    "generate_response",
    "generate_responses",
    "kernels",
    "metadata_text",
    "nearest_many",
    "parse_cid",
    "parse_metadata",
    "verify_cid",
    "verify_cids",
    "verify_response",
]

__version__: str

class CoreError(ValueError):
    args: tuple[str, str]

@final
class Embedder:
    def __new__(
        cls,
        weights: str | PathLike[str],
        tokenizer: str | PathLike[str],
        kernel: str | None = None,
    ) -> Embedder: ...
    @property
    def kernel(self) -> str: ...
    def embed(self, texts: Sequence[str], threads: int = 1) -> tuple[bytes, list[int]]: ...
    def count_tokens(self, text: str) -> int: ...
    def self_test(self) -> None: ...

@final
class WordPieces:
    def __new__(cls, tokenizer_json: bytes, /) -> WordPieces: ...
    def encode(self, text: str, /) -> list[int]: ...

def assign(cid: str, members: Sequence[tuple[int, bytes]]) -> list[int]: ...
def assign_many(cids: Sequence[str], members: Sequence[tuple[int, bytes]]) -> list[list[int]]: ...
def embedding_bytes(embedding: Any) -> bytes: ...
def generate_challenge(
    cid: str, ttl_s: int = 60, now: float | None = None
) -> tuple[str, str, int]: ...
def generate_cid(
    embedding: Any, metadata: dict[str, Any] | None = None, version: str = "v1"
) -> str: ...
def generate_cids(
    embeddings: Any, metadatas: Sequence[dict[str, Any]], version: str = "v1"
) -> list[str]: ...
def generate_response(nonce_hex: str, embedding: Any) -> tuple[str, str]: ...
def generate_responses(nonces_hex: Sequence[str], embeddings: Any) -> list[tuple[str, str]]: ...
def kernels() -> list[str]: ...
def metadata_text(metadata: dict[str, Any] | None) -> bytes: ...
def nearest_many(digests: bytes, members: Sequence[tuple[int, bytes]], count: int) -> bytes: ...
def parse_cid(cid: str) -> bytes: ...
def parse_metadata(json_text: str | bytes) -> dict[str, Any]: ...
def verify_cid(
    cid: str,
    embedding: Any,
    metadata: dict[str, Any] | None = None,
    version: str = "v1",
) -> bool: ...
def verify_cids(
    cids: Sequence[str],
    embeddings: Any,
    metadatas: Sequence[dict[str, Any]],
    version: str = "v1",
) -> list[bool]: ...
def verify_response(
    challenge: tuple[str, str, int],
    embedding_hash: str,
    proof: str,
    expected_embedding: Any,
) -> bool: ...
