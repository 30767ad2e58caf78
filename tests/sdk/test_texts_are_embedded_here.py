"""Texts are embedded before they are sent: the node gets vectors and has nothing to compute."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from engram import AsyncMemory, Memory
from engram.core import generate_cid
from engram.embedding.interface import Embedded
from engram.errors import InvalidInput, InvalidText
from engram.sdk import EngramClient, Failed, Ingested
from engram.sdk.items import vector_b64
from tests.miner.hash_embedder import HashEmbedder, vector_of
from tests.sdk.scripted_node import INGESTED, URL, ScriptedNode, ok

FOUND = {"results": [], "latency_ms": 1.0}


class WatchedEmbedder(HashEmbedder):
    """Remembers its calls."""

    def __init__(self, *, exact: bool = True) -> None:
        super().__init__(exact=exact)
        self.calls: list[list[str]] = []
        self.threads: list[int] = []
        self.callers: set[int] = set()

    def embed(self, texts: Sequence[str], threads: int = 1) -> list[Embedded]:
        self.calls.append([*texts])
        self.threads.append(threads)
        self.callers.add(threading.get_ident())
        return super().embed(texts, threads)


def cid_of(text: str, **metadata: Any) -> str:
    return generate_cid(vector_of(text), {"text": text} | metadata)


def stored(*texts: str) -> list[Any]:
    return [INGESTED | {"cid": cid_of(text)} for text in texts]


def test_the_vector_is_sent_and_the_text_only_in_the_metadata() -> None:
    node = ScriptedNode(ok(INGESTED | {"cid": cid_of("oak", page=1)}), embed=HashEmbedder())
    assert node.client().ingest("oak", {"page": 1}).cid == cid_of("oak", page=1)
    assert node.body() == {
        "metadata": {"text": "oak", "page": 1},
        "embedding_b64": vector_b64(vector_of("oak")),
    }


@pytest.mark.parametrize("exact", [True, False])
def test_the_reply_says_what_only_this_machine_knows(exact: bool) -> None:
    """To a node a vector is whole, and exact because it computed nothing."""
    long = "word " * 300
    reply = INGESTED | {"cid": cid_of(long), "truncated": False, "exact": True}
    node = ScriptedNode(ok(reply), ok({"outcomes": [reply]}), embed=HashEmbedder(exact=exact))
    client = node.client()
    for one in (client.ingest(long), *client.ingest_many([long])):
        assert isinstance(one, Ingested)
        assert (one.truncated, one.exact) == (True, exact)


def test_a_vector_of_the_callers_own_is_not_said_to_be_made_here() -> None:
    vector = [0.5] * 384
    reply = INGESTED | {"cid": generate_cid(vector, {}), "exact": True}
    node = ScriptedNode(ok(reply), embed=HashEmbedder(exact=False))
    assert node.client().ingest_embedding(vector).exact


def test_a_question_is_sent_as_a_vector_too() -> None:
    node = ScriptedNode(ok(FOUND), embed=HashEmbedder())
    node.client().query("which tree?", 3, {"page": 1})
    assert node.body() == {
        "query_b64": vector_b64(vector_of("which tree?")),
        "top_k": 3,
        "where": {"page": 1},
    }


def test_a_batch_is_embedded_at_once_by_all_threads_and_stays_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ENGRAM_EMBED_THREADS", "7")
    embedder = WatchedEmbedder()
    vector = [0.5] * 384
    texts = [f"text {n}" for n in range(300)]
    replies = stored(*texts)
    replies[2] = INGESTED | {"cid": generate_cid(vector, {})}
    sent = [ok({"outcomes": replies[:256]}), ok({"outcomes": replies[256:]})]
    node = ScriptedNode(*sent, embed=embedder)
    items: list[Any] = [*texts]
    items[2] = {"raw_embedding": vector}
    outcomes = node.client().ingest_many(items)
    assert [getattr(one, "cid", None) for one in outcomes] == [one["cid"] for one in replies]
    assert embedder.calls == [texts[:2] + texts[3:256], texts[256:]]
    assert embedder.threads == [7, 7]


def test_bad_items_fail_alone_and_what_the_node_must_refuse_goes_to_it_as_it_is() -> None:
    strange = {"text": "other model", "model_version": "v2"}
    both = {"text": "two things", "embedding_b64": vector_b64([0.5] * 384)}
    refused = {"error": "no", "code": "unsupported_version"}
    outcomes = [stored("fine")[0], refused, refused, refused]
    node = ScriptedNode(ok({"outcomes": outcomes}), embed=HashEmbedder())
    no_base64 = {"embedding_b64": 5}
    bad: list[Any] = [
        "",
        "x" * 8193,
        "\ud800",
        {"text": "t", "metadata": {"n": 2**53}},
        {"text": "t", "metadata": {"n": 10**400}},
    ]
    found = node.client().ingest_many(["fine", *bad, strange, both, no_base64])
    assert isinstance(found[0], Ingested)
    codes = [one.code for one in found if isinstance(one, Failed)]
    wanted = [*["invalid_text"] * 3, "invalid_metadata", "malformed_json", *[refused["code"]] * 3]
    assert codes == wanted
    assert node.body()["items"][1:] == [
        strange | {"metadata": {"text": "other model"}},
        both | {"metadata": {"text": "two things"}},
        no_base64 | {"metadata": {}},
    ]


@pytest.mark.parametrize("embed", ["remote", HashEmbedder()])
@pytest.mark.parametrize("text", ["", "x" * 8193, "a\udfffb", 5])
def test_a_text_that_no_node_takes_is_refused_before_anything_is_sent(
    embed: Any, text: Any
) -> None:
    node = ScriptedNode(embed=embed)
    with pytest.raises(InvalidText, match=r"^text: "):
        node.client().ingest(text)
    with pytest.raises(InvalidText, match=r"^query_text: "):
        node.client().query(text)
    assert not node.requests


def test_8192_code_points_are_a_text() -> None:
    text = "\U0001f333" * 8192
    node = ScriptedNode(ok(stored(text)[0]), embed=HashEmbedder())
    assert node.client().ingest(text).cid == cid_of(text)


def test_metadata_that_no_record_can_hold_is_refused_before_anything_is_sent() -> None:
    node = ScriptedNode(embed=HashEmbedder())
    with pytest.raises(InvalidInput):
        node.client().ingest("oak", {"n": 2**53})
    assert not node.requests


async def test_the_event_loop_never_embeds() -> None:
    embedder = WatchedEmbedder()
    replies = [ok(stored("oak")[0]), ok({"outcomes": stored("ash", "elm")}), ok(FOUND)]
    client = ScriptedNode(*replies, embed=embedder).async_client()
    await client.ingest("oak")
    await client.ingest_many(["ash", "elm"])
    await client.query("tree")
    assert [len(call) for call in embedder.calls] == [1, 2, 1]
    assert threading.get_ident() not in embedder.callers


async def test_a_memory_at_a_node_hands_its_choice_on() -> None:
    text = "oak"
    reply = ok(INGESTED | {"cid": cid_of(text, namespace="default")})
    node = ScriptedNode(reply, embed=HashEmbedder())
    for memory in (Memory(url=URL, embed=node.embed), AsyncMemory(url=URL, embed=node.embed)):
        assert memory._backend._own._embed is node.embed  # type: ignore[union-attr]
        closing = memory.close()
        if closing is not None:
            await closing


def test_a_folder_takes_an_embedder_of_ones_own(tmp_path: Any) -> None:
    with Memory(tmp_path / "m", embed=HashEmbedder()) as memory:
        added = memory.add("oak")
        assert added.exact
        assert added.cid == cid_of("oak", namespace="default")
        assert memory.verify(added.cid).embedding_of_text == "exact"


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"url": URL, "embed": "here"}, "'auto', 'local' or 'remote', not 'here'"),
        ({"path": "./m", "embed": "here"}, "'auto', 'local' or 'remote', not 'here'"),
        ({"path": "./m", "embed": "remote"}, "goes with url="),
    ],
)
def test_a_choice_that_is_none_is_refused(options: Any, hint: str) -> None:
    with pytest.raises(InvalidInput, match=hint):
        Memory(**options)
    with pytest.raises(InvalidInput, match=hint):
        AsyncMemory(**options)


def test_only_a_text_asks_for_the_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading, listing and sending vectors leave the model where it is."""
    monkeypatch.setattr(
        "engram.sdk.own_embedder.shared_embedder", lambda _: pytest.fail("loaded for nothing")
    )
    vector = [0.5] * 384
    replies = [
        INGESTED | {"cid": generate_cid(vector, {})},
        FOUND,
        {"records": [], "cursor": None},
    ]
    served = iter([httpx.Response(200, json=reply) for reply in replies])
    with EngramClient(URL, transport=httpx.MockTransport(lambda _: next(served))) as client:
        client.ingest_embedding(vector)
        client.query_by_vector(vector)
        assert [*client.list()] == []
