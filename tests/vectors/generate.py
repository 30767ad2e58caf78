"""Writes more.json: cases beyond v1.json, for every language that speaks the protocol.

    python tests/vectors/generate.py

The same cases come out every time; a test compares them with the committed file, and another
puts the number texts beside what a JavaScript engine prints.
"""

from __future__ import annotations

import json
import random
import struct
from itertools import islice, product
from pathlib import Path
from typing import Any

from engram.core.twin import assign, embedding_bytes, generate_cid, metadata_text, parse_metadata
from engram.core.where import matches, parse_where
from engram.errors import EngramError

SEED = 20_260_101
AWKWARD = list('ab=:;\\"/\n\t\x00\x1f\x7fé～😀\u2028\ue000\uffff\U00010000 ,')


def vectors() -> dict[str, Any]:
    """All cases, in the order in which they stand in the file."""
    rng = random.Random(SEED)
    embeddings = [_embedding(rng) for _ in range(4)]
    return {
        "embeddings_f32le_hex": [raw.hex() for raw in embeddings],
        "cid": [_record(rng, embeddings, text) for text in _metadata_texts(rng)],
        "number": [_number(text) for text in _numbers(rng)],
        "component": [_component(text) for text in _components(rng)],
        "refused_metadata_json": [_refused(text) for text in _refused_metadata()],
        "refused_version": [
            "",
            "v",
            "1",
            "V1",
            "v01",
            "v1 ",
            "v-1",
            "v1.0",
            "v١",
            "v1\n",
            "version1",
        ],
        "refused_cid": _refused_cids(),
        "placement": [_network(rng, size) for size in (0, 1, 2, 3, 4, 64, 256)],
        "where": [_filter(clause, metadata) for clause, metadata in product(CLAUSES, SUBJECTS)],
        "refused_where": REFUSED_CLAUSES,
    }


def text() -> str:
    """The file."""
    return json.dumps(vectors(), ensure_ascii=False, indent=1) + "\n"


def _embedding(rng: random.Random) -> bytes:
    components = [rng.gauss(0, 0.05) for _ in range(384)]
    components[7] = -0.0
    return embedding_bytes(components)


def _record(rng: random.Random, embeddings: list[bytes], metadata_json: str) -> dict[str, Any]:
    index = rng.randrange(len(embeddings))
    version = rng.choice(["v1", "v1", "v1", "v0", "v2", "v10"])
    metadata = parse_metadata(metadata_json)
    return {
        "embedding": index,
        "metadata_json": metadata_json,
        "model_version": version,
        "metadata_text": metadata_text(metadata).decode(),
        "cid": generate_cid(embeddings[index], metadata, version),
    }


def _metadata_texts(rng: random.Random) -> list[str]:
    spelled = [
        "{}",
        '{"a": 1.0, "b": 1, "c": 1e0, "d": 10E-1, "e": 0.1e1}',
        '{"zero": 0, "minus": -0, "tiny": 1e-400, "least": 5e-324}',
        r'{"\u0061": "\u00e9", "e\u0301": "\ud83d\ude00", "é": "\/"}',
        r'{"control": "\u0000\u001f\u007f", "j": ["\u0000\b\f\n\r\t\u001f\u007f\u2028"]}',
        '{"～": "bmp", "😀": "astral", "n": {"～": 1, "😀": 2, "": 3, "a": 4, "B": 5}}',
        '{"a": "", "a=": "", "a:": "", "a;": "", "a\\\\": "", "a ": "", "a!": ""}',
        '{"a:": "=1", "a": ":=1"}',
        '{"a": ":1"}',
        '{"a:": "1"}',
        '{"a": 1}',
        '{" ": 1}',
        '{"text": ' + json.dumps("é" * 8_192, ensure_ascii=False) + "}",
        '{"deep": [[[[[[{"eight": 1}]]]]]]}',
        '{"deep": {"b": {"c": {"d": {"e": {"f": {"g": 8}}}}}}}',
        '{"empty": {}, "none": [], "null": null, "yes": true, "no": false}',
    ]
    return spelled + [_json(rng, _object(rng, 3, rng.randrange(1, 6))) for _ in range(140)]


def _object(rng: random.Random, levels: int, size: int) -> dict[str, Any]:
    return {_word(rng) or "k": _value(rng, levels) for _ in range(size)}


def _value(rng: random.Random, levels: int) -> Any:
    kind = rng.randrange(8 if levels else 6)
    if kind < 2:
        return _word(rng)
    if kind == 2:
        return rng.choice([None, True, False])
    if kind == 3:
        return rng.randint(-(2**53) + 1, 2**53 - 1)
    if kind < 6:
        return rng.uniform(-1, 1) * 10.0 ** rng.randint(-12, 15)
    if kind == 6:
        return [_value(rng, levels - 1) for _ in range(rng.randrange(4))]
    return _object(rng, levels - 1, rng.randrange(4))


def _word(rng: random.Random) -> str:
    return "".join(rng.choice(AWKWARD) for _ in range(rng.randrange(7)))


def _json(rng: random.Random, value: Any) -> str:
    return json.dumps(value, ensure_ascii=rng.random() < 0.5)


def _numbers(rng: random.Random) -> list[str]:
    spelled = ["0", "-0", "-0.0", "1.0", "1E2", "1e-6", "1e-7", "-1.5e-7", "0.000001", "1e15"]
    spelled += ["9007199254740991", "-9007199254740991", "9007199254740991.4", "4503599627370496.5"]
    spelled += [
        "1962539299388703.2",
        "5e-324",
        "2.2250738585072014e-308",
        "1e-323",
        "0.1",
        "1e-400",
    ]
    powers = [repr(2.0**-exponent) for exponent in range(1, 80, 3)]
    halves = [f"{rng.randrange(2**52)}.{half}" for half in (125, 25, 375, 5, 625, 75, 875)]
    drawn = (struct.unpack("<d", rng.randbytes(8))[0] for _ in iter(int, 1))
    small = [repr(number) for number in islice((d for d in drawn if abs(d) < 1e15), 60)]
    return spelled + powers + halves + small


def _number(number: str) -> dict[str, str]:
    pair = metadata_text(parse_metadata(f'{{"x": {number}}}')).decode()
    return {"json": number, "text": pair.removeprefix("x:=").removesuffix(";")}


def _components(rng: random.Random) -> list[str]:
    spelled = ["0", "-0.0", "1e-46", "7.006492321624085e-46", "7.006492321624086e-46", "-1e-45"]
    spelled += [
        "1.00000005960464477539",
        "1.0000001788139343",
        "16777217",
        "16777219",
        "-33554433.5",
    ]
    return spelled + [repr(rng.uniform(-1, 1) * 10.0 ** rng.randint(-40, 11)) for _ in range(40)]


def _component(number: str) -> dict[str, str]:
    raw = embedding_bytes([float(number)] + [1.0] * 383)
    return {"json": number, "f32le_hex": raw[:4].hex()}


def _refused_metadata() -> list[str]:
    return [
        "",
        "{",
        "{} {}",
        '{"x": 01}',
        '{"x": 1.}',
        '{"x": .5}',
        '{"x": +1}',
        "{'x': 1}",
        '{"x": 1,}',
        '{"x": "\t"}',
        '{"x": -Infinity}',
        '{"x": 1e309}',
        r'{"x": "\ud83d\u0041"}',
        r'{"x": "\ude00\ud83d"}',
        '\ufeff{"x": 1}',
        '{"x": 1, "\\u0078": 2}',
        '{"x": [{"y": {"z": 1, "z": 2}}]}',
        '{"text": ":", "x": 1, "x": 1}',
        '{"x": -9007199254740992}',
        '{"x": 9007199254740991.5}',
        '{"x": [1, {"y": 1e17}]}',
        '{"x": 18446744073709551616}',
        '{"text": ' + json.dumps("a" * 8_193) + "}",
        '{"x": ' + json.dumps("a" * 65_534) + "}",
        '{"x": ' + json.dumps(";" * 32_767) + "}",
        '{"x": ' + "[" * 8 + "]" * 8 + "}",
        '{"x": ' + '{"y":' * 8 + "1" + "}" * 9,
        '{"": null}',
        "1",
        "true",
    ]


def _refused(metadata_json: str) -> dict[str, str]:
    try:
        parse_metadata(metadata_json)
    except EngramError as error:
        return {"json": metadata_json, "code": error.code}
    raise AssertionError(f"not refused: {metadata_json}")


def _refused_cids() -> list[str]:
    digits = "0123456789abcdef" * 4
    upper, short, long = digits.upper(), digits[1:], digits + "0"
    bad = [f"v1::{other}" for other in (upper, short, long, "g" + short, " " + short, "٠" + short)]
    return [*bad, digits, f"v1:{digits}", f"v2::{digits}", f"V1::{digits}", f"v1::{digits}\n", ""]


def _network(rng: random.Random, size: int) -> dict[str, Any]:
    blocks = [rng.randbytes(32) for _ in range(max(1, size // 2))]
    members = [(uid, rng.choice(blocks)) for uid in rng.sample(range(65_536), size)]
    cids = [f"v1::{rng.randbytes(32).hex()}" for _ in range(6)]
    listed = [{"uid": uid, "registration_block_hash": block.hex()} for uid, block in members]
    placed = [{"cid": cid, "assigned_uids": assign(cid, members)} for cid in cids]
    return {"members": listed, "assignments": placed}


SUBJECTS: list[dict[str, Any]] = [
    {},
    {"page": 3, "source": "arxiv"},
    {"page": 3.5, "source": "Arxiv", "tags": ["a", 1]},
    {"page": "3", "source": None, "tags": ["a", True]},
    {"page": True, "source": "～", "tags": []},
    {"page": None, "source": "😀", "where": {"lat": 1, "lon": 2.0}},
]

CLAUSES: list[dict[str, Any]] = [
    {},
    {"page": 3},
    {"page": 3.0},
    {"page": True},
    {"page": None},
    {"page": "3"},
    {"page": {"$eq": 3}},
    {"page": {"$ne": 3}},
    {"page": {"$gte": 3}},
    {"page": {"$gt": 3, "$lt": 4}},
    {"page": {"$lte": 3.5}},
    {"page": {"$lt": "4"}},
    {"page": {"$in": [3, "3"]}},
    {"page": {"$nin": [3, "3"]}},
    {"page": {"$in": []}},
    {"page": {"$nin": []}},
    {"source": {"$gt": "a"}},
    {"source": {"$gt": "～"}},
    {"source": {"$exists": True}},
    {"tags": {"$exists": False}},
    {"tags": ["a", 1]},
    {"tags": ["a", 1.0]},
    {"tags": {"$ne": ["a", True]}},
    {"tags": []},
    {"where": {"lon": 2, "lat": 1}},
    {"where": {"$eq": {"lat": 1, "lon": 2}}},
    {"where": {"lat": 1}},
    {"where": {"$in": [{"lat": 1, "lon": 2}]}},
    {"page": 3, "source": "arxiv"},
    {"$and": [{"page": 3}, {"source": "arxiv"}]},
    {"$or": [{"page": 3}, {"source": "😀"}]},
    {"$not": {"page": 3}},
    {"$not": {"page": {"$gte": 3}}},
    {"page": {"$not": {"$gte": 3}}},
    {"$not": {"$or": [{"page": {"$exists": False}}, {"page": {"$in": [None, True]}}]}},
]

REFUSED_CLAUSES: list[Any] = [
    None,
    [],
    "page",
    {"$nor": [{}]},
    {"$eq": 3},
    {"$and": []},
    {"$and": {}},
    {"$or": [3]},
    {"$not": [{}]},
    {"page": {"$like": "x"}},
    {"page": {"$gt": None}},
    {"page": {"$gt": True}},
    {"page": {"$lt": [1]}},
    {"page": {"$in": 3}},
    {"page": {"$nin": {"a": 1}}},
    {"page": {"$exists": 1}},
    {"page": {"$exists": None}},
    {"page": {"$not": 3}},
    {"page": {"$not": {"a": 1}}},
    {"$and": [{"page": number} for number in range(65)]},
    {"page": {"$in": list(range(1_001))}},
    {"page": [[[[[[[[1]]]]]]]]},
]


def _filter(clause: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    held = matches(parse_where(clause), metadata)
    return {"where": clause, "metadata": metadata, "matches": held}


if __name__ == "__main__":
    (Path(__file__).parent / "more.json").write_text(text(), "utf-8")
