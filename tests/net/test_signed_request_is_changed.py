"""Whatever is changed on the way, or made for somebody else, is not what was signed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import Unauthorized
from engram.net import signed as headers_of
from engram.net.signed import HOTKEY, NONCE, RECEIVER, SIGNATURE, TIME, claim_of
from tests.chain.worlds import signer
from tests.net.signing import BODY, Receiver, Request, signed


@pytest.fixture
def receiver() -> Receiver:
    made = Receiver()
    made.clocks.pass_(5)
    return made


async def refused(receiver: Receiver, request: Request, match: str = ".") -> None:
    with pytest.raises(Unauthorized, match=match) as caught:
        await receiver.take(request)
    assert (caught.value.status, caught.value.code) == (401, "bad_signature")
    assert receiver.paid == 0


async def test_what_is_not_changed_is_taken(receiver: Receiver) -> None:
    assert await receiver.take(signed(receiver)) == signer("sender").hotkey


@pytest.mark.parametrize("body", [b"", b"Records", BODY + b"\0", BODY[:-1]])
async def test_another_body(receiver: Receiver, body: bytes) -> None:
    await refused(receiver, replace(signed(receiver), body=body))


@pytest.mark.parametrize("path", ["/compare", "/replica/", "/replica?x=1", "//replica", "/Replica"])
async def test_another_path(receiver: Receiver, path: str) -> None:
    await refused(receiver, replace(signed(receiver), path=path))


async def test_another_method(receiver: Receiver) -> None:
    await refused(receiver, replace(signed(receiver), method="PUT"))


async def test_it_was_for_another_node(receiver: Receiver) -> None:
    request = signed(Receiver("somebody else", receiver.clocks))
    await refused(receiver, request, "another node")
    request.headers[RECEIVER] = receiver.hotkey
    await refused(receiver, request, "signature")


async def test_another_sender_claims_it(receiver: Receiver) -> None:
    request = signed(receiver)
    request.headers[HOTKEY] = signer("thief").hotkey
    await refused(receiver, request, "signature")


@pytest.mark.parametrize(("name", "value"), [(NONCE, "00" * 16), (TIME, "1800000005001")])
async def test_another_nonce_or_time(receiver: Receiver, name: str, value: str) -> None:
    request = signed(receiver)
    assert request.headers[name] != value
    request.headers[name] = value
    await refused(receiver, request, "signature")


@given(st.integers(0, 511))
def test_every_bit_of_the_signature_counts(bit: int) -> None:
    receiver = Receiver()
    receiver.clocks.pass_(5)
    request = signed(receiver)
    raw = bytearray.fromhex(request.headers[SIGNATURE])
    raw[bit // 8] ^= 1 << bit % 8
    request.headers[SIGNATURE] = raw.hex()
    claim = receiver.seal.claim(request.headers)
    assert not receiver.seal.is_signed(claim, request.method, request.path, request.body)


@pytest.mark.parametrize("name", headers_of.FORMS)
async def test_a_header_is_missing(receiver: Receiver, name: str) -> None:
    request = signed(receiver)
    del request.headers[name]
    await refused(receiver, request, f"{name} is missing")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (HOTKEY, "alice"),
        (HOTKEY, "5" * 49),  # of the right letters, and no address
        (NONCE, "0F" * 16),
        (NONCE, "0f" * 17),
        (TIME, "-5"),
        (TIME, "01800000005000"),
        (TIME, "1.8e12"),
        (TIME, "٣" * 13),
        (SIGNATURE, "0f" * 63),
        (SIGNATURE, "0f" * 64 + "\n"),
    ],
)
async def test_a_header_is_malformed(receiver: Receiver, name: str, value: str) -> None:
    request = signed(receiver)
    request.headers[name] = value
    await refused(receiver, request)


@given(st.dictionaries(st.sampled_from([*headers_of.FORMS]), st.text(max_size=200)))
def test_no_headers_do_more_harm_than_a_refusal(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        claim_of(headers)


def test_a_claim_is_what_the_headers_say(receiver: Receiver) -> None:
    claim = claim_of(signed(receiver, nonce="ab" * 16).headers)
    assert claim.sender == signer("sender").hotkey
    assert claim.receiver == receiver.hotkey
    assert (claim.nonce, claim.time_ms) == ("ab" * 16, 1_800_000_005_000)
