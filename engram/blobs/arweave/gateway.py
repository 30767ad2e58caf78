"""The HTTP of an Arweave node or gateway: https://docs.arweave.org, "HTTP API"."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from engram.blobs.arweave.base64url import decode, encode
from engram.blobs.arweave.merkle import Chunk, tree_of
from engram.blobs.arweave.transaction import Transaction, from_json
from engram.errors import (
    BlobMismatch,
    BlobRejected,
    BlobsUnavailable,
    EngramError,
    InvalidInput,
    Underfunded,
)

FATAL_CHUNK_ERRORS = {  # of POST /chunk; whatever else it says may pass with time
    "invalid_json",
    "chunk_too_big",
    "data_path_too_big",
    "offset_too_big",
    "data_size_too_big",
    "chunk_proof_ratio_not_attractive",
    "invalid_proof",
}
POOR = (
    410,
    "insufficient",
    "not enough",
    "overspend",
)  # arlocal's status; mainnet's words in a 400
JSON_BYTES = 4 * 1024 * 1024  # of an answer that is no data
FIND = """query($cid: [String!]!) {
  transactions(tags: [{name: "Content-CID", values: $cid}, {name: "App-Name", values: ["Engram"]}],
               first: 20) { edges { node { id } } } }"""


@dataclass(frozen=True, slots=True)
class Mined:
    """Where a transaction stands: in a block under so many confirmations, or in the mempool."""

    confirmations: int
    """0 while it is in the mempool."""


class Gateway:
    """One node or gateway. Its answers are checked, not believed.

    Raises BlobsUnavailable for whatever may pass (no connection, 429, 5xx, a body that is no
    answer), BlobRejected and Underfunded for what it refuses.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        """``http`` has the gateway as its base URL, and a timeout."""
        self._http = http

    async def height(self) -> int:
        """Of the chain of blocks."""
        info = await self._json("GET", "/info")
        height = info.get("height") if isinstance(info, dict) else None
        if not isinstance(height, int) or height < 0:
            raise unreadable("/info")
        return height

    async def anchor(self) -> bytes:
        """A recent block's hash, to sign with."""
        text = (await self._text("GET", "/tx_anchor")).strip()
        try:
            return decode(text)
        except InvalidInput:
            raise unreadable("/tx_anchor") from None

    async def price(self, size: int) -> int:
        """Winston for so many bytes."""
        return whole_number(await self._text("GET", f"/price/{size}"), "/price")

    async def balance(self, address: str) -> int:
        """Winston in a wallet."""
        return whole_number(await self._text("GET", f"/wallet/{address}/balance"), "/wallet")

    async def post(self, transaction: Transaction, data: bytes = b"") -> None:
        """Hand in a transaction; again is no harm. ``data`` goes along if it is one chunk."""
        answer = await self._ask("POST", "/tx", json=transaction.to_json(data))
        if answer.status_code not in (200, 202, 208):
            raise refusal(answer, "the transaction")

    async def post_chunk(self, transaction: Transaction, chunk: Chunk, data: bytes) -> None:
        """Hand in one chunk with its proof; again is no harm."""
        body = {
            "data_root": encode(transaction.data_root),
            "data_size": str(transaction.data_size),
            "data_path": encode(chunk.path),
            "offset": str(chunk.offset),
            "chunk": encode(data),
        }
        answer = await self._ask("POST", "/chunk", json=body)
        if answer.status_code in (200, 208):
            return
        said = word_of(answer)
        if said in FATAL_CHUNK_ERRORS:
            raise BlobRejected(f"Arweave refused a chunk: {said}.")
        raise BlobsUnavailable(f"Arweave did not take a chunk ({answer.status_code} {said}).")

    async def standing(self, transaction_id: str) -> Mined | None:
        """Where a transaction is; None if neither a block nor the mempool has it."""
        answer = await self._ask("GET", f"/tx/{transaction_id}/status")
        if answer.status_code == 202:
            return Mined(0)
        if answer.status_code in (404, 410):
            return None
        if answer.status_code != 200:
            raise refusal(answer, "the question for a transaction")
        try:
            found = answer.json()
            return Mined(max(0, int(found["number_of_confirmations"])))
        except (ValueError, KeyError, TypeError):
            if answer.text.strip() == "Pending":
                return Mined(0)
            raise unreadable("/tx/{id}/status") from None

    async def transaction(self, transaction_id: str) -> Transaction | None:
        """The header, if its id is that of its signature and its owner signed it."""
        answer = await self._ask("GET", f"/tx/{transaction_id}")
        if answer.status_code in (202, 404, 410):
            return None
        if answer.status_code != 200:
            raise refusal(answer, "the question for a transaction")
        try:
            made = from_json(answer.json())
        except ValueError as error:  # InvalidInput too
            raise BlobMismatch(f"What came as transaction {transaction_id} is none.") from error
        if made.id != transaction_id or not made.is_genuine:
            raise BlobMismatch(f"The transaction that came is not {transaction_id}.")
        return made

    async def download(self, transaction: Transaction, into: Path) -> str:
        """Write a transaction's data to a new file; hex SHA-256 of it.

        Raises BlobMismatch, with nothing left behind, unless size and root are those signed.
        """
        try:
            digest = await self._receive(transaction, into)
            await asyncio.to_thread(require_root, transaction, into)
        except BaseException:
            await asyncio.to_thread(into.unlink, missing_ok=True)
            raise
        return digest

    async def find(self, content_cid: str) -> list[str]:
        """Ids of transactions that claim to hold the content, anybody's."""
        body = {"query": FIND, "variables": {"cid": [content_cid]}}
        answer = await self._ask("POST", "/graphql", json=body)
        if answer.status_code != 200:
            raise refusal(answer, "the search")
        try:
            edges = answer.json()["data"]["transactions"]["edges"]
            return [str(edge["node"]["id"]) for edge in edges]
        except (ValueError, KeyError, TypeError):
            raise unreadable("/graphql") from None

    async def _receive(self, transaction: Transaction, into: Path) -> str:
        digest, size = hashlib.sha256(), 0
        try:
            async with self._http.stream("GET", f"/{transaction.id}") as answer:
                if answer.status_code != 200:
                    raise BlobsUnavailable(
                        f"Arweave does not give {transaction.id} ({answer.status_code})."
                    )
                file = await asyncio.to_thread(into.open, "xb")
                with file:
                    async for block in answer.aiter_bytes(256 * 1024):
                        size += len(block)
                        if size > transaction.data_size:
                            break
                        digest.update(block)
                        await asyncio.to_thread(file.write, block)
        except httpx.HTTPError as error:
            raise unreachable(error) from error
        if size != transaction.data_size:
            raise BlobMismatch(f"The data that came is longer or shorter than {transaction.id}.")
        return digest.hexdigest()

    async def _json(self, method: str, path: str) -> Any:
        answer = await self._ask(method, path)
        if answer.status_code != 200:
            raise refusal(answer, path)
        try:
            return answer.json()
        except ValueError:
            raise unreadable(path) from None

    async def _text(self, method: str, path: str) -> str:
        answer = await self._ask(method, path)
        if answer.status_code != 200:
            raise refusal(answer, path)
        return answer.text

    async def _ask(
        self, method: str, path: str, json: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """A whole answer of bounded size; one that says to come back later raises."""
        try:
            async with self._http.stream(method, path, json=json) as answer:
                body = bytearray()
                async for block in answer.aiter_bytes():
                    body += block
                    if len(body) > JSON_BYTES:
                        raise unreadable(path)
        except httpx.HTTPError as error:
            raise unreachable(error) from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise BlobsUnavailable(
                f"Arweave has no time ({answer.status_code}).", retry_after=wait_of(answer)
            )
        return httpx.Response(
            answer.status_code, headers=plain(answer.headers), content=bytes(body)
        )


def require_root(transaction: Transaction, path: Path) -> None:
    """Raise BlobMismatch unless the file's root is the one that was signed. Blocks."""
    with path.open("rb") as file:
        root = tree_of(file, transaction.data_size).root
    if root != transaction.data_root:
        raise BlobMismatch(f"The data that came is not that of {transaction.id}.")


def plain(headers: httpx.Headers) -> httpx.Headers:
    """Without what speaks of the encoding that was undone already."""
    gone = {"content-encoding", "content-length", "transfer-encoding"}
    return httpx.Headers({k: v for k, v in headers.items() if k.lower() not in gone})


def refusal(answer: httpx.Response, what: str) -> EngramError:
    """What a status of 400 or more means."""
    said = word_of(answer)
    if answer.status_code == POOR[0] or any(str(p) in said.lower() for p in POOR[1:]):
        return Underfunded("The Arweave wallet holds less than this costs. Send AR to its address.")
    if answer.status_code in (404, 408, 425) or "anchor" in said.lower():
        # An anchor that is too old is no last word: it may have been mined before it was.
        return BlobsUnavailable(f"Arweave does not answer {what} ({answer.status_code}).")
    return BlobRejected(f"Arweave refused {what}: {answer.status_code} {said}.")


def word_of(answer: httpx.Response) -> str:
    """What an error's body says, in a few printable words."""
    try:
        found = answer.json()
        text = str(found["error"]) if isinstance(found, dict) and "error" in found else answer.text
    except ValueError:
        text = answer.text
    return "".join(letter for letter in text[:120] if letter.isprintable()).strip()


def whole_number(text: str, path: str) -> int:
    found = text.strip()
    if not (found.isascii() and found.isdigit()):
        raise unreadable(path)
    return int(found)


def wait_of(answer: httpx.Response) -> float | None:
    header = answer.headers.get("retry-after", "")
    return float(header) if header.isascii() and header.isdigit() else None


def unreadable(path: str) -> BlobsUnavailable:
    return BlobsUnavailable(f"What Arweave answered to {path} is no answer to it.")


def unreachable(error: httpx.HTTPError) -> BlobsUnavailable:
    return BlobsUnavailable(f"Arweave is not reached: {error or type(error).__name__}.")
